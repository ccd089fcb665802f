"""From settings and instruments to an engine: every part of a shard is made here, from plain values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from bot4._core.account.contract import Contract
from bot4._core.account.ledger import Account
from bot4._core.account.positions import Positions
from bot4._core.book.depth_sync import DepthSync
from bot4._core.engine.decide import LinearPolicy
from bot4._core.engine.engine import Engine
from bot4._core.risk.limits import RiskGate
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper
from bot4._core.wire.scan import Scanner
from bot4.application.assembly.feature_bank import feature_place, make_features, split_interval
from bot4.application.assembly.fill_assumptions import fill_model
from bot4.application.assembly.opening import CASH, ExternalVenue, asset_decimals, opening_balances
from bot4.application.assembly.reasoned_parts import needed_features, portfolio_book, reasoned_policy, stated_gate
from bot4.application.assembly.risk_parts import breaker_of, filters_of
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind, Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4._core.brain.portfolio import PortfolioBook
    from bot4._core.engine.reasoned_policy import ReasonedPolicy
    from bot4._core.journal.stream import Journal
    from bot4._core.risk.breaker import Breaker
    from bot4._core.ta.features import Features
    from bot4.application.assembly.shape import InputShape
    from bot4.config import ImpactSettings, Settings

MS = 1_000_000
_BPS = Decimal(10_000)
_PPM = 1_000_000
_LOTS_MAX = 2**50
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
    policies: tuple[ReasonedPolicy, ...]

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
    positions = Positions(contracts)
    account = Account(list(decimals.values()))
    opening = opening_balances(settings, instruments, decimals, external)
    for index, asset in enumerate(assets):
        if asset in opening:
            account.credit(index, opening[asset])
    breaker = breaker_of(settings, shape)
    engine = Engine(
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
    )
    scanner = Scanner()
    bar_ns = shape.bar_interval_ns or settings.strategy.bar_interval_ms * MS
    also, longer_ns = needed_features(settings, bar_ns)
    portfolio = portfolio_book(settings, len(instruments), bar_ns)
    gates = tuple(_gate(settings, instrument, index, shape) for index, instrument in enumerate(instruments))
    if external is None:
        # A paper account is worth what it opens with: the drawdown limit need not wait for the first mark.
        for lane, (gate, instrument) in enumerate(zip(gates, instruments, strict=True)):
            atoms = int(opening[instrument.settle].scaleb(decimals[instrument.settle]))
            gate.apply_equity(atoms)
            portfolio.apply_equity(lane, atoms)
    syncs = tuple(DepthSync() for _ in instruments)
    policies: list[ReasonedPolicy] = []
    for index, instrument in enumerate(instruments):
        features = make_features(settings, instrument, bar_ns, also=also, longer_ns=longer_ns)
        # Books hold levels older than a change of tick size; they lie far from the touch and cannot be traded at.
        scanner.add_instrument(
            instrument.symbol, f"{instrument.tick_size:f}", f"{instrument.lot_size:f}", skip_off_tick_levels=True
        )
        if settings.strategy.policy == "reasoned":
            without = () if shape.has_book else _BOOK_FEATURES
            policies.append(reasoned_policy(settings, instrument, index, portfolio, features, without=without))
        engine.add_lane(
            instrument.symbol,
            syncs[index],
            features,
            _paper(settings, instrument, contracts[index], index, impacts) if external is None else None,
            gates[index],
            _policy(settings, instrument, shape, features),
            assumed_half_spread_ticks=settings.paper.assumed_half_spread_ticks if external is None else 0,
            plays_bars=shape.plays_bars,
            position_ticklots_max=_ticklots(
                settings, instrument, settings.risk.position_notional_max, "risk.position_notional_max"
            )
            if instrument.kind is not ContractKind.INVERSE
            else 0,
            reasoned=policies[index] if policies else None,
            stated=stated_gate(settings, instrument, index),
        )
    return Assembly(
        engine=engine,
        scanner=scanner,
        breaker=breaker,
        account=account,
        positions=positions,
        instruments=tuple(instruments),
        contracts=contracts,
        assets=assets,
        gates=gates,
        syncs=syncs,
        opening=opening,
        portfolio=portfolio,
        policies=tuple(policies),
    )


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


def _scaled(settings: Settings, instrument: Instrument, amount: Decimal) -> Decimal:
    """Scale an amount of money to an account in coins by the two accounts' sizes."""
    if instrument.quote in CASH:
        return amount
    return amount * settings.paper.balance_coin / settings.paper.balance_quote


def _ticklots(settings: Settings, instrument: Instrument, amount: Decimal, key: str) -> int:
    step = instrument.tick_size * instrument.lot_size * instrument.contract_size
    ticklots = int((_scaled(settings, instrument, amount) / step).to_integral_value(rounding=ROUND_DOWN))
    if ticklots < 1:
        raise ConfigError(f"setting {key} of {amount} is less than one lot at one tick of {instrument.symbol}")
    return ticklots


def _contracts_for(settings: Settings, instrument: Instrument, amount: Decimal, key: str) -> int:
    """Whole inverse contracts that an amount of quote money is worth."""
    lot_value = instrument.contract_size * instrument.lot_size
    lots = int((_scaled(settings, instrument, amount) / lot_value).to_integral_value(rounding=ROUND_DOWN))
    if lots < 1:
        raise ConfigError(
            f"setting {key} of {amount} is less than one contract of {instrument.symbol}, which is worth {lot_value}"
        )
    return lots


def _max_lots(instrument: Instrument) -> int:
    return min(_LOTS_MAX, instrument.qty_to_lots(instrument.max_qty)) if instrument.max_qty else _LOTS_MAX


def _policy(settings: Settings, instrument: Instrument, shape: InputShape, features: Features) -> LinearPolicy:
    strategy = settings.strategy
    weights = dict(strategy.weights)
    if not shape.has_book:
        # Without a book those features are constant: the rest carries the whole score.
        weights = {name: weight for name, weight in weights.items() if split_interval(name)[0] not in _BOOK_FEATURES}
        total = sum(abs(weight) for weight in weights.values())
        if total == 0.0:
            raise ConfigError("setting strategy.weights names only features of a book, and this input has none")
        weights = {name: weight / total for name, weight in weights.items()}
    is_inverse = instrument.kind is ContractKind.INVERSE
    least = instrument.min_notional
    if not is_inverse and least is not None and _scaled(settings, instrument, strategy.order_notional) < least:
        raise ConfigError(
            f"setting strategy.order_notional of {strategy.order_notional} is below the least order of "
            f"{instrument.symbol}, which is {least} {instrument.quote}"
        )
    sizes: dict[str, int]
    if is_inverse:
        sizes = {
            "order_lots": _contracts_for(settings, instrument, strategy.order_notional, "strategy.order_notional"),
            "position_lots": _contracts_for(
                settings, instrument, strategy.position_notional, "strategy.position_notional"
            ),
        }
    else:
        sizes = {
            "order_ticklots": _ticklots(settings, instrument, strategy.order_notional, "strategy.order_notional"),
            "position_ticklots": _ticklots(
                settings, instrument, strategy.position_notional, "strategy.position_notional"
            ),
            "notional_min_ticklots": 0
            if instrument.min_notional is None
            else int(instrument.min_notional / (instrument.tick_size * instrument.lot_size)) + 1,
        }
    return LinearPolicy(
        [(feature_place(features, name), weight, strategy.scales[name]) for name, weight in weights.items()],
        enter_score=strategy.enter_score,
        take_score=strategy.take_score,
        exit_score=strategy.exit_score,
        price_step_ticks=instrument.ticks_per_step,
        qty_step_lots=instrument.lots_per_step,
        qty_min_lots=1 if instrument.min_qty is None else max(1, instrument.qty_to_lots(instrument.min_qty)),
        qty_max_lots=_max_lots(instrument),
        cooldown_ns=strategy.cooldown_ms * MS,
        passive_ttl_ns=strategy.passive_ttl_ms * MS,
        take_slippage_ppm=round(strategy.take_slippage_bps * _PPM / 10_000),
        short_allowed=strategy.short and instrument.kind is not ContractKind.SPOT,
        **sizes,
    )


def lone_paper(settings: Settings, instrument: Instrument) -> tuple[Paper, int]:
    """Return the simulated exchange of a run on this instrument alone, and the decimals of its settle asset."""
    decimals = asset_decimals([instrument])
    contract = _contract(settings, instrument, decimals, tuple(decimals))
    return _paper(settings, instrument, contract, 0, {}), decimals[instrument.settle]


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


def _gate(settings: Settings, instrument: Instrument, index: int, shape: InputShape) -> RiskGate:
    risk = settings.risk
    is_inverse = instrument.kind is ContractKind.INVERSE
    max_lots = _max_lots(instrument)
    if is_inverse:
        position_lots = _contracts_for(settings, instrument, risk.position_notional_max, "risk.position_notional_max")
        order_notional = _contracts_for(settings, instrument, risk.order_notional_max, "risk.order_notional_max")
    else:
        position_lots = _LOTS_MAX  # the engine turns the money limit into lots at the first touch
        order_notional = _ticklots(settings, instrument, risk.order_notional_max, "risk.order_notional_max")
    return RiskGate(
        instrument=index,
        max_order_lots=max_lots,
        max_order_notional=order_notional,
        max_long_lots=position_lots,
        max_short_lots=0 if instrument.kind is ContractKind.SPOT else position_lots,
        filters=filters_of(instrument),
        notional_is_qty=is_inverse,
        max_open_orders=risk.open_orders_max,
        band_ppm=risk.price_band_bps * 100,
        max_reference_age_ns=max(risk.reference_ttl_ms * MS, 2 * (shape.bar_interval_ns or 0)),
        unusual_multiple=risk.fat_finger_multiple,
        max_drawdown_ppm=risk.drawdown_max_bps * 100,
        duplicate_window_ns=risk.duplicate_window_ms * MS,
        max_reject_run=risk.consecutive_rejects_max,
        max_exit_reject_run=2 * risk.consecutive_rejects_max,
        orders_per_period=risk.orders_per_s,
        period_ns=1_000 * MS,
        burst=risk.orders_burst,
        reserve_tokens=min(4, risk.orders_burst - 1),
    )
