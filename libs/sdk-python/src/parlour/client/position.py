"""A place in a room's log: which life of the room, which event, and the hash that proves which history."""

from dataclasses import dataclass
from typing import Self

HASH8_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Position:
    """As text `roomUID.seq.hash8`, to keep and to pass back. Compare `seq` inside one life only."""

    room_uid: str
    seq: int
    hash8: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position in a text. ValueError when it is none."""
        room_uid, _, rest = text.partition(".")
        seq, _, hash8 = rest.partition(".")
        if not room_uid or not seq.isdecimal() or len(hash8) != HASH8_DIGITS:
            raise ValueError(f"{text[:80]!r} is no position; it should be roomUID.seq.hash8")
        return cls(room_uid, int(seq), hash8)

    @classmethod
    def of(cls, given: "str | Position") -> "Position":
        """Either form."""
        return given if isinstance(given, Position) else cls.parse(given)

    def __str__(self) -> str:
        return f"{self.room_uid}.{self.seq}.{self.hash8}"
