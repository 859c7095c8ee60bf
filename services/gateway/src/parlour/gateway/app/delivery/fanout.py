"""Sends each new event of a room to all who have read everything before it, in one write for each of them.

The events of one tick of the event loop go out together. They are encoded once for all targets of equal scope; who is named in one of
them gets batches of its own.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from parlour.gateway.domain.encoded_event import EncodedEvent
from parlour.gateway.domain.frame_batch import FrameBatch, encode_batches, merge_skips
from parlour.gateway.domain.read_scope import EVERYBODY, ReadScope

EVENTS_PER_TICK = 64
"""Most events that wait for the end of the tick; so many are sent at once."""


class PushTarget(Protocol):
    """A reader that has read everything that this gateway knows of the room."""

    @property
    def scope(self) -> ReadScope:
        """What the target reads, which does not change while it is a target."""
        ...

    def push(self, batches: Sequence[FrameBatch]) -> bool:
        """Sends the batches and moves the position behind those that were sent; returns whether that is all of them."""
        ...

    def start_catch_up(self) -> None:
        """Starts to read what follows the position from the buffer or the record; it is no target until it is added again."""
        ...


class Fanout:
    """The targets of one room. All of them have read everything up to the mirror's position but the pending events."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._targets: dict[ReadScope, dict[PushTarget, None]] = {}
        self._pending: list[EncodedEvent] = []

    def add(self, target: PushTarget) -> None:
        """Adds a target that has read everything until now; it is sent each event from the next one on."""
        self.flush()
        self._targets.setdefault(_shared_scope(target.scope), {})[target] = None

    def discard(self, target: PushTarget) -> None:
        """Removes a target, which is sent nothing more."""
        scope = _shared_scope(target.scope)
        group = self._targets.get(scope, {})
        group.pop(target, None)
        if not group:
            self._targets.pop(scope, None)

    def clear(self) -> None:
        """Sends what is pending, then forgets all targets, since the room's mirror is replaced."""
        self.flush()
        self._targets.clear()

    def append(self, event: EncodedEvent) -> None:
        """Takes the room's next event; it goes out at the end of this tick of the event loop."""
        if not self._targets:
            event.compact()
            return
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending.append(event)
        if len(self._pending) == EVENTS_PER_TICK:
            self.flush()

    def flush(self) -> None:
        """Sends what is pending; a target that can't take it all starts to catch up."""
        events, self._pending = self._pending, []
        if not events:
            return
        named = frozenset(actor for event in events for actor in event.readers or ())
        for scope, group in tuple(self._targets.items()):
            shared = self._encode(events, scope)
            late = [
                target
                for target in tuple(group)
                if not target.push(
                    shared if not named or target.scope.actor not in named else self._encode(events, target.scope)
                )
            ]
            for target in late:
                self.discard(target)
                target.start_catch_up()
        for event in events:
            event.compact()

    def _encode(self, events: Sequence[EncodedEvent], scope: ReadScope) -> tuple[FrameBatch, ...]:
        return tuple(encode_batches(self._room, merge_skips(events, scope)))


def _shared_scope(scope: ReadScope) -> ReadScope:
    """Returns the scope that a target has for events that do not name it: a member's is everybody's."""
    return EVERYBODY if scope.actor else scope
