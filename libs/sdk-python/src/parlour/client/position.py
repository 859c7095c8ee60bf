"""A place in a room's log: the call, the event, and the hash that proves which history it belongs to."""

from dataclasses import dataclass
from typing import Self

HASH8_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Position:
    """As text `roomUID.seq.hash8`, to keep and to pass back. Compare `seq` within one call only."""

    room_uid: str
    seq: int
    hash8: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses `roomUID.seq.hash8`. ValueError where it is malformed."""
        room_uid, _, rest = text.partition(".")
        seq, _, hash8 = rest.partition(".")
        if not room_uid or not seq.isdecimal() or len(hash8) != HASH8_DIGITS:
            raise ValueError(f"{text[:80]!r} is not a position; it should be roomUID.seq.hash8")
        return cls(room_uid, int(seq), hash8)

    @classmethod
    def coerce(cls, value: "str | Position") -> "Position":
        """Parses a text; a position is returned as it is."""
        return value if isinstance(value, Position) else cls.parse(value)

    def __str__(self) -> str:
        return f"{self.room_uid}.{self.seq}.{self.hash8}"
