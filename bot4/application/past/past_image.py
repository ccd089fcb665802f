"""A run's past up to a place in its journal, beside it: the next start reads on from there, however long the run was.

The journal is what counts. Its records before that place are still checked, each by its sum and all by their chain,
which has to be the image's. An image that is not there, damaged, of another version or of another journal costs time
and nothing else: the whole journal is read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from bot4._core.journal.crc32c import crc32c
from bot4._core.journal.reader import JournalError
from bot4.application.past.run_past import PastReader, RunPast, read_past

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_VERSION = 2
_CRC_BYTES = 4


class _Image(msgspec.Struct, frozen=True, array_like=True):
    version: int
    place: tuple[int, int]
    past: RunPast


def image_path(journal: Path) -> Path:
    """Return where the image lies: with the journal's snapshots, whoever takes them away takes it, too."""
    return journal.with_suffix(".snapshot.past")


def load_image(path: Path) -> tuple[RunPast, tuple[int, int]] | None:
    """Return an image's past and place, None where there is none that can be used."""
    try:
        data = path.read_bytes()
        if int.from_bytes(data[:_CRC_BYTES], "little") != crc32c(data[_CRC_BYTES:]):
            return None
        image = msgspec.msgpack.decode(data[_CRC_BYTES:], type=_Image)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
    return (image.past, image.place) if image.version == _VERSION else None


def read_past_on(journal: Path) -> RunPast | None:
    """Read what a run left, from its image on where that helps; else as `read_past`."""
    reader = _from_image(journal)
    if reader is None:
        return read_past(journal)
    with reader:
        return reader.read_on()


def _from_image(journal: Path) -> PastReader | None:
    if (image := load_image(image_path(journal))) is None:
        return None
    try:
        return PastReader(journal, *image)
    except (JournalError, OSError):
        return None


class PastKeeper:
    """Keeps the image of a run that is under way.

    Parameters
    ----------
    path : Path
        Of its journal.
    sync : callable
        Has what was written of the journal on the disk.

    One thread.

    """

    def __init__(self, path: Path, sync: Callable[[], None]) -> None:
        self.path = path
        self._sync = sync
        self._reader: PastReader | None = None

    def keep(self) -> None:
        """Read on, and write the image anew; what it holds of the journal is on the disk before it is.

        Raises
        ------
        OSError, PastUnreadableError, JournalError
            It could not be made; the one there was is as it was.

        """
        reader = self._reader = self._at_its_past()
        past = reader.read_on(is_growing=True)
        if past is None:
            return
        past.forget_settled()
        body = msgspec.msgpack.encode(_Image(_VERSION, reader.place, past))
        reader.put(None)  # until the next time the file has it: a run that stays as large as it is holds it once
        self._sync()
        fresh = image_path(self.path).with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(crc32c(body).to_bytes(_CRC_BYTES, "little") + body)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(image_path(self.path))

    def _at_its_past(self) -> PastReader:
        """Return the reader with what it had come to, as the image has it; a new one where that is another place."""
        if self._reader is not None:
            image = load_image(image_path(self.path))
            if image is not None and image[1] == self._reader.place:
                self._reader.put(image[0])
                return self._reader
            self._reader.close()
        return _from_image(self.path) or PastReader(self.path)
