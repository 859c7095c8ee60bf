"""What a reader outside gets of a room, as the frames of a WebSocket: the same that members get."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.ids import Position, parse_position
from parlour.kernel.view import event_of

from .frames import to_text
from .mirror import Mirror, frame_of
from .reading import Item, Kept
from .runs import RUN_BYTES, Run

FaceOf = Callable[[str], client.UserRef | None]


class Part(NamedTuple):
    """A run and the place behind it."""

    run: Run
    place: Position


def parts_of(room: str, items: Sequence[Item], mirror: Mirror | None) -> Iterator[Part]:
    """The items as runs, each of about `RUN_BYTES` at most; `mirror` knows the names of those who are in the room."""
    if (
        len(items) == 1 and isinstance(only := items[0], Kept) and only.frame
    ):  # what a room's followers get most of the time
        yield Part(Run((only.frame,), only.view.seq), only.position)
        return
    frames: list[bytes] = []
    size = 0
    face_of = faces_of(items, mirror)
    for at, item in enumerate(items):
        frames.append(_frame(room, item, face_of))
        size += len(frames[-1])
        if size >= RUN_BYTES or at == len(items) - 1:
            place = item.position if isinstance(item, Kept) else parse_position(item.pos)
            yield Part(Run(tuple(frames), place.seq), place)
            frames, size = [], 0


def faces_of(items: Sequence[Item], mirror: Mirror | None) -> FaceOf:
    """Who an actor is: one who joined within these items, or who is in the room now."""
    joined: dict[str, client.UserRef] = {}
    for item in items:
        if isinstance(item, Kept) and item.view.type == ev.UserJoined.TAG and not item.frame:
            event = event_of(item.view)
            if isinstance(event, ev.UserJoined):
                joined[event.actor] = client.UserRef(event.user_id, event.user_name)
    return lambda actor: joined.get(actor) or (mirror.face_of(actor) if mirror is not None else None)


def _frame(room: str, item: Item, face_of: FaceOf) -> bytes:
    if isinstance(item, Kept):
        item.frame = item.frame or frame_of(item.view, face_of)
        return item.frame
    return to_text(client.Skip(room_id=room, first=item.first, to=item.to, pos=item.pos)).encode()
