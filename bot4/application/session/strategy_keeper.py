"""A session's own strategy: put into the shard, given a thread where the shard has one, watched, ended with the run.

A strategy in Python beside a shard with a thread must not be able to stop it: where a method raises, or does not come
back, the strategy alone ends. Its orders are cancelled, what is held stays or is closed (`strategy.on_failure`), and
the engine goes on.
"""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING

from bot4._core.engine.control import ControlCode
from bot4.strategy.base import host_strategy, strategy_name, thread_strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4._core.engine.runner import ShardRunner
    from bot4._core.engine.strategy import StrategyHost
    from bot4._core.engine.strategy_thread import ThreadedHost
    from bot4._core.sim.latency import Latency
    from bot4.application.assembly.assembly import Assembly
    from bot4.config import Settings

_NS_PER_MS = 1_000_000
_JOIN_S = 10.0


class StrategyKeeper:
    """Holds the strategy of one engine.

    Parameters
    ----------
    strategy : Strategy, CompiledStrategy or None
        None: the policies decide, and there is nothing to keep.
    engine : Engine
        Before its first event.
    runner : ShardRunner or None
        None: the feeding thread applies events itself and calls the strategy, and what it raises ends the run.
    settings : Settings
        `strategy.stall_ms` and `strategy.on_failure`.
    on_error : callable
        Ends the run; called where a strategy without a thread of its own raised.
    say : callable
        Shows one line that stays; called by `look`.
    latency : Latency, optional
        From a call until its requests reach the desk; for a strategy with a thread of its own its thread is that.

    `look` and `end` belong to the session's watching thread.

    Raises
    ------
    TypeError, ValueError
        As of `bot4.strategy.base.host_strategy`.

    """

    def __init__(
        self,
        strategy: object | None,
        assembly: Assembly,
        runner: ShardRunner | None,
        settings: Settings,
        *,
        on_error: Callable[[], None],
        say: Callable[[str], None],
        latency: Latency | None = None,
    ) -> None:
        self._host: StrategyHost | None = None
        self._runner = runner
        self._stall_ms = settings.strategy.stall_ms
        self._flattens = settings.strategy.on_failure == "flatten"
        self._threaded: ThreadedHost | None = None
        self._thread: Thread | None = None
        self._say = say
        self._trouble: str | None = None
        self._is_said = False
        self._is_ended = False
        self._lock = Lock()
        if strategy is None:
            return
        self._name = strategy_name(strategy)
        if runner is not None:
            self._threaded = thread_strategy(strategy, assembly.engine, runner, assembly.instruments)
        if self._threaded is None:
            self._host = host_strategy(
                strategy,
                assembly.engine,
                instruments=assembly.instruments,
                latency=latency,
                seed=settings.run.seed,
                on_error=on_error,
            )
            return
        self._host = self._threaded
        self._threaded.on_error = self._note_raised
        self._thread = Thread(target=self._threaded.run, name="bot4-strategy", daemon=True)

    @property
    def error(self) -> str | None:
        """What ended the strategy before the run, else None."""
        if self._trouble is not None:
            return self._trouble
        return None if self._host is None or self._host.error is None else f"it raised {self._host.error!r}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the summary has to say about it."""
        if self._host is None:
            return ()
        counters = self._host.counters()
        said = []
        if self.error is not None:
            rest = "what it held was closed" if self._flattens else "what it held stayed"
            after = f"; its orders were cancelled, {rest}, the engine went on" if self._threaded is not None else ""
            said.append(f"the strategy {self._name} was ended after {counters['calls']} calls: {self.error}{after}")
        lost = {name: counters[name] for name in ("missed", "refused", "overflows", "strays") if counters.get(name)}
        if lost:
            words = ", ".join(f"{name} {count}" for name, count in lost.items())
            said.append(f"the strategy {self._name} did not keep up ({words}; docs/strategy.md)")
        return tuple(said)

    def start(self) -> None:
        """Start its thread, where it has one."""
        if self._thread is not None:
            self._thread.start()

    def look(self) -> None:
        """End it where a method does not come back, or where it took so few of its fills that their ring is full."""
        host = self._threaded
        if host is None:
            return
        if self._trouble is None and host.busy_ns() > self._stall_ms * _NS_PER_MS:
            self._note(f"a method did not come back within {self._stall_ms} ms (strategy.stall_ms)")
        elif self._trouble is None and host.has_overflowed:
            self._note("it did not take its fills, and there was no room for more")
        self._tell_shard()
        if self._trouble is not None and not self._is_said:
            self._is_said = True
            self._say(f"the strategy {self._name} was ended: {self._trouble}")

    def end(self) -> None:
        """Let its thread hear the end, and end it; one that does not come back is left behind."""
        if self._threaded is None or self._thread is None or self._thread.ident is None:
            return
        self._threaded.finish()
        self._thread.join(0.1 if self._trouble else _JOIN_S)
        if self._thread.is_alive() and self._trouble is None:
            self._note(f"a method did not come back within {_JOIN_S:.0f} s of the end")

    def _note_raised(self) -> None:
        """On the strategy's thread."""
        assert self._host is not None  # noqa: S101 - it has called
        self._note(f"it raised {self._host.error!r}")
        self._tell_shard()

    def _note(self, trouble: str) -> None:
        with self._lock:
            self._trouble = self._trouble or trouble

    def _tell_shard(self) -> None:
        """Say it once; where the ring of commands is full, at the next look."""
        with self._lock:
            if self._trouble is None or self._is_ended or self._runner is None:
                return
            self._is_ended = self._runner.control(int(ControlCode.CONTROL_STRATEGY_END), value=int(self._flattens))
