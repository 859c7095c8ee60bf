"""Two writers that make trouble for the event log until they are killed: `python -m parlour.testkit.harness.log_storm DSN SEED ROOM_JSON`.

Every unit that the log acknowledged is told on standard output, one line `command_id number_of_events`; what else happened, by its name.
Each event's body says which command it is of and how many that has, so that a half-applied unit shows. Rooms have a claim of their own
name, taken and released in the same units as the events that say so.
"""

import asyncio
import random
import sys
from uuid import UUID, uuid4

import msgspec

from parlour.kernel.log import Append, AppendUnit, Claim, Committed, LogKey, LogUnavailable, NewEvent, Outcome
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.append_call import append_call
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.units import APP, new_event

WRITERS = 2


class RolledBack(Exception):
    """Meant."""


class Writer:
    """One troublemaker."""

    def __init__(self, pool: Pool, rooms: list[LogKey], seed: int) -> None:
        self.pool = pool
        self.log = PostgresLog(pool)
        self.rooms = rooms
        self.random = random.Random(seed)
        self.name = f"w{seed}"

    async def run(self) -> None:
        while True:
            try:
                units = tuple([await self.unit() for _ in range(self.random.choice((1, 1, 3, 20)))])
                outcomes = await (self.log.append(units) if self.random.random() < 0.7 else self.slowly(units))
            except RolledBack:
                continue
            except LogUnavailable as error:
                print("unavailable", type(error.__cause__).__name__, flush=True)
                continue
            for unit, outcome in zip(units, outcomes, strict=True):
                tell(unit, outcome)

    async def slowly(self, units: tuple[AppendUnit[NewEvent], ...]) -> tuple[Outcome, ...]:
        """In a transaction that stays open for a while after the append, and may end in a rollback."""
        call = append_call(units)
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                row = await connection.fetchrow(call.statement, *call.arguments)
                await asyncio.sleep(self.random.uniform(0, 0.03))
                if self.random.random() < 0.3:
                    raise RolledBack
        except (RolledBack, LogUnavailable):
            raise
        except Exception as error:
            raise LogUnavailable("cut off") from error
        return call.outcomes(row)

    async def unit(self) -> AppendUnit[NewEvent]:
        command_id = uuid4()
        rooms = self.random.sample(self.rooms, self.random.choice((1, 1, 2, 2, 3)))
        sizes = [self.random.randint(1, 3) for _ in rooms]
        claim = self.claim(rooms[0])
        appends = tuple(
            [
                await self.append(command_id, room, size, sum(sizes), claim)
                for room, size in zip(rooms, sizes, strict=True)
            ]
        )
        return AppendUnit(APP, str(command_id), self.name, b"", b"", appends, (claim,) if claim else ())

    def claim(self, room: LogKey) -> Claim | None:
        op = self.random.choice(("take", "release", "require", ""))
        return Claim(op, "storm", APP, room.room, self.name) if op else None

    async def append(
        self, command_id: UUID, room: LogKey, size: int, total: int, claim: Claim | None
    ) -> Append[NewEvent]:
        said = f"{claim.op} {claim.holder}" if claim and claim.key == room.room else ""
        body = f"{command_id} {total} {said}"
        expected = None
        if self.random.random() < 0.3:
            head = await self.log.head(room.uid)
            expected = head.versions["room"] if head else None
        return Append(
            room, "room", expected, tuple(new_event(room, "room", "room.storm.v1", body) for _ in range(size))
        )


def tell(unit: AppendUnit[NewEvent], outcome: Outcome) -> None:
    if isinstance(outcome, Committed):
        print(unit.command_id, len(outcome.records), flush=True)
    else:
        print(type(outcome).__name__, getattr(outcome, "reason", ""), flush=True)


async def main(dsn: str, seed: int, rooms: list[LogKey]) -> None:
    async with await create_pool(dsn, name="storm", min_size=WRITERS, max_size=WRITERS * 2) as pool:
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            for i in range(WRITERS):
                group.create_task(Writer(pool, rooms, seed * 10 + i).run())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), msgspec.json.decode(sys.argv[3], type=list[LogKey])))
