"""A person is erased everywhere within a second, or waits behind a hold; the chain verifies. Auth and record, each with its own keys."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import msgspec
import pytest

from parlour.cli.operator.connection import send_command
from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.kernel.log import Append, Claim, Committed, LogHead, LogKey, NewEvent
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding import sealing
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.process.run import Service
from parlour.runtime.settings import BusSettings, RuntimeSettings, load
from parlour.testkit.units import new_log, unit
from parlour.testkit.waiting import eventually

Environment = Callable[[str], dict[str, str]]
Running = Callable[..., AbstractAsyncContextManager[dict[str, Service]]]
APP = 4711
WITHIN_S = 20.0


class Harness:
    """An operator, and whoever writes rooms."""

    def __init__(self, bus: Bus, log: PostgresLog, people: PostgresUserKeyStore) -> None:
        self.bus = bus
        self.log = log
        self.people = people

    async def ask(self, body: cmd.AnyCommand) -> bytes:
        return bytes(await send_command(self.bus, APP, body, msgspec.Raw, timeout_s=WITHIN_S))

    async def erase(self, user: str) -> str:
        return msgspec.json.decode(await self.ask(cmd.EraseUser(user)), type=cmd.Erasure).outcome

    async def holds(self) -> cmd.Holds:
        return msgspec.json.decode(await self.ask(cmd.ListHolds()), type=cmd.Holds)

    async def call(self, *users: str) -> LogKey:
        key = new_log(app=APP)
        made = [self._new(key, ev.RoomOpened(APP, key.room))]
        joined: list[ev.UserJoined] = []
        for user in users:
            actor = await self.people.actor(APP, user)
            await self.people.load(frozenset({actor}))
            joined.append(ev.UserJoined(f"s-{user}", actor, user, user.title()))
        made += [self._new(key, event) for event in joined]
        claims = [Claim("take", "open_room", APP, key.room, str(key.uid))]
        claims += [Claim("take", "client_session", APP, event.actor, event.session_id, key.room, 9) for event in joined]
        (outcome,) = await self.log.append(
            (unit(Append(key, "room", None, tuple(made), creates=True), claims=tuple(claims)),)
        )
        assert isinstance(outcome, Committed)
        return key

    def _new(self, key: LogKey, event: ev.Event) -> NewEvent:
        data = sealing.seal_event(self.people, event)
        envelope = Envelope(str(key.uid), event.AGGREGATE, 0, event.TAG, sealing.actor_of(event), "", "", "", data)
        return NewEvent(event.TAG, int(event.AUDIENCE), encode_envelope(envelope))

    def event_of(self, head: LogHead | None, event: ev.Event) -> Append[NewEvent]:
        assert head is not None
        return Append(head.log, event.AGGREGATE, None, (self._new(head.log, event),))

    async def names(self, room: str) -> list[str]:
        answer = await self.bus.request(subjects.query(APP, room, "snapshot"), SnapshotQuery(), Snapshot, WITHIN_S)
        assert answer.state is not None
        return [user.user_id for user in answer.state.users]

    async def history(self) -> list[str]:
        page = await self.bus.request(subjects.query(APP, "", "replay"), ReplayQuery(), Replay, WITHIN_S)
        return [view.type.split(".")[1] for view in page.events]


@pytest.fixture
async def harness(environment: Environment, running: Running) -> AsyncIterator[Harness]:
    settings = load(RuntimeSettings, environment("room"))
    async with (
        running("auth", "record"),
        await Bus.connect(load(BusSettings, environment("cli")), "cli") as bus,
        await create_pool(settings.postgres_dsn, name="room") as pool,
    ):
        made = Harness(bus, PostgresLog(pool), PostgresUserKeyStore(pool, settings.master_key))
        await send_command(bus, APP, cmd.CreateApp(app=APP), cmd.AppDescription)
        yield made


async def test_an_erased_person_has_no_name_anywhere_and_the_chain_verifies(harness: Harness, postgres: str) -> None:
    user = f"u{uuid4().hex[:8]}"
    key = await harness.call(user, "bob")
    assert await harness.names(key.room) == [user, "bob"]
    assert await harness.erase(user) == "erased"
    await eventually(lambda: _is(harness.names(key.room), ["", "bob"]))
    assert await harness.erase(user) == "unknown"
    assert (await harness.history())[-2:] == ["erasure_requested", "user_erased"]
    async with await create_pool(postgres, name="owner") as owner:
        for uid in (key.uid, await owner.fetchval("SELECT uid FROM parlour.log WHERE app = $1 AND room = ''", APP)):
            row = await owner.fetchrow("SELECT * FROM parlour.verify($1)", uid)
            assert row is not None
            assert row["ok"], row["problem"]


async def test_a_lost_notice_is_made_good_by_a_look(harness: Harness, environment: Environment) -> None:
    """Another process erases and tells nobody."""
    user = f"u{uuid4().hex[:8]}"
    key = await harness.call(user)
    assert await harness.names(key.room) == [user]
    async with await create_pool(environment("auth")["PARLOUR_POSTGRES_DSN"], name="auth") as pool:
        await pool.execute("SELECT parlour.erase_person(actor) FROM parlour.person WHERE app = $1 AND actor::text = $2",
                           APP, await harness.people.actor(APP, user))  # fmt: skip
    await eventually(lambda: _is(harness.names(key.room), [""]))


@pytest.mark.parametrize("kind", ["user", "room"])
async def test_a_hold_keeps_a_person_until_it_is_released(harness: Harness, kind: str) -> None:
    user = f"u{uuid4().hex[:8]}"
    key = await harness.call(user)
    whom = {"user_id": user} if kind == "user" else {"room": key.room}
    await harness.ask(cmd.PlaceHold(**whom, reason="case 12"))
    assert await harness.erase(user) == "waiting"
    found = await harness.holds()
    assert found.waiting == 1
    assert (user in found.users, key.room in found.rooms) == (kind == "user", kind == "room")
    assert await harness.names(key.room) == [user]
    await harness.ask(cmd.ReleaseHold(**whom))
    await eventually(lambda: _is(harness.names(key.room), [""]))
    assert (await harness.holds()).waiting == 0
    assert (await harness.history())[-4:] == ["erasure_requested", "hold_released", "erasure_freed", "user_erased"]


async def test_a_hold_on_a_room_covers_nobody_else(harness: Harness) -> None:
    inside, outside = f"u{uuid4().hex[:8]}", f"u{uuid4().hex[:8]}"
    held, other = await harness.call(inside), await harness.call(outside)
    await harness.ask(cmd.PlaceHold(room=held.room))
    assert await harness.erase(outside) == "erased"
    await eventually(lambda: _is(harness.names(other.room), [""]))
    assert await harness.names(held.room) == [inside]


async def test_what_a_dead_process_left_is_done(harness: Harness, environment: Environment, running: Running) -> None:
    """The request is on record, the key still there: as after a kill in between."""
    user = f"u{uuid4().hex[:8]}"
    key = await harness.call(user)
    requested = harness.event_of(
        (await harness.log.latest(APP, "")), ev.ErasureRequested(await harness.people.actor(APP, user))
    )
    async with await create_pool(environment("auth")["PARLOUR_POSTGRES_DSN"], name="auth") as pool:
        (outcome,) = await PostgresLog(pool).append((unit(requested),))
        assert isinstance(outcome, Committed)
    async with running("auth"):
        await eventually(lambda: _is(harness.names(key.room), [""]))


async def test_only_one_of_user_and_room(harness: Harness) -> None:
    for body in (cmd.PlaceHold(), cmd.PlaceHold("ann", "room"), cmd.ReleaseHold(), cmd.EraseUser("")):
        with pytest.raises(Rejection):
            await harness.ask(body)
    before = await harness.history()
    with pytest.raises(Rejection):
        await harness.ask(cmd.PlaceHold("ann", "", "x" * 300))
    assert await harness.history() == before


async def _is(found: Awaitable[list[str]], wanted: list[str]) -> bool:
    return await found == wanted
