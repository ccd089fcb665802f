"""Where a running session shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot4.ports.run_view import RunView


class Display(Protocol):
    """A live view. `show` is called a few times a second from one thread and must not block for long."""

    def show(self, view: RunView) -> None:
        """Draw the present state."""
        ...

    def say(self, message: str) -> None:
        """Show one line that stays."""
        ...

    def close(self) -> None:
        """Leave the screen as it was found."""
        ...
