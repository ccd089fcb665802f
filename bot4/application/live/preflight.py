"""What has to be true before the first live order: consent twice, a harmless key, a clock, rules, money, limits.

Every check that fails gives one line; all are made, so that one start shows everything that is missing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from bot4.domain.errors import ConfigError
from bot4.ports.venue_outcome import NoInformation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.venue_order import Balance

CONSENT_VARIABLE = "BOT4_LIVE_CONSENT"
CONSENT = "real orders"
_ZERO = Decimal(0)


class PreflightError(ConfigError):
    """Live trading is refused; `lines` holds every reason."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


def require_consent(settings: Settings, environment: Mapping[str, str]) -> None:
    """Raise `PreflightError` unless the settings and the environment both ask for real orders, in these words."""
    lines = []
    if settings.live.consent != CONSENT:
        lines.append(f'live.consent must be "{CONSENT}" in the settings')
    if environment.get(CONSENT_VARIABLE, "") != CONSENT:
        lines.append(f'{CONSENT_VARIABLE} must be "{CONSENT}" in the environment')
    if "BOT4_LIVE__CONSENT" in environment:
        lines.append("live.consent must not come from the environment: the two consents are given in two places")
    if settings.live.endpoint == "none":
        lines.append("live.endpoint must name where orders go: mainnet, testnet or custom")
    if lines:
        raise PreflightError(lines)


async def preflight(
    exchange: ExchangePort, settings: Settings, instruments: Sequence[Instrument], *, goes_on: bool = False
) -> list[str]:
    """Ask a started venue everything; returns a line for each thing that forbids live trading.

    Parameters
    ----------
    exchange : ExchangePort
        Started.
    settings : Settings
        What the run may do at most.
    instruments : sequence of Instrument
        What is to be traded, with the venue's own rules.
    goes_on : bool
        A run that did not end goes on: its orders may hold its money, and its position is its own.

    """
    lines = []
    if (why := exchange.why_not_ready()) is not None:
        lines.append(f"clock and connection: {why}")
    lines += await _key(exchange, settings)
    lines += await _account(exchange)
    lines += _rules(settings, instruments, exchange)
    lines += _limits(exchange, settings)
    if not goes_on:
        lines += await _money(exchange, settings, instruments)
        lines += await _positions(exchange, instruments)
    return lines


async def _key(exchange: ExchangePort, settings: Settings) -> list[str]:
    allowed = await exchange.key_permissions()
    if isinstance(allowed, NoInformation):
        # A test venue has no such question, and its keys move no money.
        if settings.live.accept_unknown_key and settings.live.endpoint != "mainnet":
            return []
        return [f"key: what it may do is not known ({allowed.cause}): refused"]
    lines = [
        f"key: it may {what}; make one that may not"
        for may, what in (
            (allowed.withdraw, "withdraw"),
            (allowed.internal_transfer, "transfer to other accounts"),
            (allowed.universal_transfer, "move money between accounts"),
        )
        if may
    ]
    if not allowed.trade:
        lines.append("key: it may not trade")
    if settings.live.require_ip_restriction and not allowed.ip_restricted:
        lines.append("key: it is not restricted to an address (live.require_ip_restriction)")
    return lines


async def _account(exchange: ExchangePort) -> list[str]:
    problems = await exchange.account_problems()
    if isinstance(problems, NoInformation):
        return [f"account: it did not answer ({problems.cause})"]
    return [f"account: {problem}" for problem in problems]


def _rules(settings: Settings, instruments: Sequence[Instrument], exchange: ExchangePort) -> list[str]:
    lines = []
    for instrument in instruments:
        if instrument.market is not exchange.capabilities.market:
            lines.append(f"{instrument.symbol}: it does not trade on this venue's {exchange.capabilities.market.value}")
        if instrument.min_qty is None or instrument.min_notional is None:
            lines.append(f"{instrument.symbol}: the venue's filters are not known")
            continue
        if settings.strategy.order_notional < instrument.min_notional:
            lines.append(
                f"{instrument.symbol}: strategy.order_notional {settings.strategy.order_notional} is below the "
                f"venue's least {instrument.min_notional}"
            )
    return lines


def _limits(exchange: ExchangePort, settings: Settings) -> list[str]:
    limits = exchange.order_limits()
    if not limits:
        return ["limits: the venue named none for orders"]
    lines = []
    for limit in limits:
        most = max(settings.risk.orders_burst, settings.risk.orders_per_s * limit.interval_s)
        if limit.interval_s <= 60 and most > limit.count:  # noqa: PLR2004 - a day's count is the budget's to keep
            lines.append(
                f"limits: risk.orders_per_s and risk.orders_burst allow {most} orders in {limit.interval_s} s, "
                f"the venue {limit.count}"
            )
    return lines


async def _money(exchange: ExchangePort, settings: Settings, instruments: Sequence[Instrument]) -> list[str]:
    balances = await exchange.balances()
    if isinstance(balances, NoInformation):
        return [f"balances: they are not known ({balances.cause})"]
    free = {balance.asset: balance.free for balance in balances}
    need = settings.strategy.order_notional
    lines = []
    for instrument in instruments:
        if free.get(instrument.settle, _ZERO) < need:
            has = _shown(balances, instrument.settle)
            lines.append(f"{instrument.symbol}: one order takes {need} {instrument.settle}, the account has {has}")
    return lines


async def _positions(exchange: ExchangePort, instruments: Sequence[Instrument]) -> list[str]:
    held = await exchange.positions()
    if isinstance(held, NoInformation):
        return [f"positions: they are not known ({held.cause})"]
    traded = {instrument.symbol for instrument in instruments}
    return [
        f"{position.symbol}: the account holds a position of {position.qty:f}, a run begins flat: close it first"
        for position in held
        if position.symbol in traded and position.qty
    ]


def _shown(balances: Sequence[Balance], asset: str) -> str:
    return next((f"{balance.free:f} free" for balance in balances if balance.asset == asset), "none")
