"""The result of verifying an export or an archive: what was checked and what was not, as data, as text for people, and as an exit code."""

from operator import add

import msgspec
from msgspec.structs import astuple, replace

NOT_AS_RECORDED = 1
NOT_PROVEN = 4
"""Nothing is wrong, but no signature covers all of it, or the kept checkpoint could not be compared. 2 and 3 have other meanings."""


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
        return TextCounts(*map(add, astuple(self), astuple(other)))


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

    def with_flaw(self, flaw: Flaw) -> "Verdict":
        """Returns the verdict of a file with a flaw, of which nothing counts as signed."""
        return replace(self, ok=False, signed=0, seq=flaw.seq, problem=flaw.problem)

    @property
    def texts_proven(self) -> bool:
        """Whether each text that is shown was checked, and none is missing of users who are not erased."""
        return not self.texts.unproven and not self.texts.left_out

    @property
    def whole(self) -> bool:
        """Whether a signature covers every event, each text included. A file without events proves nothing and is not whole."""
        return self.ok and not self.missing and self.texts_proven and 0 < self.signed == self.events


def exit_code(verdict: Verdict, *, unsigned_ok: bool) -> int:
    """Returns 0 only where the verdict is whole, or `unsigned_ok` accepts an unsigned end. Texts have to be proven in any case."""
    if not verdict.ok:
        return NOT_AS_RECORDED
    proven = verdict.whole or (unsigned_ok and not verdict.missing and verdict.texts_proven)
    return 0 if proven else NOT_PROVEN


def verdict_text(verdict: Verdict, *, keyed: bool) -> str:
    """Several lines for a terminal; `keyed` says whether any key was given."""
    if not verdict.ok:
        place = f"event {verdict.seq}: " if verdict.seq else ""
        return f"NOT AS RECORDED: {_name(verdict)}\n  {place}{verdict.problem}"
    speed = f"{verdict.events / max(verdict.took_s, 1e-9):,.0f} events/s"
    calls = f"{verdict.calls} call{'s' if verdict.calls != 1 else ''}, " if verdict.month else ""
    lines = [
        f"{_heading(verdict)}: {_name(verdict)}",
        f"  {calls}{verdict.events} events, {speed}",
        *_signature(verdict, keyed),
        *_comparison(verdict),
        *_texts(verdict),
    ]
    return "\n".join(lines)


def _texts(verdict: Verdict) -> list[str]:
    """Lines about messages, names and user ids; none for an archive, where no text is opened."""
    texts = verdict.texts
    if verdict.month and not texts.checked and not texts.unproven:
        return []
    lines = [
        f"  room, app and all that is shown of an event are what was recorded, {texts.checked} sealed texts (messages, names) among it"
    ]
    if texts.unproven:
        lines.append(
            f"  WORDS NOT CHECKED: {texts.unproven} texts were recorded without a commitment by an earlier version, and are shown as"
            " the server opened them"
        )
    if texts.left_out:
        lines.append(
            f"  TEXTS LEFT OUT: {texts.left_out} are not shown, though other texts of the same people are; unless they were erased"
            " during the export, somebody took them out: export again"
        )
    if erased := texts.withheld - texts.left_out:
        lines.append(f"  {erased} texts are not shown: of people who are erased, says the file")
    return lines


def _heading(verdict: Verdict) -> str:
    if verdict.whole:
        return "whole"
    if verdict.missing:
        return "NOT COMPARED with the checkpoint that was kept"
    if not verdict.texts_proven:
        return "WORDS NOT CHECKED" if verdict.texts.unproven else "TEXTS LEFT OUT"
    if verdict.signed:
        return f"NOT WHOLLY SIGNED: signed up to event {verdict.signed} of {verdict.events}"
    return "NOT SIGNED"


def _signature(verdict: Verdict, keyed: bool) -> list[str]:
    lines: list[str] = []
    if verdict.month and verdict.signed:
        lines.append(f"  the ends of all of them are what {verdict.origin} signed")
    elif verdict.signed:
        lines.append(
            f"  events 1..{verdict.signed} are what {verdict.origin} signed (checkpoint of {verdict.size} heads)"
        )
    if verdict.signed < verdict.events:
        why = "" if keyed else " (no --key was given)"
        lines.append(
            f"  events {verdict.signed + 1}..{verdict.events} are chained, but no signature stands for them{why}"
        )
        lines.append("  whoever wrote the file could have changed or cut them; --unsigned-ok accepts that")
    return lines


def _comparison(verdict: Verdict) -> list[str]:
    if verdict.missing:
        return [
            f"  missing is {verdict.missing}: export with --since, or give --consistency a file with the answer of"
            " /v1/checkpoints/consistency?old=&new="
        ]
    if verdict.known_size:
        return [f"  the signed tree and the kept checkpoint of {verdict.known_size} heads are of one history"]
    alone = "  no kept checkpoint was compared: this server may have signed another history to somebody else"
    return [alone] if verdict.signed else []


def _name(verdict: Verdict) -> str:
    call = f"room {verdict.room or '(none)'}, call {verdict.room_uid}"
    if not verdict.month:
        return call
    return f"archive of {verdict.month}" + (f", {call}" if verdict.room_uid else "")
