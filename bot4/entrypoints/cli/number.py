"""Numbers of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click import Context, Parameter


class FiniteRange(click.FloatRange):
    """A range of floats that no `nan` gets into: it is not below the least, and not above the most."""

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> float:
        """Return the number; see the base class."""
        number = float(super().convert(value, param, ctx))
        if number != number:  # noqa: PLR0124 - true of nan alone
            self.fail(f"{value} is no number.", param, ctx)
        return number
