"""An order's life against a plain twin, over random reports; a settings file against the settings it was made of."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from builders.orders import order
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot4.config import PaperSettings, RiskSettings, Settings, StrategySettings, load_settings
from bot4.domain.order import OrderStatus, OrderTransitionError

QTY = 12
# A control need not be made small.
# As many examples as it takes, in a traced copy too: a control that is not reached says nothing.
FIRST_FAILURE = hypothesis_settings(max_examples=1000, phases=[Phase.generate], report_multiple_bugs=False)
REPORTS = st.lists(
    st.one_of(st.sampled_from(sorted(OrderStatus, key=str)), st.integers(min_value=-1, max_value=QTY + 1)), max_size=8
)


class Twin:
    """An order as a sentence: it is sent, maybe acknowledged, filled bit by bit, and ends once."""

    def __init__(self) -> None:
        self.status = "sent"
        self.filled = 0

    def move(self, status: str) -> bool:
        ended = self.status in {"filled", "canceled", "expired", "rejected", "dropped", "absent"}
        if self.status == "sent":
            allowed = status != "sent"
        elif self.status == "acked":
            allowed = status not in {"sent", "acked", "dropped", "absent"}
        elif self.status == "unknown":
            allowed = status not in {"sent", "unknown", "dropped"}
        else:
            allowed = status in {"partially_filled", "filled", "canceled", "expired", "unknown"}
        if ended or not allowed:
            return False
        self.status = status
        return True

    def fill(self, qty: int) -> bool:
        if qty <= 0 or self.filled + qty > QTY:
            return False
        if not self.move("filled" if self.filled + qty == QTY else "partially_filled"):
            return False
        self.filled += qty
        return True


class ForgetfulTwin(Twin):
    """The control: lets a cancelled order be filled."""

    def fill(self, qty: int) -> bool:
        if self.status == "canceled":
            self.status = "partially_filled"
        return super().fill(qty)


def check(twin: Twin, reports) -> None:
    real = order(qty=str(QTY))
    for time_ns, report in enumerate(reports, 2):
        before = real
        try:
            if isinstance(report, int):
                real = real.filled_by(Decimal(report), updated_ns=time_ns)
            else:
                real = real.moved_to(report, updated_ns=time_ns)
            done = True
        except OrderTransitionError:
            done = False
        expected = twin.fill(report) if isinstance(report, int) else twin.move(report.value)
        assert done == expected
        assert (real.status.value, real.filled_qty) == (twin.status, twin.filled)
        assert real.updated_ns == (time_ns if done else before.updated_ns)
        assert real.is_working == (twin.status in {"sent", "acked", "partially_filled", "unknown"})


@given(REPORTS)
def test_an_order_lives_as_its_plain_twin_does(reports):
    check(Twin(), reports)


def test_control_a_twin_that_fills_cancelled_orders_is_noticed():
    @FIRST_FAILURE
    @given(REPORTS)
    def against_the_control(reports):
        check(ForgetfulTwin(), reports)

    with pytest.raises(AssertionError):
        against_the_control()


# -- settings ----------------------------------------------------------------------------------------------------------

AMOUNTS = st.decimals(min_value=Decimal("0.01"), max_value=10**9, allow_nan=False, allow_infinity=False, places=4)
FEES = st.none() | st.decimals(min_value=-100, max_value=1000, places=3)
SETTINGS = st.builds(
    lambda seed, cash, maker, notional, short, orders, band, scale: Settings(
        run=msgspec.structs.replace(Settings().run, seed=seed),
        paper=PaperSettings(balance_quote=cash, maker_fee_bps=maker),
        strategy=StrategySettings(
            order_notional=notional, short=short, weights={"mid_trend": scale}, scales={"mid_trend": scale}
        ),
        risk=RiskSettings(open_orders_max=orders, price_band_bps=band),
    ),
    st.integers(min_value=0, max_value=2**62),
    AMOUNTS,
    FEES,
    AMOUNTS,
    st.booleans(),
    st.integers(min_value=1, max_value=64),
    st.integers(min_value=1, max_value=10_000),
    st.floats(min_value=1e-6, max_value=1e6),
)


def toml_value(value: object) -> str:
    """A plain value in TOML's words; a table in line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def as_toml(settings: Settings, *, as_floats: bool = False) -> str:
    """The settings as a file would hold them: amounts quoted (or, the control, as floats of seven digits)."""
    lines: list[str] = []

    def table(name: str, plain: dict, held: object) -> None:
        lines.append(f"[{name}]")
        inner = []
        for key, value in plain.items():
            if value is None:
                continue
            if isinstance(getattr(held, key), msgspec.Struct):
                inner.append((f"{name}.{key}", value, getattr(held, key)))
                continue
            is_float = as_floats and isinstance(getattr(held, key), Decimal)
            text = f"{float(value):.7g}" if is_float else toml_value(value)
            lines.append(f"{key} = {text}")
        for part in inner:
            table(*part)

    for section, values in msgspec.to_builtins(settings).items():
        table(section, values, getattr(settings, section))
    return "\n".join(lines)


def check_round_trip(folder, settings: Settings, *, as_floats: bool = False) -> None:
    path = folder / "bot4.toml"
    path.write_text(as_toml(settings, as_floats=as_floats))
    assert load_settings(path, environment={}) == settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("settings")


@given(settings=SETTINGS)
def test_settings_written_to_a_file_come_back_equal(folder, settings):
    check_round_trip(folder, settings)


def test_control_a_file_that_rounds_amounts_is_noticed(folder):
    @FIRST_FAILURE
    @given(settings=SETTINGS)
    def rounded(settings):
        check_round_trip(folder, settings, as_floats=True)

    with pytest.raises(AssertionError):
        rounded()
