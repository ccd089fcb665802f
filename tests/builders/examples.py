"""How many cases a property gets: all of them in an ordinary run, a share where lines are traced."""

from __future__ import annotations

from hypothesis import settings

_ORDINARY = 1_000


def examples(count: int) -> int:
    """`count` cases, or as small a share of them as the hypothesis profile in use takes of a thousand."""
    return max(1, count * settings.default.max_examples // _ORDINARY)
