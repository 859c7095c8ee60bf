"""Checks an export or an archive without a server: the chains, their ends, and the signed heads that they lead to.

Memory does not grow with the file. The first flaw is named by the number of the event, and the check ends there.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from uuid import UUID

import msgspec

from parlour.contracts.envelope import GENESIS
from parlour.contracts.proofs import Consistency, Inclusion, head_entry
from parlour.kernel import merkle
from parlour.runtime.signing.notes import BadNote, Checkpoint, PublicKey, open_note, parse_checkpoint

from . import event_checks
from .archive_scope import ArchiveScope
from .kept import KeptTree
from .layout import ARCHIVE, ARCHIVE_END_MARK, END_MARK, KIND, LINE_BYTES, ArchiveEnd, ArchiveHeader, End, Header, Line
from .lines import NoLine, parsed, written_plainly
from .text_checks import TextChecks, brief
from .verdict import Flaw, TextCounts, Verdict

_header = msgspec.json.Decoder(Header)
_line = msgspec.json.Decoder(Line)
_end = msgspec.json.Decoder(End)
_archive_header = msgspec.json.Decoder(ArchiveHeader)
_archive_end = msgspec.json.Decoder(ArchiveEnd)
_ODD = "is not written as an export writes it: a field stands there twice, is unknown, or is spaced"
Told = Callable[[str, int, bytes], None]
"""Hears of each whole call: its id, how many events it has, and the hash of the last."""


def verify(
    lines: Iterable[bytes], keys: tuple[PublicKey, ...], told: Told | None = None, kept: KeptTree | None = None
) -> Verdict:
    """Checks an export or archive. Without keys chains alone, with `signed` 0; with `kept` the signed trees are compared with it."""
    began = time.perf_counter()
    rest = iter(lines)
    first = next(rest, b"")
    notes = _Notes(keys, kept)
    check = _Archive(first, rest, notes, told) if _is_archive(first) else _Check(chain((first,), rest), notes)
    try:
        check.run()
    except Flaw as flaw:
        return notes.outcome(check.verdict(False, time.perf_counter() - began, flaw))
    return notes.outcome(check.verdict(True, time.perf_counter() - began))


def _is_archive(first: bytes) -> bool:
    try:
        return parsed(_archive_header, first).kind == ARCHIVE
    except NoLine:
        return False


class _Notes:
    """Opens checkpoints; the heads of an archive mostly have the same one, whose signature is checked once."""

    def __init__(self, keys: tuple[PublicKey, ...], kept: KeptTree | None) -> None:
        self.keys = keys
        self._kept = kept
        self._last: tuple[str, Checkpoint] | None = None
        self._missing = ""
        self._compared = False

    def open(self, note: str, carried: Consistency | None) -> Checkpoint:
        """BadNote where no key of ours has signed it, or where the auditor's own checkpoint contradicts it."""
        if self._last is None or self._last[0] != note:
            self._last = note, parse_checkpoint(open_note(note, self.keys))
            self._compare(self._last[1], carried)
        return self._last[1]

    def _compare(self, found: Checkpoint, carried: Consistency | None) -> None:
        if self._kept is None:
            return
        problem, missing = self._kept.problem(found, carried)
        if problem:
            raise BadNote(problem)
        self._compared = True
        self._missing = self._missing or missing

    def outcome(self, verdict: Verdict) -> Verdict:
        """The verdict with what the comparison with the kept checkpoint came to."""
        if self._kept is None:
            return verdict
        missing = self._missing if self._compared else "a signed checkpoint in the file"
        kept = self._kept.checkpoint.size if verdict.ok and not missing else 0
        return msgspec.structs.replace(verdict, kept=kept, missing=missing if verdict.ok else "")


class _Archive:
    """One pass over many exports in one file."""

    def __init__(self, first: bytes, lines: Iterator[bytes], notes: _Notes, told: Told | None) -> None:
        self._first = first
        self._header = parsed(_archive_header, first)
        self._lines = lines
        self._notes = notes
        self._told = told
        self._calls = self._events = self._signed = 0
        self._texts = TextCounts()
        self._last = Verdict(True)

    def run(self) -> None:
        """Raises the first `Flaw`."""
        if not written_plainly(self._header, self._first):
            raise Flaw(0, f"the first line {_ODD}")
        try:
            scope = ArchiveScope(self._header)
        except ValueError:
            raise Flaw(0, f"the first line names no month: {brief(self._header.month)}") from None
        for raw in self._lines:
            if raw.startswith(ARCHIVE_END_MARK):
                self._check_end(raw)
                return
            self._life(raw, scope)
        raise Flaw(0, f"the archive is cut off after {self._calls} calls: it has no end")

    def _life(self, raw: bytes, scope: ArchiveScope) -> None:
        check = _Check(chain((raw,), self._lines), self._notes, among_others=True)
        try:
            check.run()
        except Flaw as flaw:
            self._last = check.verdict(False, 0.0, flaw)
            raise
        found = self._last = check.verdict(True, 0.0)
        if self._notes.keys and found.signed != found.events:
            raise Flaw(found.signed + 1, "no signature stands for the end of this call")
        if problem := scope.problem(found.room_uid):
            raise Flaw(0, problem)
        self._calls, self._events, self._signed = (
            self._calls + 1,
            self._events + found.events,
            self._signed + found.signed,
        )
        self._texts = self._texts.plus(found.texts)
        if self._told is not None:
            self._told(found.room_uid, found.events, check.hash)

    def _check_end(self, raw: bytes) -> None:
        try:
            end = parsed(_archive_end, raw)
        except NoLine:
            raise Flaw(0, f"the archive is cut off after {self._calls} calls: its end is not whole") from None
        if (end.archive_end, end.events) != (self._calls, self._events):
            counted = f"{end.archive_end} calls and {end.events} events"
            raise Flaw(
                0, f"a call was taken out or put in: the archive had {counted}, not {self._calls} and {self._events}"
            )
        if next(self._lines, b""):
            raise Flaw(0, "something stands behind the end")
        if not written_plainly(end, raw):
            raise Flaw(0, f"the end {_ODD}")

    def verdict(self, ok: bool, took_s: float, flaw: Flaw | None = None) -> Verdict:
        last = self._last
        return Verdict(
            ok, last.room if flaw else "", last.room_uid if flaw else "", self._events, self._signed if ok else 0, last.origin,
            last.size, flaw.seq if flaw else 0, flaw.problem if flaw else "", took_s, self._header.month, self._calls,
            texts=self._texts,
        )  # fmt: skip


class _Check:
    """One pass over one file."""

    def __init__(self, lines: Iterator[bytes], notes: _Notes, *, among_others: bool = False) -> None:
        self._lines = lines
        self._notes = notes
        self._among_others = among_others
        self._header: Header | None = None
        self._seq = 0
        self.hash = GENESIS
        self._at = 0
        self._origin, self._size, self._signed = "", 0, 0
        self._texts = TextChecks()

    def run(self) -> None:
        """Raises the first `Flaw`."""
        header = self._header = self._read_header()
        proof = header.proof
        if proof is not None and self._notes.keys:
            self._check_proof(header, proof)
        start = f'{{"room_uid":"{header.room_uid}",'.encode()
        goal = proof.seq if proof else 0
        for raw in self._lines:
            if raw.startswith(END_MARK):
                self._check_end(raw)
                self._check_reached(goal)
                return
            self._take(raw, start)
            if self._seq == goal and proof is not None and self.hash != proof.hash:
                raise Flaw(
                    goal,
                    "the signed head has another hash: this event or one before it was changed, and the chain written anew",
                )
        raise Flaw(self._seq + 1, f"the export is cut off after event {self._seq}: it has no end")

    def verdict(self, ok: bool, took_s: float, flaw: Flaw | None = None) -> Verdict:
        header = self._header
        signed = self._signed if ok else 0
        return Verdict(
            ok, header.room if header else "", header.room_uid if header else "", self._seq, signed,
            self._origin, self._size, flaw.seq if flaw else 0, flaw.problem if flaw else "", took_s,
            texts=self._texts.counts(),
        )  # fmt: skip

    def _read_header(self) -> Header:
        raw = next(self._lines, b"")
        try:
            header = parsed(_header, raw)
            UUID(header.room_uid)
        except ValueError:
            raise Flaw(0, "the first line is not the header of an export") from None
        if header.kind != KIND:
            raise Flaw(0, f"this is {header.kind!r}, not {KIND!r}")
        if not written_plainly(header, raw):
            raise Flaw(0, f"the first line {_ODD}")
        return header

    def _check_proof(self, header: Header, proof: Inclusion) -> None:
        try:
            checkpoint = self._notes.open(proof.note, header.consistency)
            entry = head_entry(UUID(header.room_uid), proof.seq, proof.hash)
        except (BadNote, OverflowError) as error:
            raise Flaw(0, f"the checkpoint: {error}") from None
        leaf = merkle.leaf_hash(entry)
        if not merkle.includes(checkpoint.root, checkpoint.size, proof.index, leaf, proof.path):
            raise Flaw(0, "the head in the header is not in the signed tree")
        self._origin, self._size, self._signed = checkpoint.origin, checkpoint.size, proof.seq

    def _take(self, raw: bytes, start: bytes) -> None:
        due = self._seq + 1
        line = self._line(due, raw)
        if line.seq != due:
            raise self._misplaced(line.seq)
        if line.prev:
            raise Flaw(due, "the database cites another hash than that of the event before")
        if not event_checks.hash_matches(self.hash, line):
            raise Flaw(due, f"event {due} was changed: its hash is not that of its bytes and of the event before")
        if line.at < self._at:
            raise Flaw(due, "it is earlier than the event before")
        if not line.env.startswith(start):
            raise Flaw(due, "its envelope is of another log")
        header = self._header
        problem = event_checks.origin_problem(header, line) if due == 1 and header is not None else ""
        if problem := problem or event_checks.view_problem(line, self._texts):
            raise Flaw(due, problem)
        if not written_plainly(line, raw):
            raise Flaw(due, f"the line of event {due} {_ODD}")
        self._seq, self.hash, self._at = due, line.hash, line.at

    def _line(self, due: int, raw: bytes) -> Line:
        if len(raw) > LINE_BYTES:
            raise Flaw(due, "a line is too long to be an event")
        try:
            return parsed(_line, raw)
        except NoLine:
            if not raw.endswith(b"\n"):
                raise Flaw(due, f"the export is cut off in the middle of event {due}") from None
            raise Flaw(due, f"what stands in the place of event {due} is no event") from None

    def _misplaced(self, found: int) -> Flaw:
        """Whether an event was taken out, put in, or moved; looks at the rest of the file."""
        due = self._seq + 1
        if found < due:
            return Flaw(found, f"an event was put in behind event {self._seq}: it says that it is number {found}")
        for raw in self._lines:
            if raw.startswith(END_MARK):
                break
            if raw.startswith(f'{{"seq":{due},'.encode()):
                return Flaw(due, f"the order was changed: event {due} stands behind event {found}")
        return Flaw(due, f"event {due} was taken out: event {found} stands in its place")

    def _check_end(self, raw: bytes) -> None:
        try:
            end = parsed(_end, raw)
        except NoLine:
            raise Flaw(self._seq + 1, f"the export is cut off after event {self._seq}: its end is not whole") from None
        if end.end != self._seq:
            raise Flaw(self._seq + 1, f"event {self._seq + 1} was taken out: the export had {end.end}")
        if end.hash != self.hash:
            raise Flaw(self._seq, "the end names another hash than the last event")
        if not self._among_others and next(self._lines, b""):
            raise Flaw(self._seq + 1, "something stands behind the end")
        if not written_plainly(end, raw):
            raise Flaw(self._seq + 1, f"the end {_ODD}")

    def _check_reached(self, goal: int) -> None:
        if self._seq < goal:
            raise Flaw(self._seq + 1, f"event {self._seq + 1} is missing: a checkpoint knows event {goal}")
