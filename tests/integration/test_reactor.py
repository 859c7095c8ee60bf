"""Reactors and deadlines on the real log: at least once, in order, over restarts, one replica at a time where that is wanted."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from parlour.cli.embedded.nats import NatsServer
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.kernel.log import Append, Deadline, DueDeadline, LogKey, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.runtime.background import deadlines as deadlines_module
from parlour.runtime.background import leases as leases_module
from parlour.runtime.background.deadlines import DeadlineLoop
from parlour.runtime.background.leases import advisory
from parlour.runtime.background.reactor import Reactor
from parlour.runtime.clock import SystemClock, SystemIds, due_id, reaction_id
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.settings import BusSettings
from parlour.testkit.waiting import eventually

APP = 7
WITHIN_S = 10.0


class Suite(msgspec.Struct):
    """One process's connections."""

    bus: Bus
    log: PostgresLog
    people: PostgresUserKeyStore
    committer: Committer

    async def open_room(self, room: str, events: int) -> LogKey:
        """A call with its opening and so many changes."""
        key = LogKey(APP, room, UUID(SystemIds().uuid7()))
        actor = await self.people.actor(APP, "ada")
        changes = tuple(ev.RoomExtraInfoChanged(actor, "key", str(number)) for number in range(events))
        context = CommandContext(APP, room, str(uuid4()), "client:ada", b"d" * 32)
        await self.committer.commit(
            context.make_unit(Append(key, "room", 0, (ev.RoomOpened(APP, room), *changes), creates=True))
        )
        return key


@pytest.fixture
async def suite(postgres: str, nats_server: NatsServer) -> AsyncIterator[Suite]:
    pool = await create_pool(postgres, name="test", max_size=8)
    log = PostgresLog(pool)
    people = PostgresUserKeyStore(pool, bytes(range(32)))
    settings = BusSettings(nats_url=nats_server.address("test"))
    async with await Bus.connect(settings, "test") as bus, Committer(log, people, bus) as committer:
        yield Suite(bus, log, people, committer)
    await pool.close()


class Seen:
    """What a reactor was given, of one room; `fails` is raised at the first sight of a value."""

    def __init__(self, room: str, fails: dict[str, Exception] | None = None) -> None:
        self.room = room
        self._fails = fails or {}
        self.values: list[str] = []
        self.enough = asyncio.Event()
        self._wanted = 0

    async def handle(self, view: EventView) -> None:
        if view.room != self.room or view.type != ev.RoomExtraInfoChanged.TAG:
            return
        value = msgspec.json.decode(view.data, type=ev.RoomExtraInfoChanged).value
        error = self._fails.pop(value, None)
        if error is not None:
            raise error
        self.values.append(value)
        if len(self.values) >= self._wanted:
            self.enough.set()

    async def until(self, count: int) -> list[str]:
        self._wanted = count
        if len(self.values) < count:
            self.enough.clear()
            async with asyncio.timeout(WITHIN_S):
                await self.enough.wait()
        return self.values


async def test_a_reactor_sees_what_was_there_and_what_comes_in_order(suite: Suite) -> None:
    room = f"r-{uuid4()}"
    await suite.open_room(room, 5)
    seen = Seen(room)
    async with Reactor(f"t-{secrets.token_hex(4)}", suite.log, suite.people, suite.bus, seen.handle).running():
        assert await seen.until(5) == ["0", "1", "2", "3", "4"]
        later = f"r-{uuid4()}"
        other = Seen(later)
        async with Reactor(f"t-{secrets.token_hex(4)}", suite.log, suite.people, suite.bus, other.handle).running():
            await suite.open_room(later, 3)
            assert await other.until(3) == ["0", "1", "2"]


async def test_a_reactor_goes_past_what_cannot_be_read(suite: Suite, postgres: str) -> None:
    room, name = f"r-{uuid4()}", f"t-{secrets.token_hex(4)}"
    key = await suite.open_room(room, 4)
    owner = await asyncpg.connect(postgres)
    await owner.execute("UPDATE parlour.event SET env = 'no envelope' WHERE room_uid = $1 AND seq = 3", key.uid)
    await owner.close()
    seen = Seen(room)
    async with Reactor(name, suite.log, suite.people, suite.bus, seen.handle, poll_s=0.05).running():
        assert await seen.until(3) == ["0", "2", "3"]
    assert b'outcome="damaged",reactor="' + name.encode() + b'"} 1.0' in suite.bus.metrics.page()


async def test_a_reactor_goes_on_where_it_was(suite: Suite) -> None:
    room, name = f"r-{uuid4()}", f"t-{secrets.token_hex(4)}"
    await suite.open_room(room, 3)
    first = Seen(room)
    async with Reactor(name, suite.log, suite.people, suite.bus, first.handle).running():
        await first.until(3)

        async def at_the_end() -> bool:
            return await suite.log.cursor(name) == await suite.log.shard_heads()

        await eventually(at_the_end, "the cursor is at the end", timeout_s=WITHIN_S)
    second = Seen(room)
    marker = f"r-{uuid4()}"
    marked = Seen(marker)

    async def both(view: EventView) -> None:
        await second.handle(view)
        await marked.handle(view)

    async with Reactor(name, suite.log, suite.people, suite.bus, both).running():
        await suite.open_room(marker, 1)
        await marked.until(1)
    assert second.values == []


async def test_a_failing_handler_is_tried_again_and_a_rejection_is_an_answer(suite: Suite) -> None:
    room = f"r-{uuid4()}"
    await suite.open_room(room, 4)
    fails: dict[str, Exception] = {
        "1": ZeroDivisionError(),
        "2": Rejection(Code.ROOM_GONE, "too late"),
        "3": LogUnavailable("away"),
    }
    seen = Seen(room, fails)
    async with Reactor(f"t-{secrets.token_hex(4)}", suite.log, suite.people, suite.bus, seen.handle).running():
        assert await seen.until(3) == ["0", "1", "3"]


async def test_with_a_lease_one_replica_works_and_the_next_takes_over(suite: Suite, postgres: str) -> None:
    room, name = f"r-{uuid4()}", f"t-{secrets.token_hex(4)}"
    lease = advisory(postgres)
    first, second = Seen(room), Seen(room)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(AsyncExitStack())
        reactors = [
            Reactor(name, suite.log, suite.people, suite.bus, seen.handle, lease=lease) for seen in (first, second)
        ]
        await suite.open_room(room, 2)
        await one.enter_async_context(reactors[0].running())
        await first.until(2)
        await stack.enter_async_context(reactors[1].running())
        await one.aclose()
        key = await suite.log.latest(APP, room)
        assert key is not None
        context = CommandContext(APP, room, str(uuid4()), "client:ada", b"d" * 32)
        actor = await suite.people.actor(APP, "ada")
        changed = ev.RoomExtraInfoChanged(actor, "key", "taken over")
        await suite.committer.commit(context.make_unit(Append(key.log, "room", key.versions["room"], (changed,))))
        await eventually(
            lambda: second.values[-1:] == ["taken over"], "the second handles what comes", timeout_s=WITHIN_S
        )
    assert first.values == ["0", "1"]
    assert second.values[:-1] in ([], ["1"], ["0", "1"]), (
        "handled again is only what the first had not saved as handled"
    )


async def test_a_lost_lease_is_asked_for_again(suite: Suite, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases_module, "CHECK_S", 0.02)
    room, name = f"r-{uuid4()}", f"t-{secrets.token_hex(4)}"
    seen = Seen(room)
    async with Reactor(name, suite.log, suite.people, suite.bus, seen.handle, lease=advisory(postgres)).running():
        await suite.open_room(room, 1)
        await seen.until(1)
        connection = await asyncpg.connect(postgres)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted"
        assert await connection.fetchval(cut, leases_module.LOCK_SPACE)
        await connection.close()
        after = f"r-{uuid4()}"
        seen.room = after
        await suite.open_room(after, 2)
        assert (await seen.until(3))[-2:] == ["0", "1"]


async def test_who_waits_for_a_lease_is_told_that_the_database_is_away(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is cut, or a server that does not answer, while the lock is asked for is no other fault than a lost lease."""
    monkeypatch.setattr(leases_module, "RETRY_S", 0.05)
    lease, name = advisory(postgres), f"t-{secrets.token_hex(4)}"
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_advisory_lock%'"
        " AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
    )

    async def wait() -> None:
        async with lease(name):
            pass

    async with asyncio.timeout(10), lease(name):
        waiting = asyncio.create_task(wait())
        connection = await asyncpg.connect(postgres)
        while not await connection.fetchval(cut):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(LogUnavailable):
            await waiting
        await connection.close()


async def test_a_holder_that_stands_still_loses_its_lease(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases_module, "CHECK_S", 60.0)  # a holder that never looks
    monkeypatch.setattr(leases_module, "IDLE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(leases_module, "RETRY_S", 0.05)
    lease, name = advisory(postgres), f"t-{secrets.token_hex(4)}"
    async with asyncio.timeout(10), lease(name), lease(name):
        pass  # the second was given while the first still thought that it had it


async def test_a_deadline_is_handled_once_it_is_due_and_again_until_it_is_cleared(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines_module, "LEASE_US", 100_000)
    service, clock = f"d-{secrets.token_hex(4)}", SystemClock()
    handled: asyncio.Queue[DueDeadline] = asyncio.Queue()
    times = 0

    async def handle(deadline: DueDeadline) -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise ZeroDivisionError
        clear = Deadline(deadline.service, deadline.key, None)
        command_id = due_id(deadline.service, deadline.key, deadline.due_at)
        await suite.committer.commit(
            CommandContext(APP, "r", command_id, "service:d", b"d" * 32).make_unit(deadlines=(clear,))
        )
        handled.put_nowait(deadline)

    soon, late = clock.at() + 50_000, clock.at() + 3_600_000_000
    due = tuple(Deadline(service, key, at, key.encode()) for key, at in (("soon", soon), ("late", late)))
    await suite.committer.commit(
        CommandContext(APP, "r", str(uuid4()), "service:d", b"d" * 32).make_unit(deadlines=due)
    )
    async with DeadlineLoop(service, suite.log, handle, suite.bus.metrics, poll_s=0.02).running():
        async with asyncio.timeout(WITHIN_S):
            deadline = await handled.get()
    assert (deadline.key, deadline.body, deadline.due_at) == ("soon", b"soon", soon)
    assert clock.at() >= soon
    assert times == 2
    left = await suite.log.due(service, late + 1, 10, 1)
    assert [deadline.key for deadline in left] == ["late"]


def test_a_reactions_command_id_depends_on_cause_and_reactor_alone() -> None:
    one = reaction_id("uid", 3, "empty_rooms")
    assert one == reaction_id("uid", 3, "empty_rooms")
    assert (
        len({one, reaction_id("uid", 4, "empty_rooms"), reaction_id("uid", 3, "streams"), due_id("uid", "3", 0)}) == 4
    )
    UUID(one)
