"""What stands beside a run: its kill switch, its guard and its control endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot4.adapters.control.server import ControlServer
    from bot4.adapters.storage.kill_switch import FileKillSwitch
    from bot4.application.live.account import LiveAccount
    from bot4.application.session.guard import RunGuard
    from bot4.application.session.session import PaperSession
    from bot4.application.session.status_desk import StatusDesk
    from bot4.config import Settings
    from bot4.ports.kill_switch import SwitchEntry
    from bot4.ports.unit_of_work import Store

_TOKEN_FILE, _ADDRESS_FILE = "control.token", "control.address"  # names of files; what they hold is no text of ours
_TOKEN_BYTES = 32


def kill_switch(folder: Path) -> FileKillSwitch:
    """Return the kill switch of a data directory."""
    from bot4.adapters.storage.kill_switch import FileKillSwitch

    return FileKillSwitch(folder)


class Beside:
    """Guard, control endpoint and, where orders are real, heartbeat and watchdog of one session.

    Between `start` and `stop`.
    """

    def __init__(
        self,
        settings: Settings,
        switch: FileKillSwitch,
        session: PaperSession,
        desk: StatusDesk,
        *,
        account: LiveAccount | None,
        store: Store,
    ) -> None:
        from bot4.application.session.guard import RunGuard

        attend = None if account is None else account.attend
        self._attendant = attend and attend(session.killable, session.run_id, session.notes)
        self.guard: RunGuard = RunGuard(
            switch,
            session.killable,
            session.run_id,
            session.notes,
            flattens=settings.control.flatten_on_kill,
            heard=_audit_of(store, session.run_id, session.notes),
            also=self._attendant.beat if self._attendant is not None else lambda: None,
        )
        desk.run_id, desk.killed = session.run_id, lambda: self.guard.killed
        self._settings = settings
        self._switch = switch
        self._desk = desk
        self._server: ControlServer | None = None

    def start(self, folder: Path) -> None:
        """Begin to look, and to answer where the settings ask for that."""
        from bot4.adapters.control.server import ControlServer

        control = self._settings.control
        if control.enabled:
            token = control_token(folder)
            self._server = ControlServer(control.host, control.port, token, self._switch, self._desk)
            (folder / _ADDRESS_FILE).write_text(f"http://127.0.0.1:{self._server.port}\n", encoding="ascii")
            self._server.start()
        if self._attendant is not None:
            self._attendant.start()
        self.guard.start()

    def stop(self) -> None:
        """End all of them."""
        self.guard.stop()
        if self._attendant is not None:
            self._attendant.stop()
        if self._server is not None:
            self._server.stop()


def _audit_of(store: Store, run_id: str, notes: list[str]) -> Callable[[SwitchEntry], None]:
    """Return what writes an entry of the switch into the audit trail of the store; a store that fails costs a note."""
    from bot4._core.clock import SystemClock
    from bot4.application.commands.audit import AuditTrail
    from bot4.application.commands.commands import SwitchMoved
    from bot4.domain.errors import Bot4Error

    def write(entry: SwitchEntry) -> None:
        command_id = f"switch-{entry.entry}-{entry.at_utc}"
        moved = SwitchMoved(what=entry.what, by=entry.by, reason=entry.reason, command_id=command_id)
        trail = AuditTrail(store, run_id, SystemClock().wall_ns)
        try:
            trail.done(trail.asked(moved, is_duplicate=False))
        except Bot4Error as error:
            notes.append(f"{entry} is not in the audit trail: {error}")

    return write


def control_token(folder: Path) -> str:
    """Return the endpoint's token: made at the first start, in a file that its owner alone may read.

    Raises
    ------
    ConfigError
        Others may read the file.

    """
    import os
    import secrets

    from bot4.adapters.secrets.key_source import read_private

    path = folder / _TOKEN_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read_private(path).decode("ascii").strip()
    with os.fdopen(handle, "w") as file:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        file.write(f"{token}\n")
    return token
