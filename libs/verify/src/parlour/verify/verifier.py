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

from . import event_checks, layout
from .archive_scope import ArchiveScope
from .known_tree import CarriedCheckpoints, KnownTree
from .layout import Header, Line, MalformedLine, decode_line, is_canonical
from .notes import BadNote, PublicKey
from .text_checks import TextChecks, brief
from .verdict import Flaw, TextCounts, Verdict

_header = msgspec.json.Decoder(Header)
_line = msgspec.json.Decoder(Line)
_end = msgspec.json.Decoder(layout.End)
_archive_header = msgspec.json.Decoder(layout.ArchiveHeader)
_archive_end = msgspec.json.Decoder(layout.ArchiveEnd)
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
    try:
        check.run()
        verdict = check.verdict()
    except Flaw as flaw:
        verdict = check.verdict().with_flaw(flaw)
    return checkpoints.complete(msgspec.structs.replace(verdict, took_s=time.perf_counter() - began))


def _is_archive(first: bytes) -> bool:
    try:
        return decode_line(_archive_header, first).kind == layout.ARCHIVE
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
            if raw.startswith(layout.ARCHIVE_END_MARK):
                self._check_end(raw)
                self._last = msgspec.structs.replace(self._last, room="", room_uid="")
                return
            self._check_call(raw, scope)
        raise Flaw(0, f"the archive is cut off after {self._calls} calls: it has no end")

    def _check_call(self, raw: bytes, scope: ArchiveScope) -> None:
        check = _Export(chain((raw,), self._lines), self._checkpoints, in_archive=True)
        try:
            check.run()
        finally:
            found = self._last = check.verdict()
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

    def verdict(self) -> Verdict:
        """Returns what `run` found so far; where it raised a flaw, the call is the one with the flaw."""
        last = self._last
        return Verdict(
            True, last.room, last.room_uid, self._events, self._signed, last.origin, last.size, month=self._header.month,
            calls=self._calls, texts=self._texts,
        )  # fmt: skip


class _Export:
    """Verifies one export, line by line."""

    def __init__(self, lines: Iterator[bytes], checkpoints: CarriedCheckpoints, *, in_archive: bool = False) -> None:
        self._lines = lines
        self._checkpoints = checkpoints
        self._in_archive = in_archive
        self._header = Header("", 0, "", "", 0, "")
        """Empty until the first line is read."""
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
            if raw.startswith(layout.END_MARK):
                self._check_end(raw)
                if self._seq < goal:
                    raise Flaw(self._seq + 1, f"event {self._seq + 1} is missing: a checkpoint knows event {goal}")
                return
            self._check_event(raw, start)
            if self._seq == goal and proof is not None and self.hash != proof.hash:
                what = "this event or one before it was changed, and the chain written anew"
                raise Flaw(goal, f"the signed head has another hash: {what}")
        raise Flaw(self._seq + 1, f"the export is cut off after event {self._seq}: it has no end")

    def verdict(self) -> Verdict:
        """Returns what `run` found so far."""
        call = self._header.room, self._header.room_uid
        return Verdict(True, *call, self._seq, self._signed, self._origin, self._size, texts=self._texts.counts())

    def _read_header(self) -> Header:
        raw = next(self._lines, b"")
        try:
            header = decode_line(_header, raw)
            UUID(header.room_uid)
        except ValueError:
            raise Flaw(0, "the first line is not the header of an export") from None
        if header.kind != layout.KIND:
            raise Flaw(0, f"this is {header.kind!r}, not {layout.KIND!r}")
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
        problem = event_checks.origin_problem(self._header, line) if due == 1 else ""
        if problem := problem or event_checks.view_problem(line, self._texts):
            raise Flaw(due, problem)
        if not is_canonical(line, raw):
            raise Flaw(due, f"the line of event {due} {_NOT_CANONICAL}")
        self._seq, self.hash, self._at = due, line.hash, line.at

    def _line(self, due: int, raw: bytes) -> Line:
        if len(raw) > layout.LINE_BYTES:
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
            if raw.startswith(layout.END_MARK):
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
