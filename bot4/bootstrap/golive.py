"""The way to real orders: a strategy goes by a digest, evidence is kept by it, a live run on a venue asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.adapters.venues.venue_streams import VenueStreams
    from bot4.application.evidence.golive import Evidence
    from bot4.bootstrap.live_account import Unfinished
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument

MARKER = "strategy.json"
# What decides which orders are asked for; where things are kept and how the venue is reached may differ.
_SECTIONS = ("strategy", "signals", "regime", "gate", "sizing", "stops", "features", "risk", "breaker")


def strategy_digest(
    settings: Settings, strategy: str | None, arguments: Sequence[str], symbols: Sequence[str], market: str
) -> str:
    """Return a digest of a strategy as it would trade: code, arguments, deciding settings, instruments, version."""
    import hashlib

    import msgspec

    from bot4.bootstrap.strategy_code import code_of
    from bot4.domain.version import VERSION

    plain = msgspec.to_builtins(settings)
    chosen = {name: plain[name] for name in _SECTIONS}
    parts = [chosen, strategy, sorted(arguments), code_of(strategy), sorted(symbols), market, VERSION]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]


def digest_of(settings: Settings, named: tuple[str, Sequence[str]] | None, instruments: Sequence[Instrument]) -> str:
    """Return the digest of a strategy as it was named, None for the policy of the settings, on instruments."""
    name, arguments = named if named is not None else (None, ())
    symbols = [instrument.symbol for instrument in instruments]
    return strategy_digest(settings, name, arguments, symbols, instruments[0].market.value)


class Admission:
    """What stands between a strategy and real orders, and what a run on a venue's market leaves behind for it.

    Parameters
    ----------
    settings : Settings
        Where orders go, and the rules.
    streams : VenueStreams or None
        Of a venue; None where the market is a recording or made up, and nothing is asked for or left.
    strategy : object or None
        None is the policy of the settings.
    named : tuple of str and sequence of str, optional
        How the strategy was named, and its arguments.

    """

    def __init__(
        self,
        settings: Settings,
        streams: VenueStreams | None,
        strategy: object | None,
        named: tuple[str, Sequence[str]] | None,
    ) -> None:
        self._settings = settings
        has_name = strategy is None or named is not None
        self.digest = digest_of(settings, named, streams.instruments) if streams is not None and has_name else ""

    def require(self, unfinished: Unfinished | None, say: Callable[[str], None]) -> None:
        """Refuse real orders of a strategy that has not passed; what is let through without evidence is said.

        A live run that did not end and is gone on with by the same strategy is not asked again: its orders and
        positions need somebody.

        Raises
        ------
        PreflightError
            With a line for each thing that is missing.

        """
        from datetime import UTC, datetime

        from bot4.application.evidence.golive import require_passed
        from bot4.application.live.preflight import PreflightError

        if (why := _no_real_venue(self._settings)) is not None:
            say(f"golive: {why}, no real venue: no evidence is asked for")
            return
        if not self.digest:
            raise PreflightError(
                ["golive: a strategy without a name has no evidence: name it module:name or file.py:name"]
            )
        if unfinished is not None and marked_digest(unfinished.folder) == self.digest:
            say(f"golive: goes on with run {unfinished.folder.name} of the same strategy: nothing is asked for again")
            return
        evidence = read_evidence(self._settings, self.digest)
        require_passed(evidence, self._settings.golive, datetime.now(UTC), self.digest)
        say(f"golive: this strategy has passed ({self.digest})")

    def mark(self, run_dir: Path, *, is_live: bool) -> None:
        """Leave in a run's folder which strategy it trades on a venue's live market data."""
        import orjson

        if self.digest:
            (run_dir / MARKER).write_bytes(orjson.dumps({"digest": self.digest, "is_live": is_live}))


def _no_real_venue(settings: Settings) -> str | None:
    """Say what the place of orders is where it is none that takes real money."""
    from urllib.parse import urlsplit

    from bot4.adapters.venues.binance.access import is_loopback

    if settings.live.endpoint == "testnet":
        return "the testnet"
    host = urlsplit(settings.live.rest_url).hostname or ""
    return f"this machine ({host})" if settings.live.endpoint == "custom" and is_loopback(host) else None


def read_evidence(settings: Settings, digest: str) -> Evidence | None:
    """Return what is kept of a digest, None where nothing is; raises DataError where it is damaged."""
    from pathlib import Path

    import orjson

    from bot4.application.evidence.golive import Evidence
    from bot4.domain.errors import DataError

    path = Path(settings.run.data_dir) / "golive" / f"{digest}.json"
    try:
        return Evidence.from_dict(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, TypeError) as error:
        raise DataError(f"evidence {path} cannot be read: {error}") from None


def marked_digest(run_dir: Path) -> str:
    """Return the digest a run was marked with; empty where it was not."""
    import orjson

    path = run_dir / MARKER
    return str(orjson.loads(path.read_bytes()).get("digest", "")) if path.exists() else ""
