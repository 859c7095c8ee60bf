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
"""Events that wait for the end of the tick at most; then they go out at once."""


class PushTarget(Protocol):
    """A reader that has read everything that this gateway knows of the room."""

    @property
    def scope(self) -> ReadScope:
        """What it reads; the same for as long as it is a target."""
        ...

    def push(self, batches: Sequence[FrameBatch]) -> bool:
        """Sends the batches and moves its position behind them. False: it can't take them all now, and stands behind those that it took."""
        ...

    def start_catch_up(self) -> None:
        """Reads what follows its position by itself, from the buffer or the record. It is no target until it is added again."""
        ...


class Fanout:
    """The targets of one room. All of them stand where the room's mirror stands, but for pending events."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._targets: dict[ReadScope, dict[PushTarget, None]] = {}
        self._pending: list[EncodedEvent] = []

    def add(self, target: PushTarget) -> None:
        """From the next event on the target, which has read everything until now, is sent each one."""
        self.flush()
        self._targets.setdefault(_shared_scope(target.scope), {})[target] = None

    def discard(self, target: PushTarget) -> None:
        """The target is sent nothing more."""
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
        """Sends what is pending. Who can't take it catches up by itself."""
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
    """A member reads what everybody reads of events that do not name it."""
    return EVERYBODY if scope.actor else scope
