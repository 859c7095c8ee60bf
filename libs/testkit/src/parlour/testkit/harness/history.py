"""A desk for tests of history: writes calls to the log as the services would, and asks about them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts import history as h
from parlour.contracts import subjects
from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.kernel.log import Append, AppendUnit, Committed, LogKey, NewEvent
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding import sealing
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.settings import BusSettings, RuntimeSettings, load
from parlour.testkit.units import APP, new_log
from parlour.testkit.waiting import eventually

WITHIN_S = 15.0
Running = Callable[..., AbstractAsyncContextManager[Any]]


class HistoryHarness:
    """Writes to the log as the services would, and asks."""

    def __init__(self, bus: Bus, log: PostgresLog, people: PostgresUserKeyStore) -> None:
        self.bus = bus
        self.log = log
        self.people = people

    async def write(self, key: LogKey, *events: ev.Event) -> None:
        await self.people.load(frozenset(sealing.actor_of(e) for e in events if sealing.needs_key(e)))
        for event in events:
            data = sealing.seal_event(self.people, event)
            env = encode_envelope(
                Envelope(str(key.uid), event.AGGREGATE, 0, event.TAG, sealing.actor_of(event), "", "", "", data)
            )
            made = NewEvent(event.TAG, int(event.AUDIENCE), env)
            creates, closes = isinstance(event, ev.RoomOpened), isinstance(event, ev.RoomClosed)
            unit = AppendUnit(
                APP, str(uuid4()), "test", b"", appends=(Append(key, event.AGGREGATE, None, (made,), creates, closes),)
            )
            (outcome,) = await self.log.append((unit,))
            assert isinstance(outcome, Committed)

    async def call(self, room: str = "", *, says: int = 1, closes: bool = True) -> LogKey:
        """Ann publishes, Bob looks on and talks, and is kicked."""
        key = new_log(room)
        ann, bob = await self.people.actor(APP, "ann"), await self.people.actor(APP, "bob")
        await self.write(
            key, ev.RoomOpened(APP, key.room), ev.UserJoined("sa", ann, "ann", "Ann"), ev.UserJoined("sb", bob, "bob", "Bob"),
            ev.StreamAdded("cam", "sa", ann, "relay-1", "t1", "", "VP8"), ev.PlayStarted("cam", "sb", bob, "relay-1", "t2"),
            *(ev.BroadcastSent("sb", bob, "hello") for _ in range(says)), ev.UserKicked("sb", bob, 1002055, "rude"),
            ev.PlayStopped("cam", "sb", bob, "left"),
        )  # fmt: skip
        if closes:
            removed = ev.StreamRemoved("cam", "sa", ann, 1)
            await self.write(key, removed, ev.UserLeft("sa", ann, "logout"), ev.RoomClosed("empty"))
        return key

    async def ask(self, what: str, query: Any, answer: type[Any], room: str = "") -> Any:
        found = await self.bus.request(subjects.query(APP, room, what), query, answer, WITHIN_S)
        if found.problem is not None:
            raise Rejection.from_problem(found.problem)
        return found

    async def calls(self, room: str = "", **query: Any) -> h.Calls:
        return await self.ask("calls", h.CallsQuery(**query), h.Calls, room)

    async def timeline(self, key: LogKey, **query: Any) -> h.Timeline:
        return await self.ask("timeline", h.TimelineQuery(str(key.uid), **query), h.Timeline)

    async def history(self, body: Any) -> h.History:
        request = cmd.Request(str(uuid4()), cmd.Caller(kind="operator"), body)
        reply = await self.bus.ask(1, "record", "", str(body.__struct_config__.tag).rpartition(".")[2], request)
        return msgspec.json.decode(reply.result, type=h.History)

    async def until_known(self, key: LogKey) -> h.Call:
        head = await self.log.head(key.uid)
        assert head is not None

        async def known() -> h.Call | None:
            calls = (await self.calls(key.room)).calls
            return next((call for call in calls if call.room_uid == str(key.uid) and call.seq == head.seq), None)

        return await eventually(known, "the projections have the call", timeout_s=WITHIN_S)


@asynccontextmanager
async def running_history(
    environment: Callable[[str], dict[str, str]], postgres: str
) -> AsyncGenerator[HistoryHarness]:
    """Writes as the database's owner, who may append to every aggregate."""
    async with AsyncExitStack() as stack:
        writer = load(RuntimeSettings, environment("room"))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        pool = await create_pool(postgres, name="test")
        stack.push_async_callback(pool.close)
        yield HistoryHarness(bus, PostgresLog(pool), PostgresUserKeyStore(pool, writer.master_key))
