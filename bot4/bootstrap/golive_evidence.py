"""Evidence of a strategy gathered from data, a capture and its paper runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bot4.application.evidence.golive import Evidence, OutOfSample
    from bot4.application.evidence.validation import Validation
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.run_view import RunView


class _Silence:
    """A display that shows nothing."""

    def show(self, view: RunView) -> None:
        """Do nothing."""

    def say(self, message: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def gather_evidence(
    found: Validation,
    settings: Settings,
    strategy: str | None,
    arguments: Sequence[str],
    *,
    instruments: Sequence[Instrument],
    capture: Path | None,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
) -> Evidence:
    """Put evidence together and keep it in the data directory.

    Parameters
    ----------
    found : Validation
        Of a walk-forward over the grid; its trials counted.
    settings, strategy, arguments
        What is to go live.
    instruments : sequence of Instrument
        Of the data.
    capture : Path or None
        Recording to run in a backtest and on paper; none leaves parity open.
    instrument_files, market
        Of the capture.

    Raises
    ------
    Bot4Error
        The capture cannot be run, or the evidence cannot be written.

    """
    from bot4.application.evidence.golive import out_of_sample
    from bot4.bootstrap.golive import digest_of

    words = dict(word.partition("=")[::2] for word in arguments)
    figures = out_of_sample(found, _as_given(found, settings, words))
    parity: tuple[int | None, int | None, bool] = (None, None, False)
    if capture is not None:
        parity = compare_runs(capture, settings, strategy, arguments, instrument_files=instrument_files, market=market)
    digest = digest_of(settings, None if strategy is None else (strategy, arguments), instruments)
    name = strategy or f"policy {settings.strategy.policy}"
    head = _Head(digest, name, tuple(arguments), tuple(instruments), paper_days(settings, digest))
    evidence = _put_together(found, figures, parity, head)
    _keep(settings, evidence)
    return evidence


class _Head(NamedTuple):
    """Whose evidence it is, and how long that was on paper."""

    digest: str
    strategy: str
    arguments: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    paper_days: float


def _put_together(
    found: Validation, figures: OutOfSample, parity: tuple[int | None, int | None, bool], head: _Head
) -> Evidence:
    from datetime import UTC, datetime

    from bot4.application.evidence.golive import Evidence
    from bot4.domain.version import VERSION

    stamps = found.runs.stamps_ns
    first, last = (datetime.fromtimestamp(int(stamp) / 1e9, UTC).isoformat() for stamp in stamps[[0, -1]])
    expectation = figures.expectation
    return Evidence(
        digest=head.digest,
        strategy=head.strategy,
        arguments=head.arguments,
        symbols=tuple(instrument.symbol for instrument in head.instruments),
        market=head.instruments[0].market.value,
        version=VERSION,
        made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        first_utc=first,
        last_utc=last,
        out_of_sample_days=figures.days,
        profit_share=figures.profit_share,
        sharpe_annual=figures.sharpe_annual,
        drawdown_max=figures.drawdown_max,
        trials=found.trials,
        deflated_sharpe=figures.deflated_sharpe,
        added_orders=expectation.orders,
        unstated_orders=expectation.unstated,
        stated_bps=expectation.stated_bps,
        brought_bps=expectation.brought_bps,
        preferred=figures.preferred,
        parity_orders=parity[0],
        parity_fills=parity[1],
        is_equal=parity[2],
        paper_days=head.paper_days,
    )


def _as_given(found: Validation, settings: Settings, words: Mapping[str, str]) -> dict[str, str]:
    """Return what the grid's names are in the strategy that is to go live."""
    import msgspec

    given: dict[str, str] = {}
    for name in found.runs.trials[0].parameters:
        if "." in name:
            node: Any = msgspec.to_builtins(settings)
            for part in name.split("."):
                node = node[part]
            given[name] = str(node)
        elif name in words:
            given[name] = words[name]
    return given


def compare_runs(
    capture: Path,
    settings: Settings,
    strategy: str | None,
    arguments: Sequence[str],
    *,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
) -> tuple[int, int, bool]:
    """Run a capture in a backtest and on paper; returns its orders and fills, and whether both were alike."""
    from bot4.bootstrap.backtest import load_strategy
    from bot4.bootstrap.backtest_input import BacktestInput

    def made() -> object | None:
        return None if strategy is None else load_strategy(strategy, arguments)

    files = tuple(instrument_files)
    # A replay on paper settles nothing: a backtest that is held against it settles nothing either.
    source = BacktestInput((capture,), instrument_files=files, market=market, settles_recorded=False)
    result = source.run(made(), settings)
    on_paper = _orders_and_fills_on_paper(capture, settings, made(), files, market)
    return len(result.orders), len(result.fills), on_paper == (result.orders.tobytes(), result.fills.tobytes())


def _orders_and_fills_on_paper(
    capture: Path, settings: Settings, strategy: object | None, instrument_files: tuple[Path, ...], market: str | None
) -> tuple[bytes, bytes]:
    import tempfile
    from pathlib import Path

    import msgspec
    import numpy as np

    from bot4._core.event_dtype import EVENT_DTYPE
    from bot4._core.intent_dtype import INTENT_DTYPE
    from bot4._core.journal.reader import JournalReader
    from bot4._core.journal.record import JournalKind
    from bot4._core.types import EventKind, IntentAction
    from bot4.bootstrap.session import open_session

    with tempfile.TemporaryDirectory(prefix="bot4-parity-") as folder:
        run = msgspec.structs.replace(settings.run, data_dir=folder)
        store = msgspec.structs.replace(settings.store, kind="sqlite")
        there = msgspec.structs.replace(settings, run=run, store=store)
        with open_session(
            there, _Silence(), replay=(capture,), instrument_files=instrument_files, market=market, speed=0.0,
            strategy=strategy,
        ) as session:  # fmt: skip
            journal = Path(session.run().journal)
        with JournalReader(journal) as reader:
            intents = np.frombuffer(reader.payloads(JournalKind.JOURNAL_INTENT), INTENT_DTYPE)
        with JournalReader(journal) as reader:
            updates = np.frombuffer(reader.payloads(JournalKind.JOURNAL_UPDATE), EVENT_DTYPE)
        orders = intents[intents["action"] == IntentAction.ACTION_PLACE].tobytes()
        return orders, updates[updates["kind"] == EventKind.EVENT_ORDER_FILL].tobytes()


def _keep(settings: Settings, evidence: Evidence) -> None:
    from pathlib import Path

    import orjson

    from bot4.domain.errors import OutputError

    folder = Path(settings.run.data_dir) / "golive"
    path = folder / f"{evidence.digest}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(evidence.to_dict(), option=orjson.OPT_INDENT_2))
        fresh.replace(path)
    except OSError as error:
        raise OutputError(f"evidence {path} cannot be written: {error.strerror}") from None


def paper_days(settings: Settings, digest: str) -> float:
    """Return the days that paper runs of this digest lived through, by the summaries of those that ended."""
    from pathlib import Path

    import orjson

    from bot4.bootstrap.golive import MARKER
    from bot4.bootstrap.store import open_store

    folder = Path(settings.run.data_dir) / "runs"
    marked = {path.parent.name: orjson.loads(path.read_bytes()) for path in folder.glob(f"*/{MARKER}")}
    mine = [run_id for run_id, marker in marked.items() if marker["digest"] == digest and not marker["is_live"]]
    if not mine:
        return 0.0
    store = open_store(settings)
    try:
        with store.unit_of_work() as unit:
            rows = [unit.runs.get(run_id) for run_id in mine]
    finally:
        store.close()
    ended = [row["summary"] for row in rows if row is not None and row.get("summary")]
    return sum(float(summary["market_span_s"]) for summary in ended) / 86_400.0
