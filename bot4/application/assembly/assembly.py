"""From settings and instruments to an engine: every part of a shard is made here, from plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bot4._core.account.contract import Contract
from bot4._core.account.ledger import Account
from bot4._core.account.positions import Positions
from bot4._core.book.depth_sync import DepthSync
from bot4._core.engine.decide import LinearPolicy
from bot4._core.engine.engine import Engine
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper
from bot4._core.wire.scan import Scanner
from bot4.application.assembly.feature_bank import feature_place, make_features, split_interval
from bot4.application.assembly.fill_assumptions import fill_model
from bot4.application.assembly.opening import ExternalVenue, asset_decimals, opening_balances
from bot4.application.assembly.reasoned_parts import needed_features, portfolio_book, reasoned_policy, stated_gate
from bot4.application.assembly.risk_parts import breaker_of, risk_gate
from bot4.application.assembly.sizes import money_contracts, money_ticklots, order_lots_max, scaled
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind, Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4._core.brain.portfolio import PortfolioBook
    from bot4._core.engine.reasoned_policy import ReasonedPolicy
    from bot4._core.journal.stream import Journal
    from bot4._core.risk.breaker import Breaker
    from bot4._core.risk.limits import RiskGate
    from bot4._core.ta.features import Features
    from bot4.application.assembly.shape import InputShape
    from bot4.config import ImpactSettings, Settings

MS = 1_000_000
_BPS = Decimal(10_000)
_PPM = 1_000_000
_KIND_CODES = {ContractKind.SPOT: 0, ContractKind.LINEAR: 1, ContractKind.INVERSE: 2}
# Regular-user rates in basis points, maker and taker, where the settings name none (Binance, 2026-11).
_DEFAULT_FEES_BPS = {
    ContractKind.SPOT: (Decimal(10), Decimal(10)),
    ContractKind.LINEAR: (Decimal(2), Decimal(5)),
    ContractKind.INVERSE: (Decimal(2), Decimal(5)),
}
# Features that need quantities of a real book.
_BOOK_FEATURES = frozenset(
    {
        "queue_imbalance",
        "depth_imbalance_5",
        "microprice_offset",
        "ofi_50",
        "ofi_100",
        "ofi_levels_50",
        "relative_spread",
    }
)


@dataclass(frozen=True, slots=True)
class Assembly:
    """A shard, ready to be fed.

    ``assets`` names the account's entries; ``contracts`` and ``instruments`` are in the order of the lanes, and so are
    ``policies``, which is empty where the linear policy decides.
    """

    engine: Engine
    scanner: Scanner
    breaker: Breaker
    account: Account
    positions: Positions
    instruments: tuple[Instrument, ...]
    contracts: tuple[Contract, ...]
    assets: tuple[str, ...]
    gates: tuple[RiskGate, ...]
    syncs: tuple[DepthSync, ...]
    opening: Mapping[str, Decimal]
    portfolio: PortfolioBook
    policies: tuple[ReasonedPolicy, ...] = ()

    def asset(self, name: str) -> int:
        """Return the account's index of an asset."""
        return self.assets.index(name)


def assemble(
    settings: Settings,
    instruments: Sequence[Instrument],
    *,
    journal: Journal | None,
    shape: InputShape,
    external: ExternalVenue | None = None,
    sample_every: int = 16,
    impacts: Mapping[str, ImpactSettings] | None = None,
) -> Assembly:
    """Make the engine of one session.

    Parameters
    ----------
    settings : Settings
        Sizes, limits and fees.
    instruments : sequence of Instrument
        At least one; symbols must differ.
    journal : Journal or None
        None keeps no record.
    shape : InputShape
        What the input can tell.
    external : ExternalVenue or None
        None trades on paper.
    sample_every : int
        Messages to one whose stage times are taken.
    impacts : mapping of str to ImpactSettings, optional
        By symbol, instead of ``settings.impact``.

    Raises
    ------
    ConfigError
        A setting does not fit an instrument; the message names both.

    """
    try:
        return _assemble(
            settings, instruments, journal, shape, external, sample_every=sample_every, impacts=impacts or {}
        )
    except (ValueError, OverflowError) as error:
        symbols = ", ".join(instrument.symbol for instrument in instruments)
        raise ConfigError(f"the settings do not fit {symbols}: {error}") from error


def _assemble(
    settings: Settings,
    instruments: Sequence[Instrument],
    journal: Journal | None,
    shape: InputShape,
    external: ExternalVenue | None,
    *,
    sample_every: int,
    impacts: Mapping[str, ImpactSettings],
) -> Assembly:
    decimals = asset_decimals(instruments)
    assets = tuple(decimals)
    contracts = tuple(_contract(settings, instrument, decimals, assets) for instrument in instruments)
    opening = opening_balances(settings, instruments, decimals, external)
    account = _account(decimals, opening)
    positions, breaker = Positions(contracts), breaker_of(settings, shape)
    assembly = Assembly(
        engine=Engine(
            positions,
            account,
            breaker,
            journal,
            tick_interval_ns=(shape.bar_interval_ns or 1000 * MS) // 10,
            mark_interval_ns=max(settings.run.mark_interval_ms * MS, shape.bar_interval_ns or 0),
            jump_ns=max(60_000 * MS, 10 * (shape.bar_interval_ns or 0)),
            sample_every=sample_every,
            link=external.link if external is not None else None,
            sync_orders=settings.journal.policy == "paranoid",
        ),
        scanner=Scanner(),
        breaker=breaker,
        account=account,
        positions=positions,
        instruments=tuple(instruments),
        contracts=contracts,
        assets=assets,
        gates=tuple(risk_gate(settings, instrument, index, shape) for index, instrument in enumerate(instruments)),
        syncs=tuple(DepthSync() for _ in instruments),
        opening=opening,
        portfolio=portfolio_book(settings, len(instruments), _bar_ns(settings, shape)),
    )
    if external is None:
        _tell_opening(assembly)
    return replace(assembly, policies=_add_lanes(assembly, settings, shape, None if external is not None else impacts))


def _account(decimals: Mapping[str, int], opening: Mapping[str, Decimal]) -> Account:
    account = Account(list(decimals.values()))
    for index, asset in enumerate(decimals):
        if asset in opening:
            account.credit(index, opening[asset])
    return account


def _bar_ns(settings: Settings, shape: InputShape) -> int:
    return shape.bar_interval_ns or settings.strategy.bar_interval_ms * MS


def _tell_opening(assembly: Assembly) -> None:
    """Tell the guards what a paper account opens with: the drawdown limit need not wait for the first mark."""
    for lane, (gate, instrument) in enumerate(zip(assembly.gates, assembly.instruments, strict=True)):
        decimals = assembly.account.decimals[assembly.asset(instrument.settle)]
        atoms = int(assembly.opening[instrument.settle].scaleb(decimals))
        gate.apply_equity(atoms)
        assembly.portfolio.apply_equity(lane, atoms)


def _add_lanes(
    assembly: Assembly, settings: Settings, shape: InputShape, impacts: Mapping[str, ImpactSettings] | None
) -> tuple[ReasonedPolicy, ...]:
    """Give each instrument its lane; `impacts` None: orders go to an external venue, and nothing is simulated.

    Returns the policies that give reasons, where such decide.
    """
    policies: list[ReasonedPolicy] = []
    bar_ns = _bar_ns(settings, shape)
    also, longer_ns = needed_features(settings, bar_ns)
    for index, instrument in enumerate(assembly.instruments):
        features = make_features(settings, instrument, bar_ns, also=also, longer_ns=longer_ns)
        # Books hold levels older than a change of tick size; they lie far from the touch and cannot be traded at.
        assembly.scanner.add_instrument(
            instrument.symbol, f"{instrument.tick_size:f}", f"{instrument.lot_size:f}", skip_off_tick_levels=True
        )
        if settings.strategy.policy == "reasoned":
            without = () if shape.has_book else _BOOK_FEATURES
            policies.append(reasoned_policy(settings, instrument, index, assembly.portfolio, features, without=without))
        contract = assembly.contracts[index]
        assembly.engine.add_lane(
            instrument.symbol,
            assembly.syncs[index],
            features,
            None if impacts is None else _paper(settings, instrument, contract, index, impacts),
            assembly.gates[index],
            _policy(settings, instrument, shape, features),
            assumed_half_spread_ticks=0 if impacts is None else settings.paper.assumed_half_spread_ticks,
            plays_bars=shape.plays_bars,
            position_ticklots_max=_position_ticklots_max(settings, instrument),
            reasoned=policies[index] if policies else None,
            stated=stated_gate(settings, instrument, index),
            own_bars_ns=0 if shape.bar_interval_ns is not None or shape.has_bars else bar_ns,
        )
    _set_reference(settings, assembly)
    return tuple(policies)


def _set_reference(settings: Settings, assembly: Assembly) -> None:
    """Let the named instrument's price be the reference of the others' features."""
    name, symbols = settings.features.reference, [instrument.symbol for instrument in assembly.instruments]
    if not name:
        return
    if name not in symbols:
        raise ConfigError(f"setting features.reference names {name}, and the run has {', '.join(symbols)}")
    for lane in range(len(symbols)):
        if symbols[lane] != name:
            assembly.engine.set_reference(lane, symbols.index(name))


def _position_ticklots_max(settings: Settings, instrument: Instrument) -> int:
    """Return the money limit of a position; 0 for an inverse contract, whose gate counts contracts."""
    if instrument.kind is ContractKind.INVERSE:
        return 0
    return money_ticklots(settings, instrument, settings.risk.position_notional_max, "risk.position_notional_max")


def _contract(
    settings: Settings, instrument: Instrument, decimals: dict[str, int], assets: tuple[str, ...]
) -> Contract:
    maker_bps, taker_bps = _DEFAULT_FEES_BPS[instrument.kind]
    if settings.paper.maker_fee_bps is not None:
        maker_bps = settings.paper.maker_fee_bps
    if settings.paper.taker_fee_bps is not None:
        taker_bps = settings.paper.taker_fee_bps
    return Contract(
        _KIND_CODES[instrument.kind],
        tick_size=f"{instrument.tick_size:f}",
        lot_size=f"{instrument.lot_size:f}",
        base_asset=assets.index(instrument.base),
        quote_asset=assets.index(instrument.quote),
        base_decimals=decimals[instrument.base],
        quote_decimals=decimals[instrument.quote],
        contract_size=int(instrument.contract_size) if instrument.kind is ContractKind.INVERSE else 1,
        maker_fee=maker_bps / _BPS,
        taker_fee=taker_bps / _BPS,
    )


def _policy(settings: Settings, instrument: Instrument, shape: InputShape, features: Features) -> LinearPolicy:
    strategy = settings.strategy
    return LinearPolicy(
        [
            (feature_place(features, name), weight, strategy.scales[name])
            for name, weight in _weights(settings, shape).items()
        ],
        enter_score=strategy.enter_score,
        take_score=strategy.take_score,
        exit_score=strategy.exit_score,
        price_step_ticks=instrument.ticks_per_step,
        qty_step_lots=instrument.lots_per_step,
        qty_min_lots=1 if instrument.min_qty is None else max(1, instrument.qty_to_lots(instrument.min_qty)),
        qty_max_lots=order_lots_max(instrument),
        cooldown_ns=strategy.cooldown_ms * MS,
        passive_ttl_ns=strategy.passive_ttl_ms * MS,
        take_slippage_ppm=round(strategy.take_slippage_bps * _PPM / 10_000),
        short_allowed=strategy.short and instrument.kind is not ContractKind.SPOT,
        **_sizes(settings, instrument),
    )


def _weights(settings: Settings, shape: InputShape) -> dict[str, float]:
    """Return the weights of the score; without a book its features are constant, and the rest carries it all."""
    weights = dict(settings.strategy.weights)
    if shape.has_book:
        return weights
    weights = {name: weight for name, weight in weights.items() if split_interval(name)[0] not in _BOOK_FEATURES}
    total = sum(abs(weight) for weight in weights.values())
    if total == 0.0:
        raise ConfigError("setting strategy.weights names only features of a book, and this input has none")
    return {name: weight / total for name, weight in weights.items()}


def _sizes(settings: Settings, instrument: Instrument) -> dict[str, int]:
    """Return what an order and a position may be: contracts of an inverse instrument, else money."""
    order, position = settings.strategy.order_notional, settings.strategy.position_notional
    if instrument.kind is ContractKind.INVERSE:
        return {
            "order_lots": money_contracts(settings, instrument, order, "strategy.order_notional"),
            "position_lots": money_contracts(settings, instrument, position, "strategy.position_notional"),
        }
    least = instrument.min_notional
    if least is not None and scaled(settings, instrument, order) < least:
        raise ConfigError(
            f"setting strategy.order_notional of {order} is below the least order of "
            f"{instrument.symbol}, which is {least} {instrument.quote}"
        )
    return {
        "order_ticklots": money_ticklots(settings, instrument, order, "strategy.order_notional"),
        "position_ticklots": money_ticklots(settings, instrument, position, "strategy.position_notional"),
        "notional_min_ticklots": 0 if least is None else int(least / (instrument.tick_size * instrument.lot_size)) + 1,
    }


def lone_papers(settings: Settings, instruments: Sequence[Instrument]) -> list[tuple[Paper, int]]:
    """Return the simulated exchange of a run on these, lane by lane, each with the decimals of its settle asset."""
    decimals = asset_decimals(instruments)
    assets = tuple(decimals)
    return [
        (
            _paper(settings, instrument, _contract(settings, instrument, decimals, assets), index, {}),
            decimals[instrument.settle],
        )
        for index, instrument in enumerate(instruments)
    ]


def _paper(
    settings: Settings, instrument: Instrument, contract: Contract, index: int, impacts: Mapping[str, ImpactSettings]
) -> Paper:
    paper = settings.paper
    if paper.latency == "zero":
        latency = Latency.zero()
    elif paper.latency == "fixed":
        latency = Latency.fixed(round(paper.latency_fixed_ms * MS))
    else:
        latency = Latency.lognormal(paper.latency_mu, paper.latency_sigma)
    return Paper(
        contract,
        seed=settings.run.seed,
        instrument=index,
        submit_latency=latency,
        report_latency=latency,
        assumed_half_spread_ticks=paper.assumed_half_spread_ticks,
        fills=fill_model(settings, instrument, impacts.get(instrument.symbol)),
    )
