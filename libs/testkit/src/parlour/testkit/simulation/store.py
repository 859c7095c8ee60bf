"""The record as one process reaches it: with a way there and back, with places to die at, and sometimes away."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from parlour.kernel.log import AppendUnit, ClaimRow, DueDeadline, LogHead, LogUnavailable, NewEvent, Outcome, Record
from parlour.runtime.background.leases import Lease
from parlour.testkit.log import MemoryLog

from .processes import Faults, Process

HOP_S = (0.0002, 0.003)
STALL_S = (0.02, 0.5)
ASK_AGAIN_S = 0.5


class ProcessLog:
    """`EventLog` of one process. A call may fail before it is done or after, as with a lost connection."""

    def __init__(self, log: MemoryLog, process: Process, faults: Faults) -> None:
        self._log = log
        self._process = process
        self._faults = faults

    async def append(self, units: tuple[AppendUnit[NewEvent], ...]) -> tuple[Outcome, ...]:
        """See `EventLog.append`."""
        self._process.passing("before_commit")
        await self._hop()
        outcomes = await self._log.append(units)
        self._process.passing("after_commit")
        await self._hop()
        return outcomes

    async def head(self, uid: UUID) -> LogHead | None:
        """See `EventLog.head`."""
        await self._hop()
        return await self._log.head(uid)

    async def latest(self, app: int, room: str) -> LogHead | None:
        """See `EventLog.latest`."""
        await self._hop()
        return await self._log.latest(app, room)

    async def read(self, uid: UUID, after: int, limit: int) -> tuple[Record, ...]:
        """See `EventLog.read`."""
        await self._hop()
        return await self._log.read(uid, after, limit)

    async def read_shard(self, p: int, after: int, limit: int) -> tuple[Record, ...]:
        """See `EventLog.read_shard`."""
        await self._hop()
        return await self._log.read_shard(p, after, limit)

    async def shard_heads(self) -> dict[int, int]:
        """See `EventLog.shard_heads`."""
        await self._hop()
        return await self._log.shard_heads()

    async def claims(self, kind: str, app: int, key: str) -> tuple[ClaimRow, ...]:
        """See `EventLog.claims`."""
        await self._hop()
        return await self._log.claims(kind, app, key)

    async def due(self, service: str, now: int, limit: int, lease_us: int) -> tuple[DueDeadline, ...]:
        """See `EventLog.due`."""
        await self._hop()
        return await self._log.due(service, now, limit, lease_us)

    async def cursor(self, reader: str) -> dict[int, int]:
        """See `EventLog.cursor`."""
        await self._hop()
        return await self._log.cursor(reader)

    async def advance(self, reader: str, p: int, pos: int) -> None:
        """See `EventLog.advance`."""
        await self._hop()
        self._process.must_live()
        await self._log.advance(reader, p, pos)

    async def _hop(self) -> None:
        """One way between process and store."""
        self._process.must_live()
        chance = self._faults.chance
        stalls = self._faults.happens(self._faults.log_away)
        await asyncio.sleep(chance.uniform(*(STALL_S if stalls else HOP_S)))
        self._process.must_live()
        if stalls:
            raise LogUnavailable("the connection to the record broke")


class Leases:
    """Advisory locks: one process holds a name, until it dies."""

    def __init__(self) -> None:
        self._held: dict[str, Process] = {}

    def of(self, process: Process) -> Lease:
        """The lease as that process asks for it."""

        @asynccontextmanager
        async def lease(name: str) -> AsyncGenerator[None]:
            while (holder := self._held.get(name)) is not None and holder.alive:  # noqa: ASYNC110 as the real one asks
                await asyncio.sleep(ASK_AGAIN_S)
            self._held[name] = process
            try:
                yield
            finally:
                if self._held.get(name) is process:
                    del self._held[name]

        return lease


class NoTables:
    """The record's tables need no upkeep here."""

    async def make_partitions(self, months_ahead: int) -> tuple[str, ...]:
        """None to make."""
        return ()

    async def drop_quality(self, before_us: int) -> tuple[str, ...]:
        """There are no samples."""
        return ()

    async def purge_commands(self, before_us: int, at_most: int) -> int:
        """None to forget."""
        return 0


class NoArchive:
    """Nothing is archived here."""

    async def find(self, room_uid: UUID) -> None:
        """No call is in a file."""

    async def calls(self, app: int, room: str, from_at: int, to_at: int) -> tuple[()]:
        """No calls are."""
        return ()
