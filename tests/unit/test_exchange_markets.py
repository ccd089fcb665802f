"""What anyone may ask of the exchange's markets: rules, tickers, trades and bars."""

from __future__ import annotations

import pytest
from builders.quiet_venue import START_NS, QuietVenue

from bot4.adapters.simulator.api.endpoint import Security
from bot4.adapters.simulator.api.table import ENDPOINTS
from bot4.adapters.simulator.market.depth_diffs import DiffCollector, LevelChange
from bot4.adapters.simulator.trade.account import Account
from bot4.adapters.simulator.wire.limits import Limits

BTC, BOTH = {"symbol": "BTCUSDT"}, {"symbols": '["BTCUSDT","ETHUSDT"]'}


@pytest.fixture
def venue() -> QuietVenue:
    """Two trades on BTCUSDT, at 60,000 and at 60,100."""
    venue = QuietVenue()
    venue.trade("60000")
    venue.trade("60100", "0.02")
    return venue


class TestRules:
    def test_one_some_or_all_symbols_are_told(self, venue):
        assert [row["symbol"] for row in venue.ask("GET exchangeInfo", **BTC)["symbols"]] == ["BTCUSDT"]
        assert len(venue.ask("GET exchangeInfo", **BOTH)["symbols"]) == 2
        assert len(venue.ask("GET exchangeInfo")["symbols"]) == len(venue.venue.markets)
        assert venue.refusal("GET exchangeInfo", symbol="NOPE").code == -1121

    def test_symbols_are_chosen_in_one_way_only(self, venue):
        for two in (BTC | BOTH, BTC | {"permissions": "SPOT"}, BTC | {"symbolStatus": "TRADING"}):
            assert venue.refusal("GET exchangeInfo", **two).code == -1128
        assert venue.refusal("GET executionRules", **BTC, **BOTH).code == -1128

    def test_permissions_and_permission_sets_are_those_of_a_spot_market(self, venue):
        assert venue.ask("GET exchangeInfo", permissions="MARGIN")["symbols"] == []
        some = venue.ask("GET exchangeInfo", permissions='["SPOT","MARGIN"]', showPermissionSets="false")["symbols"]
        assert {str(row["permissionSets"]) for row in some} == {"[]"}
        for wrong in ("[", "[7]"):
            assert venue.refusal("GET exchangeInfo", permissions=wrong).code == -1130
        assert venue.refusal("GET exchangeInfo", showPermissionSets="maybe").code == -1130

    def test_limits_are_told_where_there_are_any(self, venue):
        assert venue.ask("GET exchangeInfo")["rateLimits"] == []
        limits = QuietVenue(limits=Limits(weight_per_minute=77)).ask("GET exchangeInfo")["rateLimits"]
        assert 77 in {limit["limit"] for limit in limits}

    def test_symbols_of_another_status_are_left_out_and_asked_for_alone_refused(self, venue):
        assert venue.ask("GET executionRules", symbolStatus="HALT")["symbolRules"] == []
        assert len(venue.ask("GET executionRules", **BTC)["symbolRules"]) == 1
        assert venue.refusal("GET ticker/price", **BTC, symbolStatus="HALT").code == -1220

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [("[", -1100), ('"BTCUSDT"', -1130), ("[]", -1130), ("[7]", -1100), ('["BTCUSDT","BTCUSDT"]', -1151)],
    )
    def test_a_list_of_symbols_is_a_json_list_of_names_each_once(self, venue, wrong, code):
        assert venue.refusal("GET exchangeInfo", symbols=wrong).code == code


class TestTickers:
    def test_one_symbol_is_a_row_and_several_are_rows(self, venue):
        assert venue.ask("GET ticker/price", **BTC) == {"symbol": "BTCUSDT", "price": "60100.00000000"}
        assert [row["symbol"] for row in venue.ask("GET ticker/price", **BOTH)] == ["BTCUSDT", "ETHUSDT"]
        assert len(venue.ask("GET ticker/bookTicker")) == len(venue.venue.markets)
        assert venue.refusal("GET ticker/price", **BTC, **BOTH).code == -1128

    def test_the_day_is_told_in_full_or_short(self, venue):
        full = venue.ask("GET ticker/24hr", **BTC)
        mini = venue.ask("GET ticker/24hr", **BTC, type="MINI")
        assert (full["openPrice"], full["lastPrice"], full["lastQty"]) == (
            "60000.00000000", "60100.00000000", "0.02000000",
        )  # fmt: skip
        assert set(mini) < set(full)

    def test_windows_need_a_symbol_and_a_length_that_there_is(self, venue):
        for path in ("ticker", "ticker/tradingDay"):
            assert venue.refusal(f"GET {path}").code == -1102
            assert venue.ask(f"GET {path}", **BTC, type="MINI")["volume"] == "0.03000000"
        assert venue.refusal("GET ticker", **BTC, windowSize="61m").code == -1130
        assert venue.ask("GET ticker", **BTC, windowSize="1m")["count"] == 2

    def test_the_average_price_is_weighted_by_volume(self, venue):
        assert venue.ask("GET avgPrice", **BTC)["price"].startswith("60066.6666")
        assert venue.ask("GET avgPrice", symbol="ETHUSDT")["mins"] == 5

    def test_no_market_has_a_reference_price_or_block_trades(self, venue):
        assert venue.refusal("GET referencePrice", **BTC).code == -2043
        assert venue.ask("GET historicalBlockTrades", **BTC, fromId=0) == []


class TestTrades:
    def test_the_last_ones_or_those_from_an_id_on(self, venue):
        assert [row["price"] for row in venue.ask("GET trades", **BTC, limit=1)] == ["60100.00000000"]
        assert [row["id"] for row in venue.ask("GET historicalTrades", **BTC, fromId=1, limit=1)] == [1]
        assert len(venue.ask("GET historicalTrades", **BTC)) == 2

    def test_aggregates_are_chosen_by_id_or_by_time(self, venue):
        first, second = venue.ask("GET aggTrades", **BTC)
        assert venue.ask("GET aggTrades", **BTC, fromId=second["a"]) == [second]
        assert venue.ask("GET aggTrades", **BTC, startTime=first["T"], endTime=first["T"]) == [first]
        assert venue.refusal("GET aggTrades", **BTC, fromId=1, startTime=first["T"]).code == -1128

    def test_bars_of_a_zone_and_of_a_time(self, venue):
        (bar,) = venue.ask("GET klines", **BTC, interval="1m")
        assert (bar[1], bar[4], bar[5]) == ("60000.00000000", "60100.00000000", "0.03000000")
        assert venue.ask("GET klines", **BTC, interval="1h", timeZone="8", limit=5)[0][5] == "0.03000000"
        assert venue.ask("GET klines", **BTC, interval="1m", startTime=START_NS // 10**6 + 120_000) == []


class TestWeights:
    def weight(self, path, **values):
        endpoint = next(item for item in ENDPOINTS if item.path == f"/api/v3/{path}" and item.method == "GET")
        return endpoint.weight_of(values)

    def test_more_symbols_weigh_more_up_to_a_bound(self):
        many = [f"S{number}" for number in range(120)]
        assert [self.weight("ticker/24hr", **asked) for asked in (
            {"symbol": "A"}, {"symbols": many[:20]}, {"symbols": many[:100]}, {"symbols": many}, {}
        )] == [2, 2, 40, 80, 80]  # fmt: skip
        assert [self.weight("executionRules", **asked) for asked in ({"symbol": "A"}, {"symbols": many[:3]}, {})] == [
            2, 6, 40,
        ]  # fmt: skip
        assert [self.weight("ticker", **asked) for asked in ({"symbol": "A"}, {"symbols": many})] == [4, 200]
        assert [self.weight("ticker/price", **asked) for asked in ({"symbol": "A"}, {})] == [2, 4]
        assert [self.weight("depth", limit=limit) for limit in (100, 101, 501, 9_999)] == [5, 25, 50, 250]

    def test_whoever_places_orders_must_be_known(self):
        assert all(item.security is Security.TRADE for item in ENDPOINTS if item.places)


def test_closed_orders_and_lists_beyond_the_bound_are_forgotten_and_open_ones_kept(venue, monkeypatch):
    monkeypatch.setattr("bot4.adapters.simulator.trade.account.ORDERS_MAX", 20)
    account: Account = venue.accounts["alice"]
    kept = venue.limit("BUY", "59000", "0.01", newClientOrderId="open")
    pair = {"side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER", "abovePrice": "61000"}
    pair |= {"belowType": "STOP_LOSS", "belowStopPrice": "59000"}
    placed = venue.ask("POST orderList/oco", **BTC, **pair)
    venue.ask("DELETE orderList", **BTC, orderListId=placed["orderListId"])
    for number in range(25):
        venue.limit("BUY", "59000", "0.01", newClientOrderId=f"c{number % 20}")
        venue.ask("DELETE order", **BTC, origClientOrderId=f"c{number % 20}")
    assert len(account.orders) <= 20
    assert account.lists == {}
    assert venue.ask("GET order", **BTC, orderId=kept["orderId"])["status"] == "NEW"
    assert venue.ask("GET order", **BTC, origClientOrderId="c4")["status"] == "CANCELED"
    assert venue.refusal("GET order", **BTC, orderId=placed["orders"][0]["orderId"]).code == -2013


def test_a_diff_that_nobody_hears_is_not_in_the_next_one_and_its_ids_are_passed():
    diffs = DiffCollector(4)
    diffs.add([LevelChange(False, 100_00000000, 1_00000000)], 6)
    assert diffs.take_for([]) is None
    diffs.add([LevelChange(True, 101_00000000, 0)], 9)
    assert diffs.take_for(["btcusdt@depth"]) == (7, 9, [], [("101.00000000", "0.00000000")])
    assert diffs.take_for(["btcusdt@depth"]) is None
