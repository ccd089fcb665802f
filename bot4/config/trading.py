"""Sections about the run, the strategy, its limits, the engine and what is kept."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bot4.config.section import PositiveInt, Section, Share, require_positive

#: How long Binance's engine may take with a request it has accepted (its documentation, 2026-11).
VENUE_TIMEOUT_MS = 10_000
#: Below this a busy machine would look like a run that stands still.
WATCHDOG_MIN_MS = 1_000


class RunSettings(Section, frozen=True):
    """What one run is and where it keeps its files."""

    mode: Literal["paper"] = "paper"
    data_dir: str = "bot4-data"
    seed: Annotated[int, Meta(ge=0, le=2**62)] = 1  # the built-in market of 1 soon gives a reason to trade
    view_interval_ms: Annotated[int, Meta(ge=50, le=10_000)] = 250
    mark_interval_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 1_000


class SyntheticSettings(Section, frozen=True):
    """The built-in market that plays when no recording is given."""

    symbol: Annotated[str, Meta(min_length=5, max_length=20, pattern="^[A-Z0-9]+$")] = "BTCUSDT"
    start_price: Decimal = Decimal(60_000)
    volatility_annual: Annotated[float, Meta(gt=0.0, le=20.0)] = 0.6
    messages_per_s: Annotated[int, Meta(ge=1, le=10_000)] = 60

    def __post_init__(self) -> None:
        require_positive("synthetic.start_price", self.start_price)


class PaperSettings(Section, frozen=True):
    """The paper account and the venue it trades on."""

    balance_quote: Decimal = Decimal(10_000)
    balance_coin: Decimal = Decimal(1)
    maker_fee_bps: Decimal | None = None
    taker_fee_bps: Decimal | None = None
    latency: Literal["lognormal", "fixed", "zero"] = "lognormal"
    latency_mu: Annotated[float, Meta(ge=-10.0, le=10.0)] = 3.9
    latency_sigma: Annotated[float, Meta(ge=0.0, le=3.0)] = 0.3
    latency_fixed_ms: Annotated[float, Meta(ge=0.0, le=60_000.0)] = 50.0
    cancel_latency_mu: Annotated[float, Meta(ge=-10.0, le=10.0)] | None = None
    cancel_latency_sigma: Annotated[float, Meta(ge=0.0, le=3.0)] = 0.3
    data_latency_mu: Annotated[float, Meta(ge=-10.0, le=10.0)] | None = None
    data_latency_sigma: Annotated[float, Meta(ge=0.0, le=3.0)] = 0.3
    assumed_half_spread_ticks: Annotated[int, Meta(ge=0, le=1_000_000)] = 1
    queue_model: Literal["trade_through", "conservative", "probabilistic"] = "trade_through"
    queue_weight: Literal["power", "log"] = "power"
    queue_shape: Annotated[float, Meta(gt=0.0, le=100.0)] = 1.0
    partial_fills: bool = False
    partial_fill_count: Annotated[float, Meta(ge=0.0, le=32.0)] = 3.0
    partial_fill_alpha: Annotated[float, Meta(ge=0.01, le=1_000.0)] = 2.0
    partial_fill_beta: Annotated[float, Meta(ge=0.01, le=1_000.0)] = 5.0

    def __post_init__(self) -> None:
        require_positive("paper.balance_quote", self.balance_quote)
        require_positive("paper.balance_coin", self.balance_coin)
        for key in ("maker_fee_bps", "taker_fee_bps"):
            fee = getattr(self, key)
            if fee is not None and not (fee.is_finite() and -100 <= fee <= 1_000):  # noqa: PLR2004 - see the message
                raise ValueError(f"paper.{key} must lie in -100 .. 1000 basis points, was {fee}")


class ImpactSettings(Section, frozen=True):
    """What own takers do to the market of the paper venue; units are prices and quantities (docs/paper.md)."""

    model: Literal["measured", "none", "linear", "square_root", "almgren_chriss"] = "measured"
    slope: Annotated[float, Meta(ge=0.0)] = 0.0
    volatility: Annotated[float, Meta(ge=0.0)] = 0.0
    daily_volume: Annotated[float, Meta(ge=0.0)] = 0.0
    coefficient: Annotated[float, Meta(ge=0.0, le=1_000.0)] = 1.0
    exponent: Annotated[float, Meta(gt=0.0, le=2.0)] = 0.5
    permanent_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    gamma: Annotated[float, Meta(ge=0.0)] = 0.0
    eta: Annotated[float, Meta(ge=0.0)] = 0.0
    half_life_s: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 10.0

    def __post_init__(self) -> None:
        needed = {"linear": ("slope",), "square_root": ("volatility", "daily_volume"), "almgren_chriss": ("eta",)}
        for key in needed.get(self.model, ()):
            if getattr(self, key) <= 0.0:
                raise ValueError(
                    f"impact.{key} must be above 0 for impact.model {self.model}, was {getattr(self, key)}"
                )


class StrategySettings(Section, frozen=True):
    """What decides, and what its orders look like (docs/strategy.md); it promises no profit."""

    policy: Literal["linear", "reasoned"] = "linear"
    weights: dict[str, float] = msgspec.field(
        default_factory=lambda: {"depth_imbalance_5": 0.35, "queue_imbalance": 0.25, "mid_trend": 0.40}
    )
    scales: dict[str, float] = msgspec.field(
        default_factory=lambda: {"depth_imbalance_5": 1.0, "queue_imbalance": 1.0, "mid_trend": 1.0}
    )
    enter_score: Share = 0.45
    take_score: Share = 0.60
    exit_score: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.20
    order_notional: Decimal = Decimal(500)
    position_notional: Decimal = Decimal(2_000)
    cooldown_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 2_000
    passive_ttl_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 3_000
    take_slippage_bps: Annotated[float, Meta(ge=0.0, le=1_000.0)] = 2.0
    short: bool = True
    expected_bps: Annotated[float, Meta(ge=-1_000_000.0, le=1_000_000.0)] = 100.0
    expected_confidence: Annotated[float, Meta(ge=0.0, le=1.0)] = 1.0
    expected_horizon_s: Annotated[float, Meta(gt=0.0, le=31_536_000.0)] = 3_600.0
    stall_ms: Annotated[int, Meta(ge=100, le=600_000)] = 5_000
    on_failure: Literal["cancel", "flatten"] = "cancel"
    bar_interval_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 1_000
    warm_up_bars: Annotated[int, Meta(ge=0, le=999)] = 0

    def __post_init__(self) -> None:
        require_positive("strategy.order_notional", self.order_notional)
        require_positive("strategy.position_notional", self.position_notional)
        if self.take_score < self.enter_score:
            raise ValueError(
                f"strategy.take_score must be at least strategy.enter_score {self.enter_score}, was {self.take_score}"
            )
        if not self.weights:
            raise ValueError("strategy.weights must name at least one feature, was empty")
        for feature, weight in self.weights.items():
            if not isfinite(weight):
                raise ValueError(f"strategy.weights.{feature} must be a finite number, was {weight}")
        for feature, scale in self.scales.items():
            if not (isfinite(scale) and scale > 0.0):
                raise ValueError(f"strategy.scales.{feature} must be above 0 and finite, was {scale}")
        unscaled = sorted(set(self.weights) - set(self.scales))
        if unscaled:
            raise ValueError(f"strategy.scales must name every feature of strategy.weights, lacks {unscaled[0]!r}")


class RiskSettings(Section, frozen=True):
    """Hard limits checked before every order (docs/risk.md)."""

    order_notional_max: Decimal = Decimal(2_500)
    position_notional_max: Decimal = Decimal(5_000)
    open_orders_max: Annotated[int, Meta(ge=1, le=64)] = 8
    orders_per_s: Annotated[int, Meta(ge=1, le=100_000)] = 10
    orders_burst: Annotated[int, Meta(ge=1, le=100_000)] = 20
    price_band_bps: Annotated[int, Meta(ge=1, le=10_000)] = 100
    reference_ttl_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 2_000
    fat_finger_multiple: Annotated[int, Meta(ge=0, le=1_000_000)] = 20
    drawdown_max_bps: Annotated[int, Meta(ge=1, le=10_000)] = 1_500
    duplicate_window_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 50
    consecutive_rejects_max: Annotated[int, Meta(ge=1, le=1_000)] = 5

    def __post_init__(self) -> None:
        require_positive("risk.order_notional_max", self.order_notional_max)
        require_positive("risk.position_notional_max", self.position_notional_max)


class BreakerSettings(Section, frozen=True):
    """When trading stops by itself, and for how long (docs/risk.md)."""

    error_rate_max_pct: Annotated[int, Meta(ge=1, le=100)] = 50
    error_window_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 10_000
    error_samples_min: PositiveInt = 10
    latency_max_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 2_000
    stale_after_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 5_000
    consecutive_rejects_max: Annotated[int, Meta(ge=1, le=1_000)] = 5
    cooldown_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 10_000
    probes: Annotated[int, Meta(ge=1, le=100)] = 3
    flood_trips: Annotated[int, Meta(ge=1, le=1_000)] = 5
    flood_window_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 60_000


class ShardSettings(Section, frozen=True):
    """The engine's thread."""

    ring_capacity: Annotated[int, Meta(ge=1_024, le=2**24)] = 65_536
    wait: Literal["spin", "yield", "park"] = "park"
    pin: bool = True
    cpu: Annotated[int, Meta(ge=-1, le=4_095)] = -1

    def __post_init__(self) -> None:
        if self.ring_capacity & (self.ring_capacity - 1):
            raise ValueError(f"shard.ring_capacity must be a power of two, was {self.ring_capacity}")


class LiveSettings(Section, frozen=True):
    """Real orders: off unless `consent` says so here and BOT4_LIVE_CONSENT in the environment (docs/live.md)."""

    consent: str = ""
    endpoint: Literal["none", "mainnet", "testnet", "custom"] = "none"
    rest_url: str = ""
    ws_api_url: str = ""
    user_stream_url: str = ""
    ca_file: str = ""
    key_file: str = ""
    recv_window_ms: Annotated[int, Meta(ge=100, le=5_000)] = 1_000
    timeout_ms: Annotated[int, Meta(ge=100, le=20_000)] = 4_000
    venue_timeout_ms: Annotated[int, Meta(ge=0, le=60_000)] = 10_000
    reconcile_interval_ms: Annotated[int, Meta(ge=1_000, le=300_000)] = 10_000
    watchdog_after_ms: Annotated[int, Meta(ge=0, le=600_000)] = 5_000
    watchdog_keeps_stops: bool = True
    require_ip_restriction: bool = False
    accept_unknown_key: bool = False

    def __post_init__(self) -> None:
        addresses = {"rest_url": self.rest_url, "ws_api_url": self.ws_api_url, "user_stream_url": self.user_stream_url}
        given = sorted(name for name, value in addresses.items() if value)
        if given and self.endpoint != "custom":
            raise ValueError(f'live.{given[0]} needs live.endpoint = "custom", was {self.endpoint!r}')
        if self.venue_timeout_ms < VENUE_TIMEOUT_MS and self.endpoint != "custom":
            raise ValueError(
                f'live.venue_timeout_ms below {VENUE_TIMEOUT_MS} needs live.endpoint = "custom", was {self.endpoint!r}'
            )
        if 0 < self.watchdog_after_ms < WATCHDOG_MIN_MS:
            raise ValueError(
                f"live.watchdog_after_ms must be 0 (no watchdog) or at least {WATCHDOG_MIN_MS}, "
                f"was {self.watchdog_after_ms}"
            )
        if self.endpoint == "custom" and not self.rest_url:
            raise ValueError('live.endpoint = "custom" needs live.rest_url')


class JournalSettings(Section, frozen=True):
    """The record of what was decided (docs/journal.md)."""

    sync_interval_ms: Annotated[int, Meta(ge=1, le=60_000)] = 10
    policy: Literal["group", "paranoid"] = "group"
    segment_mb: Annotated[int, Meta(ge=1, le=65_536)] = 64
    snapshot_interval_ms: Annotated[int, Meta(ge=1_000, le=86_400_000)] = 60_000


class StoreSettings(Section, frozen=True):
    """Where the tables are (docs/storage.md). The server's address is a secret: BOT4_POSTGRES_URL, never the file."""

    kind: Literal["sqlite", "postgresql"] = "sqlite"
    connections_max: Annotated[int, Meta(ge=1, le=100)] = 4
    wait_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    statement_timeout_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 30_000
    ticks_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
