"""A hidden Markov model of bar returns: its parameters, as a file, and as the rules of the compiled filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from bot4.domain.errors import ConfigError


class RegimeModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """States with Gaussian log returns.

    Attributes
    ----------
    labels : tuple of str
        Regime of each state: ``bull``, ``bear``, ``sideways``, ``crisis``.
    initial : tuple of float
        Probabilities before the first bar.
    transition : tuple of tuple of float
        Row: from; column: to.
    mean, deviation : tuple of float
        Of a bar's log return.
    bar_s : float
        Interval of those bars, seconds.
    bars : int
        How many it was fitted on.
    log_likelihood : float
    source : str
        What it was fitted on, in words.

    """

    labels: tuple[str, ...]
    initial: tuple[float, ...]
    transition: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    bar_s: float
    bars: int
    log_likelihood: float
    source: str = ""

    @classmethod
    def read(cls, path: str | Path) -> RegimeModel:
        """Read a model's file.

        Raises
        ------
        ConfigError
            It is not there, or is no model.

        """
        try:
            return msgspec.json.decode(Path(path).read_bytes(), type=cls)
        except OSError as error:
            raise ConfigError(f"regime model {path} cannot be read: {error.strerror}") from None
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path} is no regime model: {error}") from None

    def write(self, path: str | Path) -> None:
        """Write the model as JSON."""
        Path(path).write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    def rules(self) -> dict[str, Any]:
        """Return what `ReasonedPolicy` takes as ``hidden``."""
        names = ("labels", "initial", "transition", "mean", "deviation")
        return {name: getattr(self, name) for name in names}
