"""Positions, margin, funding and liquidation on the served futures."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import orjson
import pytest
from builders.futures_desk import ask, held, limit, listening, meet, run, until

from bot4.adapters.simulator.faults.settings import FaultSettings
from bot4.adapters.simulator.futures.trade.engine import FuturesEngine


class TestPositions:
    def test_wallets_positions_incomes_and_events_tell_the_same(self):
        async def body(exchange):
            listener = listening(exchange)
            await meet(exchange, "0.100", "60000")
            await limit(exchange.bob, "BUY", "60500", "0.040")
            await limit(exchange.alice, "SELL", "60500", "0.040", reduceOnly="true")
            (position,) = await ask(exchange.alice, "GET", "v3/positionRisk", symbol="BTCUSDT")
            assert (position["positionAmt"], Decimal(position["entryPrice"])) == ("0.060", 60_000)
            incomes = await ask(exchange.alice, "GET", "v1/income")
            by_kind = {}
            for row in incomes:
                by_kind[row["incomeType"]] = by_kind.get(row["incomeType"], Decimal(0)) + Decimal(row["income"])
            assert by_kind["REALIZED_PNL"] == 20
            assert by_kind["COMMISSION"] == -(Decimal(6000) * 5 + Decimal(2420) * 5) / 10_000
            (wallet,) = await ask(exchange.alice, "GET", "v3/balance")
            assert Decimal(wallet["balance"]) == sum(by_kind.values())
            told = listener.of("ACCOUNT_UPDATE")[-1]["a"]
            assert (told["m"], told["B"][0]["wb"], told["P"][0]["pa"]) == ("ORDER", wallet["balance"], "0.060")
            assert [event["l"] for event in listener.of("TRADE_LITE")] == ["0.100", "0.040"]
            ledger = (await exchange.admin_call("GET", "/ledger")).body["futures"]["accounts"]["alice"]
            assert (ledger["wallet"], ledger["positions"][0]["positionAmt"]) == (wallet["balance"], "0.060")

        run(body)

    def test_open_orders_hold_margin_that_is_told_beside_the_positions(self):
        async def body(exchange):
            await ask(exchange.alice, "POST", "v1/leverage", symbol="BTCUSDT", leverage=10)
            await limit(exchange.alice, "BUY", "59000", "0.100")
            (position,) = await ask(exchange.alice, "GET", "v3/positionRisk")
            assert (position["positionAmt"], Decimal(position["openOrderInitialMargin"])) == ("0.000", 590)
            assert (Decimal(position["bidNotional"]), Decimal(position["askNotional"])) == (5_900, 0)
            account = await ask(exchange.alice, "GET", "v3/account")
            assert Decimal(account["totalOpenOrderInitialMargin"]) == 590
            assert Decimal(account["availableBalance"]) == 100_000 - 590

        run(body)

    def test_reduce_only_is_cut_to_the_position_and_never_turns_it(self):
        async def body(exchange):
            await meet(exchange, "0.100")
            await limit(exchange.bob, "BUY", "59990", "0.500")
            sold = await limit(exchange.alice, "SELL", "59990", "0.300", reduceOnly="true")
            assert sold["executedQty"] == "0.100"
            assert await ask(exchange.alice, "GET", "v3/positionRisk") == []

        run(body)

    def test_hedge_mode_holds_a_long_and_a_short(self):
        async def body(exchange):
            dual = {"dualSidePosition": "true"}
            await ask(exchange.alice, "POST", "v1/positionSide/dual", **dual)
            assert (await ask(exchange.alice, "POST", "v1/positionSide/dual", 400, **dual))["code"] == -4059
            await limit(exchange.bob, "SELL", "60000", "0.1")
            await limit(exchange.alice, "BUY", "60000", "0.1", positionSide="LONG")
            await limit(exchange.bob, "BUY", "59990", "0.05")
            await limit(exchange.alice, "SELL", "59990", "0.05", positionSide="SHORT")
            rows = await ask(exchange.alice, "GET", "v3/positionRisk")
            assert {row["positionSide"]: row["positionAmt"] for row in rows} == {"LONG": "0.100", "SHORT": "-0.050"}
            assert (await limit(exchange.alice, "BUY", "60000", "0.1", 400))["code"] == -4061
            assert (await ask(exchange.alice, "POST", "v1/positionSide/dual", 400, dualSidePosition="false"))[
                "code"
            ] == -4068

        run(body)

    def test_leverage_and_isolated_margin_are_chosen_and_told(self):
        async def body(exchange):
            listener = listening(exchange)
            chosen = await ask(exchange.alice, "POST", "v1/leverage", symbol="BTCUSDT", leverage=50)
            assert (chosen["leverage"], chosen["maxNotionalValue"]) == (50, "12000000")
            assert listener.of("ACCOUNT_CONFIG_UPDATE")[-1]["ac"] == {"s": "BTCUSDT", "l": 50}
            refused = await ask(exchange.alice, "POST", "v1/leverage", 400, symbol="BTCUSDT", leverage=126)
            assert refused["code"] == -4028
            await ask(exchange.alice, "POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
            await meet(exchange, "0.100")
            (position,) = await ask(exchange.alice, "GET", "v2/positionRisk", symbol="BTCUSDT")
            assert (position["marginType"], Decimal(position["isolatedWallet"])) == ("isolated", 120)
            more = {"symbol": "BTCUSDT", "amount": "30", "type": 1}
            assert (await ask(exchange.alice, "POST", "v1/positionMargin", **more))["amount"] == 30.0
            assert listener.of("ACCOUNT_UPDATE")[-1]["a"]["m"] == "MARGIN_TRANSFER"
            (position,) = await ask(exchange.alice, "GET", "v2/positionRisk", symbol="BTCUSDT")
            assert Decimal(position["isolatedWallet"]) == 150
            (moved,) = await ask(exchange.alice, "GET", "v1/positionMargin/history", symbol="BTCUSDT")
            assert (moved["type"], Decimal(moved["amount"])) == (1, 30)
            cross = await ask(
                exchange.alice, "POST", "v1/marginType", 400, symbol="BTCUSDT", marginType="CROSSED"
            )  # fmt: skip
            assert cross["code"] == -4048

        run(body)

    def test_one_margin_asset_is_all_there_is(self):
        async def body(exchange):
            assert await ask(exchange.alice, "GET", "v1/multiAssetsMargin") == {"multiAssetsMargin": False}
            refused = await ask(exchange.alice, "POST", "v1/multiAssetsMargin", 400, multiAssetsMargin="true")
            assert (refused["code"], refused["msg"]) == (-1020, "This operation is not supported.")

        run(body)


async def funded(exchange):
    """Hold a position over a settlement; return what both sides paid and the rate that was told."""
    await meet(exchange, "0.100")
    listener = listening(exchange)
    await until(lambda: exchange.usdm.market("BTCUSDT").marks.fundings)
    await until(lambda: listener.of("ACCOUNT_UPDATE"))
    paid = {}
    for client in (exchange.alice, exchange.bob):
        rows = await ask(client, "GET", "v1/income", incomeType="FUNDING_FEE")
        paid[client.key] = Decimal(rows[0]["income"])
    rates = (await exchange.alice.plain("GET", "/fapi/v1/fundingRate", symbol="BTCUSDT")).body
    settled = [rate for rate in rates if rate["fundingTime"] <= rows[0]["time"]]
    return paid, settled[-1], listener.of("ACCOUNT_UPDATE")[0]["a"]


def check_funding(paid, rate, told):
    owed = Decimal("0.1") * Decimal(rate["markPrice"]) * Decimal(rate["fundingRate"])
    assert abs(paid["alicekey"] + owed) <= Decimal("0.00000001")
    assert abs(paid["bobkey"] - owed) <= Decimal("0.00000001")
    assert (told["m"], told["P"]) == ("FUNDING_FEE", [])
    assert Decimal(told["B"][0]["bc"]) == paid["alicekey"]


class TestFunding:
    def test_longs_pay_shorts_at_the_settlement(self):
        async def body(exchange):
            check_funding(*await funded(exchange))

        run(body, funding_interval_s=3)

    def test_an_exchange_that_charges_no_funding_is_noticed(self, monkeypatch):
        monkeypatch.setattr(FuturesEngine, "apply_funding", lambda *_: 0)

        async def body(exchange):
            with pytest.raises(AssertionError):
                await asyncio.wait_for(noticed(exchange), 10)

        async def noticed(exchange):
            await meet(exchange, "0.100")
            await until(lambda: exchange.usdm.market("BTCUSDT").marks.fundings)
            await asyncio.sleep(0.2)
            assert await ask(exchange.alice, "GET", "v1/income", incomeType="FUNDING_FEE")

        run(body, funding_interval_s=1)


class TestLiquidation:
    def test_who_is_below_maintenance_is_called_and_then_closed(self):
        async def body(exchange):
            await ask(exchange.alice, "POST", "v1/leverage", symbol="BTCUSDT", leverage=100)
            await meet(exchange, "0.130")  # 7,800 of notional on a wallet of 100
            await limit(exchange.bob, "BUY", "59300", "0.100")  # takes a part, the house the rest
            listener = listening(exchange)
            async with exchange.session.ws_connect(exchange.futures_ws + "/market/ws/!forceOrder@arr") as forced:
                exchange.server.set_faults(FaultSettings(mark_shift_bps=-80))
                await until(lambda: listener.of("MARGIN_CALL"))
                assert not listener.of("ORDER_TRADE_UPDATE")
                exchange.server.set_faults(FaultSettings(mark_shift_bps=-200))
                await until(lambda: listener.of("ORDER_TRADE_UPDATE"))
                event = orjson.loads((await forced.receive(20)).data)
            closed = listener.of("ORDER_TRADE_UPDATE")[0]["o"]
            assert closed["c"].startswith("autoclose-")
            assert (event["e"], event["o"]["s"], event["o"]["S"], event["o"]["z"]) == (
                "forceOrder", "BTCUSDT", "SELL", "0.100",
            )  # fmt: skip
            assert listener.of("MARGIN_CALL")[0]["p"][0]["pa"] == "0.130"
            await until(lambda: not exchange.usdm.engine.positions(held(exchange).number))
            (order,) = await ask(exchange.alice, "GET", "v1/forceOrders")
            assert order["side"] == "SELL"
            total = (await exchange.admin_call("GET", "/ledger")).body["futures"]["totals"]["USDT"]
            assert Decimal(total) == 100 + 100_000, "nothing came from nowhere"

        accounts = ("alice:alicekey:alicesecret:FUTURES:USDT=100", "bob:bobkey:bobsecret:USDT=100000,BTC=1")
        run(body, accounts=accounts)
