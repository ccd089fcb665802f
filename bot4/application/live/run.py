"""A session that trades for real: its gateway is made here, and ended here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.clock import SystemClock
from bot4._core.engine.control import ControlCode
from bot4.application.live.gateway import LiveGateway
from bot4.application.live.leading import LedAdmission
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

    from bot4._core.engine.runner import ShardRunner
    from bot4.application.assembly.assembly import Assembly
    from bot4.application.live.account import LiveAccount


def make_gateway(
    account: LiveAccount,
    assembly: Assembly,
    runner: ShardRunner | None,
    *,
    epoch: int,
    on_halt: Callable[[str], None],
) -> LiveGateway:
    """Return the gateway between a shard and an account; raises `ConfigError` where the shard has no thread."""
    if runner is None:
        raise ConfigError("real orders need live market data")
    engine = assembly.engine
    return LiveGateway(
        account.exchange,
        runner,
        assembly.breaker if account.lead is None else LedAdmission(assembly.breaker, account.lead),
        assembly.instruments,
        {name: (index, assembly.account.decimals[index]) for index, name in enumerate(assembly.assets)},
        epoch=epoch,
        now_ns=SystemClock().wall_ns,
        progress=lambda: int(engine.now_ns),
        on_halt=on_halt,
        pace=account.pace,
        past=account.past,
        lead=account.lead,
    )


def end_trading(gateway: LiveGateway, runner: ShardRunner | None, trading: Thread, *, join_s: float) -> str | None:
    """Stop deciding, cancel what works at the venue, and hear its answers while the shard still takes them.

    Returns why the venue has to be looked at by a person, or None where every order has settled.
    """
    if runner is not None:
        runner.control(int(ControlCode.CONTROL_STOP))
        runner.control(int(ControlCode.CONTROL_CANCEL_ALL))
    gateway.stop()
    trading.join(join_s)
    if trading.is_alive():
        return "the gateway's thread did not end: look at the venue for open orders"
    unsettled = gateway.status.unsettled
    return f"{unsettled} orders are not settled: look at the venue for them" if unsettled else None
