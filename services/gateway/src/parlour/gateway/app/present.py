"""Followers that stand where their room stands: handed what happens without being woken, as members in their seats are.

Promises. 1. The events of one turn of the loop go out together, as one run for all who see the same. 2. Who does not stand right before
them, may not be sure of its right to read, or has a full window is handed nothing and woken: it goes on by itself, from its place.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from parlour.contracts.ids import Position
from parlour.gateway.domain.mirror import Mirror
from parlour.gateway.domain.reading import Kept, Sight, sift
from parlour.gateway.domain.runs import Run
from parlour.gateway.domain.subscribed import Part, parts_of

from .fanout import TURN


class Follower(Protocol):
    """Who is handed events."""

    @property
    def place(self) -> Position:
        """Behind the last that it has."""
        ...

    def take(self, run: Run, place: Position) -> bool:
        """Hands it a run, behind which it stands at the place; False, and nothing was taken."""
        ...

    def wake(self) -> None:
        """It is to look for itself."""
        ...


class Present:
    """Those of one room, by what they see."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._groups: dict[tuple[Sight, tuple[str, ...]], set[Follower]] = {}
        self._turn: list[Kept] = []
        self._mirror: Mirror | None = None

    @contextmanager
    def standing(self, sight: Sight, types: tuple[str, ...], follower: Follower) -> Generator[None]:
        """While the block runs the follower is handed what happens."""
        group = self._groups.setdefault((sight, types), set())
        group.add(follower)
        try:
            yield
        finally:
            group.discard(follower)
            if not group:
                self._groups.pop((sight, types), None)

    def add(self, kept: Kept, mirror: Mirror | None) -> None:
        """The room's next event; it goes out at the end of this turn of the loop."""
        if not self._groups:
            return
        last = self._turn[-1].view if self._turn else None
        if last is not None and (last.room_uid, last.seq + 1) != (kept.view.room_uid, kept.view.seq):
            self._flush()  # another life: who stands at the end of the one before finds its way by the record
        self._mirror = mirror
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._flush)
        self._turn.append(kept)
        if len(self._turn) == TURN:
            self._flush()

    def clear(self) -> None:
        """Forgets what has not gone out; everybody looks for themselves."""
        self._turn.clear()
        for group in self._groups.values():
            for follower in group:
                follower.wake()

    def _flush(self) -> None:
        turn, self._turn = self._turn, []
        if not turn:
            return
        first = turn[0].view
        before = Position(first.room_uid, first.seq - 1, first.prev[:16])
        for (sight, types), group in tuple(self._groups.items()):
            parts = tuple(parts_of(self._room, sift(turn, sight, types), self._mirror))
            for follower in tuple(group):
                if follower.place != before or not _taken(follower, parts):
                    follower.wake()


def _taken(follower: Follower, parts: tuple[Part, ...]) -> bool:
    return all(follower.take(run, place) for run, place in parts)
