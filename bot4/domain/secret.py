"""A secret that does not show itself: not in a repr, a traceback, a log line, a pickle or a comparison's timing.

Python cannot promise to wipe memory: the value lives until the interpreter lets go of it.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A key or a password. Only `reveal` gives the value, so that every use can be found by its name.

    >>> Secret("do not print me"), f"{Secret('x')}"
    (Secret(...), 'Secret(...)')
    >>> Secret("a") == Secret("a")
    True
    """

    __slots__ = ("__value",)

    def __init__(self, value: str | bytes) -> None:
        raw = value.encode("utf-8") if isinstance(value, str) else value
        if not raw:
            raise ValueError("a secret must not be empty")
        self.__value = raw

    def reveal(self) -> bytes:
        """Return the value."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value, other.reveal())

    __hash__ = None  # type: ignore[assignment]  # a hash of it would be a trace of it

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")
