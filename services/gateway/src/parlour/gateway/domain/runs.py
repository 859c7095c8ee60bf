"""Consecutive events as the frames that one kind of reader gets: made once, sent to all of them.

Rules: 1. A run covers each seq from its first entry to its last, as the event itself or within a skip. 2. Neighbouring skips are one.
3. What a named reader may see is in the runs made for that reader only.
"""

from collections.abc import Iterable, Sequence

import msgspec

from parlour.contracts import client
from parlour.contracts.ids import Position

from .mirror import Entry

RUN_BYTES = 64 * 1024
"""Of events from the record in one run: what a client's window may be passed by."""

_encode = msgspec.json.Encoder().encode


class Run:
    """Frames for seqs up to `last`. `only` is the frame where there is but one; `wire` the form of several on a socket, kept by the first
    channel that needs it.
    """

    __slots__ = ("frames", "last", "only", "wire")

    def __init__(self, frames: tuple[bytes, ...], last: int) -> None:
        self.frames = frames
        self.last = last
        self.only = frames[0] if len(frames) == 1 else None
        self.wire = b""


def run_for(actor: str, room: str, room_uid: str, entries: Sequence[Entry]) -> Run:
    """The entries (at least one) as this actor reads them; "" is anybody whom none of them names."""
    frames: list[bytes] = []
    first = 0
    before: Entry | None = None
    for entry in entries:
        if entry.read_by(actor):
            if first and before is not None:
                frames.append(skip_frame(room, room_uid, first, before))
                first = 0
            frames.append(entry.frame)
        else:
            first = first or entry.seq
        before = entry
    if first and before is not None:
        frames.append(skip_frame(room, room_uid, first, before))
    return Run(tuple(frames), entries[-1].seq)


def skip_frame(room: str, room_uid: str, first: int, last: Entry) -> bytes:
    """Events `first` … `last` are not for this reader."""
    pos = str(Position(room_uid, last.seq, last.hash8))
    return _encode(client.Skip(room_id=room, first=first, to=last.seq, pos=pos))


def named_in(entries: Iterable[Entry]) -> frozenset[str]:
    """The actors for whom a run of these entries must be made apart."""
    return frozenset(actor for entry in entries if entry.readers for actor in entry.readers)


def portion(entries: Sequence[Entry]) -> Sequence[Entry]:
    """As many of the first entries as one run may carry, at least one."""
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.frame)
        if size > RUN_BYTES and count:
            return entries[:count]
    return entries
