"""Checks captures line by line: the splitter tells frames from the rest, a `FrameCheck` of the venue judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot4._core.wire.capture import CaptureVerdict, rest_symbol, split_capture

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.adapters.recordings.findings import Findings
    from bot4.adapters.recordings.recording import Recording

LINES_AT_A_TIME = 20_000


class FrameCheck(Protocol):
    """What judges the frames of one venue."""

    def open_file(self, symbols: tuple[str, ...]) -> None:
        """Begin a new file, in which recognition saw these symbols."""

    def frame(self, line: int, recv_ns: int, payload: bytes) -> None:
        """Judge a websocket frame."""

    def reply(self, line: int, recv_ns: int, payload: bytes, symbol: str | None) -> None:
        """Judge a REST reply; `symbol` is what its address names."""


def check_capture(recording: Recording, check: FrameCheck, findings: Findings, progress: Callable[[], None]) -> None:
    """Feed every line of a capture to `check`, and check the receive stamps' order.

    Parameters
    ----------
    recording : Recording
        A capture.
    check : FrameCheck
        The venue's judge.
    findings : Findings
        Takes bad lines and stamps that run backwards.
    progress : callable
        Called now and then.

    """
    check.open_file(recording.symbols)
    last_ns = 0
    line = 0
    for chunk in recording.chunks():
        at = 0
        view = memoryview(chunk)
        while rows := split_capture(view[at:], recording.format.code, LINES_AT_A_TIME):
            for verdict, offset, recv_ns, start, end in rows:
                line += 1
                if verdict >= CaptureVerdict.CAPTURE_SKIPPED:
                    if verdict == CaptureVerdict.CAPTURE_BAD:
                        findings.defect("bad_line", line, _cut(chunk, at + offset))
                    else:
                        findings.file.skipped_lines += 1
                    continue
                payload = chunk[at + start : at + end]
                if recv_ns < last_ns and verdict == CaptureVerdict.CAPTURE_FRAME:
                    findings.defect("recv_backwards", line, f"{(last_ns - recv_ns) / 1e6:.3f} ms before the last line")
                last_ns = max(last_ns, recv_ns)
                if verdict == CaptureVerdict.CAPTURE_FRAME:
                    check.frame(line, recv_ns, payload)
                else:
                    check.reply(line, recv_ns, payload, rest_symbol(chunk[at + offset : at + start]))
            at = chunk.find(b"\n", at + rows[-1][1]) + 1
            progress()
    findings.file.lines = line


def _cut(chunk: bytes, start: int) -> str:
    stop = chunk.find(b"\n", start)
    text = chunk[start : min(stop, start + 60)].decode("utf-8", "replace")
    return repr(text + ("..." if stop > start + len(text) else ""))
