"""Consecutive events as one kind of reader gets them, encoded once for all readers of that kind.

Rules: 1. Every seq is covered, in order, by its event or by a skip. 2. Neighbouring skips are one. 3. What only some may read is in the
batches that are made for them alone.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from parlour.contracts import client
from parlour.contracts.ids import Position, parse_position

from .encoded_event import EncodedEvent
from .read_scope import ReadScope
from .websocket_protocol import message_header

BATCH_BYTES = 64 * 1024
"""A batch of several frames ends with the frame that reaches this size: a client may exceed its send window by one batch."""

_encode = msgspec.json.Encoder().encode


class Skip(msgspec.Struct, frozen=True, rename={"first": "from"}):
    """Events `first` … `to` of one call that are not for a reader; `pos` is the position behind them."""

    first: int
    to: int
    pos: str


Item = EncodedEvent | Skip


def merge_skips(events: Iterable[EncodedEvent], scope: ReadScope) -> list[Item]:
    """Returns the events that a reader gets, with one skip for each row of events between that it does not get."""
    items: list[Item] = []
    for event in events:
        last = items[-1] if items else None
        if scope.includes(event):
            items.append(event)
        elif isinstance(last, Skip) and last.to + 1 == event.seq:
            items[-1] = Skip(last.first, event.seq, str(event.position))
        else:
            items.append(Skip(event.seq, event.seq, str(event.position)))
    return items


class FrameBatch:
    """Frames of consecutive events up to the position `end`; `only` is the frame where there is but one."""

    __slots__ = ("_wire", "end", "frames", "only")

    def __init__(self, frames: tuple[bytes, ...], end: Position) -> None:
        self.frames = frames
        self.end = end
        self.only = frames[0] if len(frames) == 1 else None
        self._wire = b""

    @property
    def wire(self) -> bytes:
        """The frames as the bytes of WebSocket messages, made when the first channel needs them and then shared by all."""
        self._wire = self._wire or b"".join(
            part for frame in self.frames for part in (message_header(len(frame)), frame)
        )
        return self._wire


def encode_batches(room: str, items: Sequence[Item]) -> Iterator[FrameBatch]:
    """Yields the items as frames, in batches of about `BATCH_BYTES` at most."""
    frames: list[bytes] = []
    size = 0
    for count, item in enumerate(items, 1):
        frames.append(item.frame if isinstance(item, EncodedEvent) else _encode_skip(room, item))
        size += len(frames[-1])
        if size >= BATCH_BYTES or count == len(items):
            end = item.position if isinstance(item, EncodedEvent) else parse_position(item.pos)
            yield FrameBatch(tuple(frames), end)
            frames, size = [], 0


def _encode_skip(room: str, skip: Skip) -> bytes:
    return _encode(client.Skip(room_id=room, first=skip.first, to=skip.to, pos=skip.pos))
