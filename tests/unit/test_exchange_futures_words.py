"""Words of the served futures: paths, stream names, refusals, parameters, grids."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from bot4._core.sim.exchange_types import ExchangeVerdict
from bot4.adapters.simulator.futures import kinds
from bot4.adapters.simulator.futures.contracts import DEFAULT_CONTRACTS
from bot4.adapters.simulator.futures.errors import TEXTS
from bot4.adapters.simulator.futures.market.stream_names import FuturesStream, is_served, parse_stream
from bot4.adapters.simulator.futures.trade import verdicts
from bot4.adapters.simulator.futures.trade.rules import lots_of, ticks_of
from bot4.adapters.simulator.serve.routes import Door, Route, find_route
from bot4.adapters.simulator.wire.decimals import UNIT, fixed_e8
from bot4.adapters.simulator.wire.errors import ApiError
from bot4.adapters.venues.binance.errors_usdm import USDM_ERRORS
from bot4.dto.rules.binance import instruments_from_exchange_info

BTC = DEFAULT_CONTRACTS[0]


def code_of(call, *arguments, **named):
    with pytest.raises(ApiError) as refused:
        call(*arguments, **named)
    return refused.value.code


@pytest.mark.parametrize(
    ("path", "query", "route"),
    [
        ("/api/v3/ping", "", Route(False, Door.REST)),
        ("/fapi/v1/ping", "", Route(True, Door.REST)),
        ("/ws-api/v3", "", Route(False, Door.API)),
        ("/ws-fapi/v1", "", Route(True, Door.API)),
        ("/ws", "", Route(False, Door.RAW)),
        ("/ws/a@b/c@d", "", Route(False, Door.RAW, "", ("a@b", "c@d"))),
        ("/stream", "streams=a@b/c@d", Route(False, Door.COMBINED, "", ("a@b", "c@d"))),
        ("/futures/ws/a@b", "", Route(True, Door.RAW, "", ("a@b",))),
        ("/futures/stream", "streams=a@b", Route(True, Door.COMBINED, "", ("a@b",))),
        ("/public/ws/a@b", "", Route(True, Door.RAW, "public", ("a@b",))),
        ("/futures/market/stream", "streams=a@b", Route(True, Door.COMBINED, "market", ("a@b",))),
        ("/private/ws", "listenKey=KEY", Route(True, Door.RAW, "private", ("KEY",))),
        ("/ws", "listenKey=KEY", Route(False, Door.RAW)),
        ("/wsx", "", Route(False, Door.REST)),
    ],
)
def test_each_path_leads_to_its_floor_and_door(path, query, route):
    assert find_route(path, query) == route


@pytest.mark.parametrize(
    ("name", "kind", "route"),
    [
        ("btcusdt@depth", FuturesStream.DEPTH, "public"),
        ("btcusdt@depth10@500ms", FuturesStream.PARTIAL_DEPTH, "public"),
        ("!bookTicker", FuturesStream.BOOK_TICKER, "public"),
        ("btcusdt@aggTrade", FuturesStream.AGG_TRADE, "market"),
        ("btcusdt@kline_1m", FuturesStream.KLINE, "market"),
        ("btcusdt_perpetual@continuousKline_1h", FuturesStream.CONTINUOUS_KLINE, "market"),
        ("!markPrice@arr@1s", FuturesStream.MARK_PRICE, "market"),
        ("btcusdt@forceOrder", FuturesStream.FORCE_ORDER, "market"),
    ],
)
def test_a_stream_is_on_one_route(name, kind, route):
    assert parse_stream(name).kind is kind
    assert [place for place in ("public", "market", "private") if is_served(place, name)] == [route]


@pytest.mark.parametrize("name", ["btcusdt@depth7", "btcusdt@kline_7m", "BTCUSDT@aggTrade", "!all", "x" * 64, "@", ""])
def test_a_name_that_stands_for_nothing_is_taken_for_a_listen_key(name):
    assert parse_stream(name) is None
    assert is_served("private", name)
    assert not is_served("public", name)


def test_every_verdict_of_a_perpetual_has_a_code_of_the_venue():
    # What no request of a client can bring about: lists, icebergs, tables of the engine; filters that futures have not.
    never = {"OK", "BAD_ICEBERG", "BAD_EXPIRY", "BAD_LIST", "BAD_KIND", "UNKNOWN_ACCOUNT", "UNKNOWN_ASSET"}
    never |= {"LIST_PRICES", "LIST_TYPES", "AMEND_QUANTITY", "AMEND_NOT_RESTING", "CANCEL_RESTRICTED", "NOT_ATTEMPTED"}
    never |= {"NOT_PERPETUAL", "MAX_POSITION", "PERCENT_PRICE_BY_SIDE", "NOTIONAL", "ICEBERG_PARTS", "TRAILING_DELTA"}
    never |= {"MAX_NUM_ICEBERG_ORDERS", "MAX_NUM_ORDER_LISTS", "MAX_NUM_ORDER_AMENDS", "BAD_LEVERAGE", "NO_CHANGE"}
    never |= {"EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "EXCHANGE_MAX_NUM_ORDER_LISTS", "PERCENT_PRICE", "MIN_NOTIONAL"}
    unnamed = {
        verdict.name.removeprefix("VERDICT_") for verdict in ExchangeVerdict if verdicts.error_of(verdict).code == -1000
    }
    assert unnamed <= never, unnamed - never


def test_the_bots_own_table_knows_every_code_that_is_served():
    undocumented = {-4136}  # of closePosition, which the bot never sends; known from reports of others
    assert [code for code in TEXTS if code not in USDM_ERRORS] == [*undocumented]


def test_prices_and_quantities_lie_on_the_grid_or_get_the_venues_code():
    assert ticks_of(BTC, 60_000 * UNIT) == 600_000
    assert lots_of(BTC, UNIT // 10, is_market=False) == 100
    assert code_of(ticks_of, BTC, 60_000 * UNIT + 1) == -1111
    assert code_of(ticks_of, BTC, 60_000 * UNIT + UNIT // 100) == -4014
    assert code_of(ticks_of, BTC, 0) == -4001
    assert code_of(lots_of, BTC, 121 * UNIT, is_market=True) == -4005
    assert lots_of(BTC, 121 * UNIT, is_market=False) == 121_000


def test_parameters_of_the_futures_are_read_or_refused():
    assert kinds.client_id("newClientOrderId", "a.B:/c_d-1") == "a.B:/c_d-1"
    assert code_of(kinds.client_id, "newClientOrderId", "a b") == -4015
    assert kinds.json_list("batchOrders", "[1]") == [1]
    assert code_of(kinds.json_list, "batchOrders", "{}") == -1130
    assert code_of(kinds.PRICE_MATCH, "priceMatch", "QUEUE_7") == -1130


def test_the_brackets_are_continuous_and_the_rules_are_those_the_bot_reads():
    for contract in DEFAULT_CONTRACTS:
        amounts = contract.cumulative()
        for (below, less), (above, more) in pairwise(zip(contract.brackets, amounts, strict=True)):
            assert below.cap * below.maintenance // UNIT - less == below.cap * above.maintenance // UNIT - more
        document = {"futuresType": "U_MARGINED", "symbols": [contract.to_exchange_info("TRADING")]}
        (instrument,) = instruments_from_exchange_info(document, "exchangeInfo")
        assert instrument.price_step == Decimal(contract.price_text(contract.tick))
        assert instrument.min_notional == contract.min_notional // UNIT


def test_decimals_are_cut_never_rounded():
    assert [fixed_e8(199_999_999, places) for places in (0, 2, 8)] == ["1", "1.99", "1.99999999"]
    assert fixed_e8(-150_000_000, 1) == "-1.5"
