"""What the verification of an export or an archive comes to."""

import msgspec


class Flaw(Exception):
    """The first thing that is wrong. `seq` is the event that it is about, 0 where it is about the whole file."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq
        self.problem = problem


class TextCounts(msgspec.Struct, frozen=True):
    """Texts (messages, names, user ids) of an export. `checked` agree with their commitments; `unproven` were recorded without one.

    `withheld` are not shown, as of people who are erased; `left_out` are those among them of people whose other texts are shown.
    """

    checked: int = 0
    unproven: int = 0
    withheld: int = 0
    left_out: int = 0

    def plus(self, other: "TextCounts") -> "TextCounts":
        """Of both files together."""
        return TextCounts(
            self.checked + other.checked, self.unproven + other.unproven,
            self.withheld + other.withheld, self.left_out + other.left_out,
        )  # fmt: skip


class Verdict(msgspec.Struct, frozen=True):
    """What was found. `signed` is the last event that a signature stands for, 0: none does.

    Of an archive `calls` counts the calls in it, `events` and `signed` their events together, and `room` is the one with the flaw.
    `kept` is the size of the auditor's own checkpoint that the signed tree agrees with, 0: it was compared with none; `missing` says
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
    kept: int = 0
    missing: str = ""
    texts: TextCounts = TextCounts()

    @property
    def texts_proven(self) -> bool:
        """Whether every text that is shown is as recorded, and none is missing of people who are not erased."""
        return not self.texts.unproven and not self.texts.left_out

    @property
    def whole(self) -> bool:
        """Whether a signature stands for all of it, each text included. A file of no events proves nothing and is not whole."""
        return self.ok and not self.missing and self.texts_proven and 0 < self.signed == self.events
