"""Rules of the served exchange's wire: decimals, parameters, signatures, timing, stream names."""

from __future__ import annotations

import base64
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.decimals import format_e8, parse_e8
from bot4.adapters.simulator.wire.errors import TEXTS, ApiError, refusal
from bot4.adapters.simulator.wire.order_rules import check_order
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable, sent_parameters, signed_text
from bot4.adapters.simulator.wire.signatures import hmac_verifier, public_key_verifier, ws_signed_text
from bot4.adapters.simulator.wire.stream_names import StreamKind, parse_stream
from bot4.adapters.simulator.wire.timing import check_timing

# Binance's published example: rest-api.md, "HMAC Keys".
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105 - published
QUERY = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
WIDE_SYMBOL = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
WIDE_SIGNATURE = "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"


def code_of(call, *arguments) -> int:
    with pytest.raises(ApiError) as refused:
        call(*arguments)
    return refused.value.code


class TestDecimals:
    @given(st.integers(0, 2**63 - 1))
    def test_every_amount_is_read_back_as_it_was_written(self, value):
        assert parse_e8("price", format_e8(value)) == value

    @pytest.mark.parametrize("text", ["1e3", "-1", "+1", ".5", "1.", "", "1,5", "1_0", "NaN", "٣", "1\n", " 1", "0x1"])
    def test_what_is_no_plain_decimal_is_an_illegal_character(self, text):
        assert code_of(parse_e8, "price", text) == -1100

    def test_a_ninth_decimal_is_too_much_precision_unless_it_is_a_zero(self):
        assert code_of(parse_e8, "quantity", "0.000000001") == -1111
        assert parse_e8("quantity", "0.100000000") == 10_000_000

    def test_what_does_not_fit_overflows(self):
        assert code_of(parse_e8, "price", "99999999999999999999") == -1108


class TestSignatures:
    def test_the_published_hmac_example_verifies(self):
        assert hmac_verifier(SECRET)(QUERY.encode(), SIGNATURE)

    def test_the_published_example_of_a_symbol_in_wide_digits_verifies_over_the_encoded_text(self):
        query = QUERY.replace("LTCBTC", WIDE_SYMBOL)
        assert hmac_verifier(SECRET)(query.encode(), WIDE_SIGNATURE)

    def test_an_hmac_signature_may_be_written_in_capitals(self):
        assert hmac_verifier(SECRET)(QUERY.encode(), SIGNATURE.upper())

    def test_another_text_another_signature_and_another_secret_do_not_verify(self):
        verify = hmac_verifier(SECRET)
        assert not verify(QUERY.replace("quantity=1", "quantity=2").encode(), SIGNATURE)
        assert not verify(QUERY.encode(), SIGNATURE[:-1] + "0")
        assert not verify(QUERY.encode(), "")
        assert not verify(QUERY.encode(), "é" * 64)
        assert not hmac_verifier(SECRET + "x")(QUERY.encode(), SIGNATURE)

    @pytest.mark.parametrize("split", [0, 20, 59, len(QUERY)])
    def test_query_and_body_are_signed_one_after_the_other_without_a_mark(self, split):
        query, body = QUERY[:split], QUERY[split:]
        assert signed_text(query, f"{body}&signature={SIGNATURE}" if body else "") == QUERY

    def test_the_signature_is_left_out_wherever_it_stands(self):
        assert signed_text("a=1&signature=x&b=2", "") == "a=1&b=2"
        assert signed_text("signature=x", "a=1") == "a=1"

    def test_websocket_parameters_are_signed_by_name(self):
        params = {"timestamp": "1", "apiKey": "k", "price": "1.50", "signature": "s"}
        assert ws_signed_text(params) == "apiKey=k&price=1.50&timestamp=1"

    @pytest.mark.parametrize("kind", ["ed25519", "rsa"])
    def test_a_public_key_verifies_what_its_private_key_signed_and_nothing_else(self, kind):
        if kind == "rsa":
            key = rsa.generate_private_key(65_537, 2_048)
            raw = key.sign(QUERY.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            key = ed25519.Ed25519PrivateKey.generate()
            raw = key.sign(QUERY.encode())
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        found, verify = public_key_verifier(pem.decode())
        signature = base64.b64encode(raw).decode()
        assert found == kind
        assert verify(QUERY.encode(), signature)
        assert not verify(QUERY.encode() + b"0", signature)
        assert not verify(QUERY.encode(), signature.swapcase())
        assert not verify(QUERY.encode(), "not base64!")


class TestTiming:
    NOW = 1_700_000_000_000_000_000

    @pytest.mark.parametrize(
        ("ahead_ns", "window_ns", "accepted"),
        [
            (0, 5_000_000_000, True),
            (999_999_999, 5_000_000_000, True),
            (1_000_000_000, 5_000_000_000, False),
            (-5_000_000_000, 5_000_000_000, True),
            (-5_000_000_001, 5_000_000_000, False),
            (-1_500_000, 1_000_000, False),
            (-1_000_000, 1_000_000, True),
        ],
    )
    def test_a_request_is_in_time_within_its_window_and_less_than_a_second_ahead(self, ahead_ns, window_ns, accepted):
        if accepted:
            check_timing(self.NOW + ahead_ns, window_ns, self.NOW)
        else:
            assert code_of(check_timing, self.NOW + ahead_ns, window_ns, self.NOW) == -1021

    def test_milliseconds_and_microseconds_are_told_apart_by_size(self):
        assert kinds.moment_ns("timestamp", "1700000000123") == 1_700_000_000_123_000_000
        assert kinds.moment_ns("timestamp", "1700000000123456") == 1_700_000_000_123_456_000

    def test_a_window_has_three_decimals_and_at_most_a_minute(self):
        assert kinds.recv_window_ns("recvWindow", "6000.346") == 6_000_346_000
        assert code_of(kinds.recv_window_ns, "recvWindow", "60000.001") == -1131
        assert code_of(kinds.recv_window_ns, "recvWindow", "1.2345") == -1100


class TestParameters:
    TABLE = ParameterTable(
        Parameter("symbol", kinds.symbol, required=True),
        Parameter("limit", kinds.long),
        Parameter("newClientOrderId", kinds.client_id),
    )

    def test_a_missing_one_is_named(self):
        with pytest.raises(ApiError) as refused:
            self.TABLE.parse({})
        assert refused.value.text == "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."

    def test_an_unknown_one_is_counted(self):
        with pytest.raises(ApiError) as refused:
            self.TABLE.parse({"symbol": "BTCUSDT", "x": "1"})
        assert (refused.value.code, refused.value.text) == (
            -1104,
            "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.",
        )

    def test_an_endpoint_without_parameters_takes_none(self):
        assert code_of(ParameterTable().parse, {"x": "1"}) == -1101

    def test_an_empty_one_is_refused_by_its_own_code(self):
        assert code_of(self.TABLE.parse, {"symbol": ""}) == -1105
        assert code_of(self.TABLE.parse, {"symbol": "BTCUSDT", "newClientOrderId": ""}) == -1118

    def test_one_that_is_sent_twice_is_refused(self):
        assert code_of(sent_parameters, "a=1&a=2", "") == -1101

    def test_the_query_wins_over_the_body(self):
        assert sent_parameters("a=1&b=2", "a=3&c=4") == {"a": "1", "b": "2", "c": "4"}

    def test_names_and_values_are_decoded(self):
        assert sent_parameters("symbols=%5B%22BTCUSDT%22%5D&x=a+b", "") == {"symbols": '["BTCUSDT"]', "x": "a b"}

    @pytest.mark.parametrize("text", ["btcusdt", "BTC USDT", "BTC\n", "", "A" * 51, "<script>"])
    def test_what_is_no_symbol_is_an_illegal_character(self, text):
        assert code_of(kinds.symbol, "symbol", text) == -1100

    def test_symbols_may_have_letters_of_any_script(self):
        wide = unquote(WIDE_SYMBOL)
        assert kinds.symbol("symbol", wide) == wide

    def test_a_list_of_symbols_names_each_once(self):
        assert kinds.symbols("symbols", '["A","B"]') == ["A", "B"]
        assert code_of(kinds.symbols, "symbols", '["A","A"]') == -1151
        assert code_of(kinds.symbols, "symbols", "A,B") == -1100
        assert code_of(kinds.symbols, "symbols", "[]") == -1130

    @pytest.mark.parametrize(
        ("kind", "text", "code"),
        [
            (kinds.SIDE, "HOLD", -1117),
            (kinds.ORDER_TYPE, "limit", -1116),
            (kinds.TIME_IN_FORCE, "GTX", -1115),
            (kinds.INTERVAL, "1M ", -1120),
            (kinds.INTERVAL, "2m", -1120),
            (kinds.CANCEL_RESTRICTIONS, "ONLY_OLD", -1145),
            (kinds.strategy_type, "999999", -1134),
            (kinds.client_id, "a" * 37, -1100),
            (kinds.client_id, "a b", -1100),
            (kinds.long, "-1", -1100),
            (kinds.long, "9223372036854775808", -1108),
        ],
    )
    def test_each_kind_refuses_with_the_venues_code(self, kind, text, code):
        assert code_of(kind, "x", text) == code

    def test_every_code_has_a_text_that_its_refusals_fill(self):
        for code, text in TEXTS.items():
            assert refusal(code, *["x"] * text.count("%s")).text.count("%s") == 0


LIMIT = {"type": "LIMIT", "side": "BUY", "timeInForce": "GTC", "quantity": 1, "price": 1}


class TestOrderRules:
    @pytest.mark.parametrize("missing", ["timeInForce", "quantity", "price"])
    def test_a_limit_order_needs_all_three(self, missing):
        order = {name: value for name, value in LIMIT.items() if name != missing}
        with pytest.raises(ApiError) as refused:
            check_order(order)
        assert (refused.value.code, f"'{missing}'" in refused.value.text) == (-1102, True)

    @pytest.mark.parametrize(
        ("order", "code"),
        [
            ({"type": "MARKET", "quantity": 1, "quoteOrderQty": 1}, -1106),
            ({"type": "MARKET"}, -1102),
            ({"type": "MARKET", "quantity": 1, "price": 1}, -1106),
            ({"type": "MARKET", "quantity": 1, "timeInForce": "GTC"}, -1114),
            ({"type": "LIMIT_MAKER", "quantity": 1, "price": 1, "timeInForce": "GTC"}, -1114),
            ({"type": "STOP_LOSS", "quantity": 1}, -1102),
            ({"type": "STOP_LOSS", "quantity": 1, "stopPrice": 1, "price": 1}, -1106),
            ({"type": "TAKE_PROFIT_LIMIT", "quantity": 1, "price": 1, "stopPrice": 1}, -1102),
            ({**LIMIT, "stopPrice": 1}, -1106),
            ({**LIMIT, "timeInForce": "IOC", "icebergQty": 1}, -2010),
            ({**LIMIT, "pegOffsetType": "PRICE_LEVEL"}, -1128),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, order, code):
        assert code_of(check_order, order) == code

    @pytest.mark.parametrize(
        "order",
        [
            LIMIT,
            {"type": "MARKET", "quantity": 1},
            {"type": "MARKET", "quoteOrderQty": 1},
            {"type": "LIMIT_MAKER", "quantity": 1, "price": 1},
            {"type": "STOP_LOSS", "quantity": 1, "trailingDelta": 10},
            {"type": "TAKE_PROFIT", "quantity": 1, "stopPrice": 1, "trailingDelta": 10},
            {"type": "STOP_LOSS_LIMIT", "quantity": 1, "price": 1, "stopPrice": 1, "timeInForce": "IOC"},
        ],
    )
    def test_what_goes_together_is_taken(self, order):
        check_order(order)


class TestStreamNames:
    @pytest.mark.parametrize(
        ("name", "kind", "argument", "levels", "period_ms"),
        [
            ("btcusdt@trade", StreamKind.TRADE, "", 0, 0),
            ("btcusdt@depth", StreamKind.DEPTH, "", 0, 1_000),
            ("btcusdt@depth@100ms", StreamKind.DEPTH, "", 0, 100),
            ("btcusdt@depth20@100ms", StreamKind.PARTIAL_DEPTH, "", 20, 100),
            ("btcusdt@kline_1M", StreamKind.KLINE, "1M", 0, 0),
            ("btcusdt@kline_1d@+08:00", StreamKind.KLINE, "1d@+08:00", 0, 0),
            ("btcusdt@ticker_4h", StreamKind.WINDOW_TICKER, "4h", 0, 0),
            ("!miniTicker@arr", StreamKind.MINI_TICKERS, "", 0, 0),
            ("!ticker_1d@arr", StreamKind.WINDOW_TICKERS, "1d", 0, 0),
        ],
    )
    def test_a_name_says_what_it_carries(self, name, kind, argument, levels, period_ms):
        stream = parse_stream(name)
        assert (stream.kind, stream.argument, stream.levels, stream.period_ms) == (kind, argument, levels, period_ms)

    @pytest.mark.parametrize(
        "name", ["0", "", "btcusdt", "BTCUSDT@trade", "x@depth7", "x@kline_2m", "!ticker@arr", "@"]
    )
    def test_other_names_stand_for_nothing(self, name):
        assert parse_stream(name) is None
