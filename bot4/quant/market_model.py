"""The parameter file of a market: what `bot4 calibrate` writes and the order-flow generator reads."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from bot4._core.sim.flow_model import FlowParameters
from bot4.domain.errors import ConfigError, NoInputError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
BUCKETS = 20
QUANTILES = 65

Rate = Annotated[float, Meta(ge=0.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; refuses keys it does not know."""


class Origin(Part, frozen=True):
    """What was measured, and by what."""

    made_by: str
    files: list[str]
    venue: str
    symbol: str
    tick_size: str
    lot_size: str
    span_s: Rate
    messages: int
    message_interval_ms: Rate
    mid_ticks: Annotated[float, Meta(gt=0.0)]
    note: str = ""


class Regime(Part, frozen=True):
    """A state of the market: calm, usual, wild."""

    share: Annotated[float, Meta(gt=0.0, le=1.0)]
    mean_s: Annotated[float, Meta(gt=0.0)]
    moves_per_s: Rate
    takers_per_s: Rate
    quoting: Rate


class Bucket(Part, frozen=True):
    """Orders of one side whose distance from the best price is `from_ticks` up to the next bucket's."""

    from_ticks: int
    adds_per_s: Rate
    cancels_per_s: Rate
    add_mu: float
    add_sigma: Rate
    life_s: Annotated[float, Meta(gt=0.0)]
    depth_lots: Rate
    depth_levels: Rate


class Takers(Part, frozen=True):
    """Orders that take."""

    per_s: Rate
    persistence: Share
    size_quantiles: list[float]


class Moves(Part, frozen=True):
    """Changes of the mid between two depth messages, half ticks without sign."""

    per_s: Rate
    volatility_per_sqrt_s: Rate
    follows_taker: Share
    size_quantiles: list[float]


class LatencyLaw(Part, frozen=True):
    """Receive less venue stamp: an offset that holds both clocks' skew, and log-normal milliseconds on top."""

    offset_ms: float
    mu: float
    sigma: Rate
    p50_ms: float
    p99_ms: float
    ks: Share


class MarketModel(Part, frozen=True):
    """A whole parameter file."""

    format: int
    origin: Origin
    spreads: list[tuple[int, float]]
    regimes: list[Regime]
    buckets: list[Bucket]
    takers: Takers
    moves: Moves
    latency: LatencyLaw | None
    goodness: dict[str, float]

    def parameters(self) -> FlowParameters:
        """Return them as the generator takes them.

        Raises
        ------
        ConfigError
            A value no generator can use; the message names it.

        """
        try:
            return FlowParameters(
                regimes=[msgspec.structs.asdict(regime) for regime in self.regimes],
                adds_per_s=[bucket.adds_per_s for bucket in self.buckets],
                add_mu=[bucket.add_mu for bucket in self.buckets],
                add_sigma=[bucket.add_sigma for bucket in self.buckets],
                life_s=[bucket.life_s for bucket in self.buckets],
                taker_size=self.takers.size_quantiles,
                taker_persistence=self.takers.persistence,
                move_size=self.moves.size_quantiles,
                move_follows=self.moves.follows_taker,
                spreads=self.spreads,
            )
        except ValueError as error:
            raise ConfigError(f"the parameters of {self.origin.symbol} make no market: {error}") from None

    def to_json(self) -> bytes:
        """Return the file's text."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def load_market_model(path: Path | None = None) -> MarketModel:
    """Read a parameter file.

    Parameters
    ----------
    path : Path, optional
        None reads the bundled one: Binance spot BTCUSDT, measured by `bot4 calibrate` (its `origin` says on what).

    Raises
    ------
    NoInputError
        It cannot be read.
    ConfigError
        It is no parameter file; the message names the key and the rule.

    """
    name = "the bundled parameter file" if path is None else str(path)
    try:
        if path is None:
            text = resources.files("bot4.quant").joinpath("market_default.json").read_bytes()
        else:
            text = path.read_bytes()
    except OSError as error:
        raise NoInputError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        model = msgspec.json.decode(text, type=MarketModel)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{name} is no parameter file of `bot4 calibrate`: {error}") from None
    if model.format != FORMAT:
        raise ConfigError(f"{name} is of format {model.format}, this bot4 reads {FORMAT}: calibrate again")
    model.parameters()
    return model
