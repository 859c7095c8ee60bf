"""The result of verifying an export or an archive."""

import msgspec


class Flaw(Exception):
    """The first difference that was found. `seq` is the number of the event, 0 where it concerns the whole file."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq
        self.problem = problem


class TextCounts(msgspec.Struct, frozen=True):
    """Counts the texts (messages, names, user ids) of an export.

    `checked` agree with their commitments; `unproven` were recorded without one. `withheld` are
    not shown, as those of erased users; `left_out` are those among them whose users have other texts that are shown.
    """

    checked: int = 0
    unproven: int = 0
    withheld: int = 0
    left_out: int = 0

    def plus(self, other: "TextCounts") -> "TextCounts":
        """Adds the counts of another export of the same archive."""
        return TextCounts(
            self.checked + other.checked, self.unproven + other.unproven,
            self.withheld + other.withheld, self.left_out + other.left_out,
        )  # fmt: skip


class Verdict(msgspec.Struct, frozen=True):
    """The result. `signed` is the last event that a signature covers, 0 where none does.

    For an archive `calls` counts its calls, `events` and `signed` their events together, and `room` is the one with the flaw.
    `known_size` is the size of the auditor's own checkpoint that the signed tree agrees with, 0 where none was compared; `missing` says
    what the comparison lacked.
    """

    ok: bool
    room: str = ""
    room_uid: str = ""
    events: int = 0
    signed: int = 0
    origin: str = ""
    size: int = 0
    seq: int = 0
    problem: str = ""
    took_s: float = 0.0
    month: str = ""
    calls: int = 0
    known_size: int = 0
    missing: str = ""
    texts: TextCounts = TextCounts()

    @property
    def texts_proven(self) -> bool:
        """Whether each text that is shown was checked, and none is missing of users who are not erased."""
        return not self.texts.unproven and not self.texts.left_out

    @property
    def whole(self) -> bool:
        """Whether a signature covers every event, each text included. A file without events proves nothing and is not whole."""
        return self.ok and not self.missing and self.texts_proven and 0 < self.signed == self.events
