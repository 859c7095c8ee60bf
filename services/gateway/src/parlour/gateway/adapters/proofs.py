"""The record's proofs over the bus."""

from typing import Any, TypeVar

import msgspec

from parlour.contracts import proofs as contract
from parlour.contracts import subjects
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

ANSWER_WITHIN_S = 5.0
A = TypeVar("A", bound=msgspec.Struct)


class BusProofs:
    """Each method raises the record's `Rejection`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def checkpoint(self, size: int) -> contract.SignedCheckpoint:
        """The signed note of a size; 0: the latest, with an empty note where there is none."""
        return await self._ask("checkpoint", contract.CheckpointQuery(size), contract.SignedCheckpoint)

    async def keys(self) -> contract.CheckpointKeys:
        """Every key that ever signed one."""
        return await self._ask("keys", contract.KeysQuery(), contract.CheckpointKeys)

    async def consistency(self, old: int, new: int) -> contract.Consistency:
        """That the later tree continues the earlier one."""
        return await self._ask("consistency", contract.ConsistencyQuery(old, new), contract.Consistency)

    async def inclusion(self, app: int, room: str, room_uid: str) -> contract.Inclusion:
        """The last head of one of this room's lives that a checkpoint holds."""
        return await self._ask("inclusion", contract.InclusionQuery(room_uid, app, room), contract.Inclusion)

    async def tile(self, level: int, index: int, width: int, *, entries: bool = False) -> bytes:
        """A tile's bytes."""
        return (await self._ask("tile", contract.TileQuery(level, index, width, entries), contract.Tile)).content

    async def _ask(self, what: str, query: msgspec.Struct, kind: type[A]) -> A:
        subject = subjects.query(contract.NO_APP, "", what)
        answer: Any = await self._bus.request(subject, query, kind, ANSWER_WITHIN_S)
        if answer.problem is not None:
            raise Rejection(answer.problem)
        return answer
