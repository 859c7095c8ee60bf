"""Verifies an export or an archive without a server: hash chains, their ends, and the signed heads that they lead to.

Memory does not grow with the file. Verification ends at the first flaw, which names the number of the event.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from uuid import UUID

import msgspec

from parlour.contracts.envelope import GENESIS
from parlour.contracts.proofs import Inclusion, head_entry
from parlour.kernel import merkle

from . import event_checks
from .archive_scope import ArchiveScope
from .known_tree import CarriedCheckpoints, KnownTree
from .layout import (
    ARCHIVE,
    ARCHIVE_END_MARK,
    END_MARK,
    KIND,
    LINE_BYTES,
    ArchiveEnd,
    ArchiveHeader,
    End,
    Header,
    Line,
    MalformedLine,
    decode_line,
    is_canonical,
)  # fmt: skip
from .notes import BadNote, PublicKey
from .text_checks import TextChecks, brief
from .verdict import Flaw, TextCounts, Verdict

_header = msgspec.json.Decoder(Header)
_line = msgspec.json.Decoder(Line)
_end = msgspec.json.Decoder(End)
_archive_header = msgspec.json.Decoder(ArchiveHeader)
_archive_end = msgspec.json.Decoder(ArchiveEnd)
_NOT_CANONICAL = "is not written as an export writes it: a field is given twice, is unknown, or is spaced"
OnCall = Callable[[str, int, bytes], None]
"""Called for each call of an archive that verifies: its id, how many events it has, and the hash of the last."""


def verify_export(
    lines: Iterable[bytes], keys: tuple[PublicKey, ...], on_call: OnCall | None = None, known: KnownTree | None = None
) -> Verdict:
    """Verifies an export or archive, given by its lines. Without keys only the chains are checked, and `signed` is 0; with `known` the
    signed trees are compared with it."""
    began = time.perf_counter()
    rest = iter(lines)
    first = next(rest, b"")
    checkpoints = CarriedCheckpoints(keys, known)
    check = (
        _Archive(first, rest, checkpoints, on_call)
        if _is_archive(first)
        else _Export(chain((first,), rest), checkpoints)
    )
    flaw: Flaw | None = None
    try:
        check.run()
    except Flaw as found:
        flaw = found
    return checkpoints.complete(check.verdict(time.perf_counter() - began, flaw))


def _is_archive(first: bytes) -> bool:
    try:
        return decode_line(_archive_header, first).kind == ARCHIVE
    except MalformedLine:
        return False


class _Archive:
    """Verifies an archive: many exports in one file."""

    def __init__(
        self, first: bytes, lines: Iterator[bytes], checkpoints: CarriedCheckpoints, on_call: OnCall | None
    ) -> None:
        self._first = first
        self._header = decode_line(_archive_header, first)
        self._lines = lines
        self._checkpoints = checkpoints
        self._on_call = on_call
        self._calls = self._events = self._signed = 0
        self._texts = TextCounts()
        self._last = Verdict(True)

    def run(self) -> None:
        """Raises the first `Flaw`."""
        if not is_canonical(self._header, self._first):
            raise Flaw(0, f"the first line {_NOT_CANONICAL}")
        try:
            scope = ArchiveScope(self._header)
        except ValueError:
            raise Flaw(0, f"the first line names no month: {brief(self._header.month)}") from None
        for raw in self._lines:
            if raw.startswith(ARCHIVE_END_MARK):
                self._check_end(raw)
                return
            self._check_call(raw, scope)
        raise Flaw(0, f"the archive is cut off after {self._calls} calls: it has no end")

    def _check_call(self, raw: bytes, scope: ArchiveScope) -> None:
        check = _Export(chain((raw,), self._lines), self._checkpoints, in_archive=True)
        try:
            check.run()
        except Flaw as flaw:
            self._last = check.verdict(0.0, flaw)
            raise
        found = self._last = check.verdict(0.0)
        if self._checkpoints.keys and found.signed != found.events:
            raise Flaw(found.signed + 1, "no signature stands for the end of this call")
        if problem := scope.problem(found.room_uid):
            raise Flaw(0, problem)
        self._calls += 1
        self._events += found.events
        self._signed += found.signed
        self._texts = self._texts.plus(found.texts)
        if self._on_call is not None:
            self._on_call(found.room_uid, found.events, check.hash)

    def _check_end(self, raw: bytes) -> None:
        try:
            end = decode_line(_archive_end, raw)
        except MalformedLine:
            raise Flaw(0, f"the archive is cut off after {self._calls} calls: its end is not whole") from None
        if (end.archive_end, end.events) != (self._calls, self._events):
            counted = f"{end.archive_end} calls and {end.events} events"
            raise Flaw(
                0, f"a call was taken out or put in: the archive had {counted}, not {self._calls} and {self._events}"
            )
        if next(self._lines, b""):
            raise Flaw(0, "something follows the end")
        if not is_canonical(end, raw):
            raise Flaw(0, f"the end {_NOT_CANONICAL}")

    def verdict(self, took_s: float, flaw: Flaw | None) -> Verdict:
        """The result after `run`, which raised `flaw` or nothing."""
        last = self._last
        return Verdict(
            flaw is None, last.room if flaw else "", last.room_uid if flaw else "", self._events, 0 if flaw else self._signed,
            last.origin, last.size, flaw.seq if flaw else 0, flaw.problem if flaw else "", took_s, self._header.month, self._calls,
            texts=self._texts,
        )  # fmt: skip


class _Export:
    """Verifies one export, line by line."""

    def __init__(self, lines: Iterator[bytes], checkpoints: CarriedCheckpoints, *, in_archive: bool = False) -> None:
        self._lines = lines
        self._checkpoints = checkpoints
        self._in_archive = in_archive
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
        if proof is not None and self._checkpoints.keys:
            self._check_proof(header, proof)
        start = f'{{"room_uid":"{header.room_uid}",'.encode()
        goal = proof.seq if proof else 0
        for raw in self._lines:
            if raw.startswith(END_MARK):
                self._check_end(raw)
                self._check_reached(goal)
                return
            self._check_event(raw, start)
            if self._seq == goal and proof is not None and self.hash != proof.hash:
                raise Flaw(
                    goal,
                    "the signed head has another hash: this event or one before it was changed, and the chain written anew",
                )
        raise Flaw(self._seq + 1, f"the export is cut off after event {self._seq}: it has no end")

    def verdict(self, took_s: float, flaw: Flaw | None = None) -> Verdict:
        """The result after `run`, which raised `flaw` or nothing."""
        header = self._header
        return Verdict(
            flaw is None, header.room if header else "", header.room_uid if header else "", self._seq, 0 if flaw else self._signed,
            self._origin, self._size, flaw.seq if flaw else 0, flaw.problem if flaw else "", took_s, texts=self._texts.counts(),
        )  # fmt: skip

    def _read_header(self) -> Header:
        raw = next(self._lines, b"")
        try:
            header = decode_line(_header, raw)
            UUID(header.room_uid)
        except ValueError:
            raise Flaw(0, "the first line is not the header of an export") from None
        if header.kind != KIND:
            raise Flaw(0, f"this is {header.kind!r}, not {KIND!r}")
        if not is_canonical(header, raw):
            raise Flaw(0, f"the first line {_NOT_CANONICAL}")
        return header

    def _check_proof(self, header: Header, proof: Inclusion) -> None:
        try:
            checkpoint = self._checkpoints.open(proof.note, header.consistency)
            entry = head_entry(UUID(header.room_uid), proof.seq, proof.hash)
        except (BadNote, OverflowError) as error:
            raise Flaw(0, f"the checkpoint: {error}") from None
        leaf = merkle.leaf_hash(entry)
        if not merkle.includes(checkpoint.root, checkpoint.size, proof.index, leaf, proof.path):
            raise Flaw(0, "the head in the header is not in the signed tree")
        self._origin, self._size, self._signed = checkpoint.origin, checkpoint.size, proof.seq

    def _check_event(self, raw: bytes, start: bytes) -> None:
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
        if not is_canonical(line, raw):
            raise Flaw(due, f"the line of event {due} {_NOT_CANONICAL}")
        self._seq, self.hash, self._at = due, line.hash, line.at

    def _line(self, due: int, raw: bytes) -> Line:
        if len(raw) > LINE_BYTES:
            raise Flaw(due, "a line is too long to be an event")
        try:
            return decode_line(_line, raw)
        except MalformedLine:
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
            end = decode_line(_end, raw)
        except MalformedLine:
            raise Flaw(self._seq + 1, f"the export is cut off after event {self._seq}: its end is not whole") from None
        if end.end != self._seq:
            raise Flaw(self._seq + 1, f"event {self._seq + 1} was taken out: the export had {end.end}")
        if end.hash != self.hash:
            raise Flaw(self._seq, "the end names another hash than the last event")
        if not self._in_archive and next(self._lines, b""):
            raise Flaw(self._seq + 1, "something follows the end")
        if not is_canonical(end, raw):
            raise Flaw(self._seq + 1, f"the end {_NOT_CANONICAL}")

    def _check_reached(self, goal: int) -> None:
        if self._seq < goal:
            raise Flaw(self._seq + 1, f"event {self._seq + 1} is missing: a checkpoint knows event {goal}")
