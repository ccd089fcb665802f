"""Settings: defaults, then ``bot4.toml``, then environment, then the command line; typed, validated, immutable.

A key is written ``section.name`` (``risk.open_orders_max``). In the environment it is ``BOT4_SECTION__NAME``
(``BOT4_RISK__OPEN_ORDERS_MAX``). An unknown key or a value out of range raises `ConfigError`, which names the key, the
value and the rule; the command line turns that into exit code 78.
"""

from __future__ import annotations

import os
import tomllib
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENV_PREFIX = "BOT4_"
DEFAULT_FILE = "bot4.toml"
# A name people expect, beside the systematic one.
_ENV_ALIASES = {"BOT4_DATA_DIR": "run.data_dir"}
# Environment names that belong to the build, the tests and the shell, not to the settings.
_ENV_RESERVED = frozenset(
    {
        "BOT4_API_KEY",
        "BOT4_API_SECRET",
        "BOT4_BUILD",
        "BOT4_CI_FULL",
        "BOT4_CONFIG",
        "BOT4_FUZZ_DIR",
        "BOT4_HYPOTHESIS_PROFILE",
        "BOT4_JOBS",
        "BOT4_LIVE_CONSENT",
        "BOT4_MARCH",
        "BOT4_ONLY",
        "BOT4_POSTGRES_URL",
        "BOT4_REDIS_URL",
        "BOT4_SANITIZE",
        "BOT4_WORKERS",
    }
)

PositiveInt = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]


def require_positive(key: str, value: Decimal) -> None:
    """Raise ValueError unless `value` is a finite positive amount."""
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{key} must be a positive amount, was {value}")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the settings file; refuses keys it does not know."""


class RunSettings(Section, frozen=True):
    """What one run is and where it keeps its files."""

    mode: Literal["paper"] = "paper"
    data_dir: str = "bot4-data"
    seed: Annotated[int, Meta(ge=0, le=2**62)] = 7
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

    model: Literal["none", "linear", "square_root", "almgren_chriss"] = "none"
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
    """The demonstration strategy: a linear score over named features (docs/strategy.md); it promises no profit."""

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
    bar_interval_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 1_000

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
    reconcile_interval_ms: Annotated[int, Meta(ge=1_000, le=300_000)] = 10_000
    require_ip_restriction: bool = False
    accept_unknown_key: bool = False

    def __post_init__(self) -> None:
        addresses = {"rest_url": self.rest_url, "ws_api_url": self.ws_api_url, "user_stream_url": self.user_stream_url}
        given = sorted(name for name, value in addresses.items() if value)
        if given and self.endpoint != "custom":
            raise ValueError(f'live.{given[0]} needs live.endpoint = "custom", was {self.endpoint!r}')
        if self.endpoint == "custom" and not self.rest_url:
            raise ValueError('live.endpoint = "custom" needs live.rest_url')


class JournalSettings(Section, frozen=True):
    """The record of what was decided (docs/journal.md)."""

    sync_interval_ms: Annotated[int, Meta(ge=1, le=60_000)] = 10


class StoreSettings(Section, frozen=True):
    """Where the tables are (docs/storage.md). The server's address is a secret: BOT4_POSTGRES_URL, never the file."""

    kind: Literal["sqlite", "postgresql"] = "sqlite"
    connections_max: Annotated[int, Meta(ge=1, le=100)] = 4
    wait_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    statement_timeout_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 30_000


def require_url(key: str, value: str, schemes: tuple[str, str]) -> None:
    """Raise ValueError unless `value` is an address of one of `schemes`, without query."""
    scheme, mark, rest = value.partition("://")
    if not mark or scheme not in schemes or not rest.strip("/") or "?" in rest or "@" in rest:
        raise ValueError(f"{key} must be {schemes[0]}://HOST or {schemes[1]}://HOST, was {value!r}")


class StreamSettings(Section, frozen=True):
    """Market data from a live venue: when to connect anew, and when to give up (docs/venues.md)."""

    connect_timeout_s: Annotated[float, Meta(ge=0.1, le=120.0)] = 10.0
    snapshot_timeout_s: Annotated[float, Meta(ge=0.1, le=120.0)] = 10.0
    reconnect_first_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
    reconnect_max_s: Annotated[float, Meta(ge=0.01, le=3_600.0)] = 30.0
    reconnect_attempts_max: PositiveInt = 100
    start_attempts_max: PositiveInt = 5
    connections_max: Annotated[int, Meta(ge=1, le=10_000)] = 250
    connections_window_s: Annotated[float, Meta(ge=0.1, le=3_600.0)] = 300.0
    rotate_after_s: Annotated[float, Meta(ge=1.0, le=86_400.0)] = 85_800.0
    overlap_s: Annotated[float, Meta(ge=0.0, le=60.0)] = 2.0
    stale_floor_s: Annotated[float, Meta(ge=0.05, le=3_600.0)] = 5.0
    stale_multiple: Annotated[float, Meta(ge=2.0, le=1_000.0)] = 20.0
    clock_offset_max_ms: Annotated[int, Meta(ge=1, le=60_000)] = 500
    record_buffer_mb: Literal[1, 2, 4, 8, 16, 32, 64, 128, 256, 512] = 32
    record_max_mb: Annotated[int, Meta(ge=1, le=2**20)] = 4_096

    def __post_init__(self) -> None:
        if self.reconnect_first_ms > self.reconnect_max_s * 1_000:
            raise ValueError(
                f"streams.reconnect_max_s must be at least streams.reconnect_first_ms {self.reconnect_first_ms}, "
                f"was {self.reconnect_max_s}"
            )


class BinanceSettings(Section, frozen=True):
    """Where Binance is; only `bot4 run --venue binance` goes there, and reads."""

    rest_url: str = "https://api.binance.com"
    ws_url: str = "wss://stream.binance.com:9443"
    usdm_rest_url: str = "https://fapi.binance.com"
    usdm_ws_url: str = "wss://fstream.binance.com"
    ca_file: str | None = None

    def __post_init__(self) -> None:
        for key in ("rest_url", "usdm_rest_url"):
            require_url(f"venues.binance.{key}", getattr(self, key), ("https", "http"))
        for key in ("ws_url", "usdm_ws_url"):
            require_url(f"venues.binance.{key}", getattr(self, key), ("wss", "ws"))


class PublicVenueSettings(Section, frozen=True):
    """Where a venue is of which only public market data is read."""

    rest_url: str
    ws_url: str
    ca_file: str | None = None

    def __post_init__(self) -> None:
        require_url("rest_url of a venue", self.rest_url, ("https", "http"))
        require_url("ws_url of a venue", self.ws_url, ("wss", "ws"))


class KrakenSettings(PublicVenueSettings, frozen=True):
    """Where Kraken is."""

    rest_url: str = "https://api.kraken.com"
    ws_url: str = "wss://ws.kraken.com"


class OkxSettings(PublicVenueSettings, frozen=True):
    """Where OKX is."""

    rest_url: str = "https://www.okx.com"
    ws_url: str = "wss://ws.okx.com:8443"


class BybitSettings(PublicVenueSettings, frozen=True):
    """Where Bybit is."""

    rest_url: str = "https://api.bybit.com"
    ws_url: str = "wss://stream.bybit.com"


class CoinbaseSettings(PublicVenueSettings, frozen=True):
    """Where Coinbase is."""

    rest_url: str = "https://api.coinbase.com"
    ws_url: str = "wss://advanced-trade-ws.coinbase.com"


class VenuesSettings(Section, frozen=True):
    """Each venue's own table."""

    binance: BinanceSettings = BinanceSettings()
    kraken: KrakenSettings = KrakenSettings()
    okx: OkxSettings = OkxSettings()
    bybit: BybitSettings = BybitSettings()
    coinbase: CoinbaseSettings = CoinbaseSettings()


class Settings(Section, frozen=True):
    """Every setting of bot4. Paper is the default; real orders take more than settings (docs/live.md)."""

    run: RunSettings = RunSettings()
    synthetic: SyntheticSettings = SyntheticSettings()
    paper: PaperSettings = PaperSettings()
    impact: ImpactSettings = ImpactSettings()
    strategy: StrategySettings = StrategySettings()
    risk: RiskSettings = RiskSettings()
    breaker: BreakerSettings = BreakerSettings()
    shard: ShardSettings = ShardSettings()
    journal: JournalSettings = JournalSettings()
    streams: StreamSettings = StreamSettings()
    venues: VenuesSettings = VenuesSettings()
    live: LiveSettings = LiveSettings()
    store: StoreSettings = StoreSettings()


def load_settings(
    path: str | Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read, merge and validate the settings.

    Parameters
    ----------
    path : str, Path or None
        Settings file. None reads ``bot4.toml`` in the working folder where there is one.
    environment : mapping, optional
        Defaults to ``os.environ``; only names that begin with ``BOT4_`` count.
    overrides : mapping of dotted key to value, optional
        Strongest; the command line's options. A None value is passed over.

    Raises
    ------
    ConfigError
        One line that names the file, the key and the rule.

    >>> load_settings(overrides={"risk.open_orders_max": 3}, environment={}).risk.open_orders_max
    3

    """
    source = os.environ if environment is None else environment
    tree = _read_file(path, source)
    for name, key, value in _environment_keys(source):
        _set(tree, key, value, origin=f"environment {name}")
    for key, value in (overrides or {}).items():
        if value is not None:
            _set(tree, key, value, origin="command line")
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), tree)) from None


def settings_keys(struct: type[msgspec.Struct] = Settings, prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of the settings.

    >>> "risk.open_orders_max" in set(settings_keys())
    True
    """
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from settings_keys(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    """Return nested plain values with amounts as strings, for reports and the journal's header."""
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    return plain


def _read_file(path: str | Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    chosen = Path(path) if path is not None else Path(environment.get("BOT4_CONFIG", DEFAULT_FILE))
    if path is None and "BOT4_CONFIG" not in environment and not chosen.exists():
        return {}
    try:
        # Decimal keeps an amount such as 0.1 exact on its way from the file.
        return tomllib.loads(chosen.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(f"settings file {chosen} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"settings file {chosen} is not valid TOML: {error}") from None


def _environment_keys(source: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield name, key and value of each variable that is a setting."""
    for name, value in sorted(source.items()):
        if name in _ENV_ALIASES:
            yield name, _ENV_ALIASES[name], value
        elif name.startswith(ENV_PREFIX) and name not in _ENV_RESERVED:
            yield name, name.removeprefix(ENV_PREFIX).lower().replace("__", "."), value


def _set(tree: dict[str, Any], key: str, value: object, *, origin: str) -> None:
    *tables, last = key.split(".")
    if not tables:
        raise ConfigError(f"unknown setting {key!r} ({origin}): a key is section.name")
    node = tree
    for table in tables:
        node = node.setdefault(table, {})
        if not isinstance(node, dict):
            raise ConfigError(f"unknown setting {key!r} ({origin}): {table!r} is not a section")
    node[last] = value


def _explain(message: str, tree: dict[str, Any]) -> str:
    """Turn msgspec's "... - at `$.risk.x`" into one line that begins with the key and shows the value."""
    rule, _, where = message.partition(" - at ")
    path = where.strip("`").removeprefix("$").strip(".").replace("[...]", "")
    if rule.startswith("Object contains unknown field"):
        name = rule.split("`")[1]
        key = f"{path}.{name}" if path else name
        return f"unknown setting {key!r}: see docs/configuration.md for the keys there are"
    node: Any = tree
    for part in path.split(".") if path else []:
        node = node.get(part) if isinstance(node, dict) else None
    shown = "" if isinstance(node, dict) or node is None else f", was {str(node)!r}"
    return f"setting {path}: {rule}{shown}" if path and not rule.startswith(path) else rule
