"""What a run begins with, as the first records of its journal say it: who reads the journal needs nothing else."""

from __future__ import annotations

import struct
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Self

import msgspec

from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bot4.domain.instrument import Instrument

_PIECE_HEAD = struct.Struct("<HH")  # number of this piece, and of all
_PIECE_BYTES = 4_000


class OpenedInstrument(msgspec.Struct, frozen=True):
    """What turns a lane's ticks and lots into prices and quantities."""

    symbol: str
    kind: str
    base: str
    quote: str
    settle: str
    tick_size: Decimal
    lot_size: Decimal
    contract_size: Decimal

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        """Return what of an instrument the journal's figures depend on."""
        return cls(
            instrument.symbol,
            instrument.kind.value,
            instrument.base,
            instrument.quote,
            instrument.settle,
            instrument.tick_size.normalize(),
            instrument.lot_size.normalize(),
            instrument.contract_size.normalize(),
        )


class RunOpening(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a run.

    `place` names where its orders go, ``paper`` or venue and endpoint; `instruments` are in the order of the lanes,
    `assets` (name and decimals) in that of the account; `balances` are the account's at the venue, or on paper.
    """

    version: int = 1
    place: str
    instruments: tuple[OpenedInstrument, ...]
    assets: tuple[tuple[str, int], ...]
    balances: dict[str, Decimal]

    @property
    def is_live(self) -> bool:
        """Whether real orders were sent."""
        return self.place != "paper"

    @property
    def counts_balances(self) -> bool:
        """Whether its balances are compared with the venue's: where all that is traded is spot."""
        return all(instrument.kind == ContractKind.SPOT.value for instrument in self.instruments)

    def fits(self, instruments: Sequence[Instrument], place: str) -> bool:
        """Whether a run on these instruments, at this place, can go on where this one ended."""
        return self.place == place and self.instruments == tuple(map(OpenedInstrument.of, instruments))

    def pieces(self) -> Iterator[bytes]:
        """Yield payloads that fit a record, in order."""
        text = msgspec.json.encode(self)
        parts = [text[at : at + _PIECE_BYTES] for at in range(0, len(text), _PIECE_BYTES)]
        for number, part in enumerate(parts):
            yield _PIECE_HEAD.pack(number, len(parts)) + part

    @classmethod
    def join(cls, payloads: Iterable[bytes]) -> Self | None:
        """Return the opening that payloads of a journal's beginning make up; None where a piece is missing.

        Raises
        ------
        ValueError
            They are no opening this version can read.

        """
        parts: list[bytes] = []
        for payload in payloads:
            number, count = _PIECE_HEAD.unpack_from(payload)
            if number != len(parts):
                return None
            parts.append(payload[_PIECE_HEAD.size :])
            if len(parts) == count:
                opening = msgspec.json.decode(b"".join(parts), type=cls)
                if opening.version != 1:
                    raise ValueError(f"the run's opening has version {opening.version}, this bot4 reads 1")
                return opening
        return None
