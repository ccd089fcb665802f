"""What a run shows to those who ask: the last view its screen was given, as JSON and as Prometheus' text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.ports.display import Display
    from bot4.ports.kill_switch import SwitchEntry
    from bot4.ports.run_view import LaneView, RunView


class StatusDesk:
    """A display before the display: it keeps what is shown and hands it on.

    Parameters
    ----------
    display : Display
    killed : callable
        The entry the run was killed by, or None.

    `show` and `close` by the session's thread, the others by any.

    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._view: RunView | None = None
        self.run_id = ""
        self.killed: Callable[[], SwitchEntry | None] = lambda: None

    def show(self, view: RunView) -> None:
        """Keep and hand on."""
        self._view = view
        self._display.show(view)

    def say(self, message: str) -> None:
        """Hand on."""
        self._display.say(message)

    def close(self) -> None:
        """Hand on."""
        self._display.close()

    def status(self) -> dict[str, Any]:
        """Return the run as JSON can hold it; amounts are text."""
        view, killed = self._view, self.killed()
        told: dict[str, Any] = {
            "run_id": self.run_id,
            "killed": None if killed is None else {"entry": killed.entry, "said": str(killed)},
        }
        if view is None:
            return told
        return told | {
            "source": view.source,
            "connection": view.connection,
            "elapsed_s": round(view.elapsed_s, 3),
            "engine_ns": view.engine_ns,
            "messages": view.messages,
            "events": view.events,
            "breaker": view.breaker,
            "journal_failed": view.journal_failed,
            "instruments": [_lane(lane) for lane in view.lanes],
        }

    def metrics(self) -> str:
        """Return the run in Prometheus' text format; labels are the run's own symbols and stages."""
        view = self._view
        lines = [*_metric("bot4_killed", "gauge", [("", int(self.killed() is not None))])]
        if view is not None:
            lines += _metric("bot4_messages_total", "counter", [("", view.messages)])
            lines += _metric("bot4_events_total", "counter", [("", view.events)])
            lines += _metric("bot4_journal_failed", "gauge", [("", int(view.journal_failed))])
            lines += _metric("bot4_breaker_closed", "gauge", [("", int(view.breaker == "closed"))])
            for name, kind in (("orders", "counter"), ("fills", "counter"), ("refusals", "counter")):
                rows = [(_label("symbol", lane.symbol), getattr(lane, name)) for lane in view.lanes]
                lines += _metric(f"bot4_{name}_total", kind, rows)
            for name in ("working_orders", "position", "equity"):
                rows = [(_label("symbol", lane.symbol), getattr(lane, name)) for lane in view.lanes]
                lines += _metric(f"bot4_{name}", "gauge", rows)
            rows = [
                (f'{{stage="{stage}",quantile="{name}"}}', value)
                for stage, values in sorted(view.latency_ns.items())
                for name, value in values.items()
            ]
            lines += _metric("bot4_latency_ns", "gauge", rows)
        return "\n".join(lines) + "\n"


def _lane(lane: LaneView) -> dict[str, Any]:
    return {
        "symbol": lane.symbol,
        "bid": str(lane.bid),
        "ask": str(lane.ask),
        "position": str(lane.position),
        "equity": str(lane.equity),
        "equity_asset": lane.equity_asset,
        "working_orders": lane.working_orders,
        "orders": lane.orders,
        "fills": lane.fills,
        "refusals": lane.refusals,
        "waits_for_snapshot": lane.is_waiting_for_snapshot,
    }


def _label(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'{{{name}="{escaped}"}}'


def _metric(name: str, kind: str, rows: list[tuple[str, object]]) -> list[str]:
    return [f"# TYPE {name} {kind}", *(f"{name}{label} {value}" for label, value in rows)]
