"""Checks captures line by line: the splitter tells frames from the rest, a `FrameCheck` of the venue judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot4._core.wire.capture import CaptureVerdict, rest_symbol, split_capture
from bot4.adapters.recordings.check_batch import BATCH_FRAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.adapters.recordings.findings import Findings
    from bot4.adapters.recordings.recording import Recording

LINES_AT_A_TIME = 20_000


class FrameCheck(Protocol):
    """What judges the frames of one venue."""

    def open_file(self, symbols: tuple[str, ...]) -> None:
        """Begin a new file, in which recognition saw these symbols."""

    def frames(self, lines: Sequence[int], recv_ns: Sequence[int], payloads: Sequence[bytes]) -> None:
        """Judge websocket frames that follow each other."""

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
    held = _Held(check)
    last_ns = 0
    line = 0
    for chunk in recording.chunks():
        at = 0
        view = memoryview(chunk)
        while rows := split_capture(view[at:], recording.format.code, LINES_AT_A_TIME):
            for verdict, offset, recv_ns, start, end in rows:
                line += 1
                if verdict == CaptureVerdict.CAPTURE_FRAME:
                    if recv_ns < last_ns:
                        held.judge()
                        back_ms = (last_ns - recv_ns) / 1e6
                        findings.defect("recv_backwards", line, f"{back_ms:.3f} ms before the last line")
                    else:
                        last_ns = recv_ns
                    held.add(line, recv_ns, chunk[at + start : at + end])
                    continue
                held.judge()
                if verdict == CaptureVerdict.CAPTURE_BAD:
                    findings.defect("bad_line", line, _cut(chunk, at + offset))
                elif verdict != CaptureVerdict.CAPTURE_REST:
                    findings.file.skipped_lines += 1
                else:
                    last_ns = max(last_ns, recv_ns)
                    address = rest_symbol(chunk[at + offset : at + start])
                    check.reply(line, recv_ns, chunk[at + start : at + end], address)
            held.judge()
            at = chunk.find(b"\n", at + rows[-1][1]) + 1
            progress()
    findings.file.lines = line


class _Held:
    """Frames that wait to be judged together."""

    def __init__(self, check: FrameCheck) -> None:
        self._check = check
        self._lines: list[int] = []
        self._recv_ns: list[int] = []
        self._payloads: list[bytes] = []

    def add(self, line: int, recv_ns: int, payload: bytes) -> None:
        self._lines.append(line)
        self._recv_ns.append(recv_ns)
        self._payloads.append(payload)
        if len(self._lines) == BATCH_FRAMES:
            self.judge()

    def judge(self) -> None:
        """Judge what is held; before anything else is told of a later line."""
        if self._lines:
            self._check.frames(self._lines, self._recv_ns, self._payloads)
            self._lines, self._recv_ns, self._payloads = [], [], []


def _cut(chunk: bytes, start: int) -> str:
    stop = chunk.find(b"\n", start)
    text = chunk[start : min(stop, start + 60)].decode("utf-8", "replace")
    return repr(text + ("..." if stop > start + len(text) else ""))
