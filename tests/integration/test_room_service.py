"""The room service on real NATS and Postgres: join to close, kicks across rooms, repetition, and what is in the record."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Caller, Joined, Reply, Request
from parlour.contracts.envelope import EventView
from parlour.contracts.live import LiveRoom
from parlour.contracts.queries import Presence, SessionHeartbeat
from parlour.kernel.rejection import Rejection
from parlour.room.settings import RoomSettings
from parlour.room.wiring import build
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.settings import BusSettings, load

APP = 42
OPERATOR = Caller(kind="operator")
Environment = Callable[[str], dict[str, str]]


class RoomHarness:
    """Asks the service and hears what it publishes."""

    def __init__(self, bus: Bus, postgres: str) -> None:
        self.bus = bus
        self.postgres = postgres
        self.heard: list[EventView] = []
        self.news = asyncio.Event()

    async def listen(self) -> None:
        await self.bus.subscribe(subjects.ALL_EVENTS, self._hear)

    async def _hear(self, to: Address, payload: bytes, headers: Headers) -> None:
        self.heard.append(msgspec.json.decode(payload, type=EventView))
        self.news.set()

    async def ask(self, room: str, body: cmd.Command, caller: Caller = OPERATOR, command_id: str = "") -> Reply:
        verb = type(body).__struct_config__.tag.partition(".")[2]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        request = Request(command_id or str(uuid4()), caller, body)  # pyright: ignore[reportArgumentType]
        return await self.bus.ask(APP, "room", room, verb, request)

    async def join(self, room: str, user: str, session: str, **more: object) -> Joined:
        body = cmd.JoinRoom(session, user, user.title(), **more)  # pyright: ignore[reportArgumentType]
        reply = await self.ask(room, body, Caller(user))
        return msgspec.json.decode(reply.result, type=Joined)

    async def refused(self, room: str, body: cmd.Command, caller: Caller = OPERATOR) -> int:
        command_id = str(uuid4())
        with pytest.raises(Rejection) as caught:
            await self.ask(room, body, caller, command_id)
        sql = await asyncpg.connect(self.postgres)
        try:
            appended = await sql.fetchval("SELECT count(*) FROM parlour.command WHERE command_id = $1", command_id)
        finally:
            await sql.close()
        assert appended == 0, "what is refused appends nothing"
        return caught.value.problem.code

    async def story(self, room: str) -> list[str]:
        """What happened in a room, in short."""
        await self.bus.flush_confirmed()
        return [view.type.removeprefix("room.").removesuffix(".v1") for view in self.heard if view.room == room]

    async def views(self, room: str) -> list[EventView]:
        await self.bus.flush_confirmed()
        return [view for view in self.heard if view.room == room]

    async def wait_for(self, room: str, what: str, within_s: float = 30) -> EventView:
        """The first event of a kind in a room, once it has happened."""
        async with asyncio.timeout(within_s):
            while True:
                for view in await self.views(room):
                    if view.type == f"room.{what}.v1":
                        return view
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def room_harness(environment: Environment, postgres: str, **settings: str) -> AsyncGenerator[RoomHarness]:
    async with AsyncExitStack() as stack:
        made = {f"PARLOUR_ROOM_{name.upper()}": value for name, value in settings.items()}
        await stack.enter_async_context(build(load(RoomSettings, environment("room") | made)))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        harness = RoomHarness(bus, postgres)
        await harness.listen()
        yield harness


@pytest.fixture
async def harness(environment: Environment, postgres: str) -> AsyncIterator[RoomHarness]:
    async with room_harness(environment, postgres) as made:
        yield made


async def test_two_people_come_and_go(harness: RoomHarness) -> None:
    ann = await harness.join("tea", "ann", "s-ann")
    bob = await harness.join("tea", "bob", "s-bob")
    assert ann.created
    assert not bob.created
    assert ann.room_uid == bob.room_uid
    again = await harness.join("tea", "bob", "s-bob")
    assert again.room_uid == ann.room_uid, "joining again changes nothing"
    await harness.ask("tea", cmd.LeaveRoom("s-bob"))
    assert await harness.story("tea") == ["opened", "user_joined", "user_joined", "user_left"]
    views = await harness.views("tea")
    assert [view.seq for view in views] == [1, 2, 3, 4]
    assert [view.prev for view in views[1:]] == [view.hash for view in views[:-1]]
    assert views[2].user_id == "bob"
    assert b'"userName":"Bob"' in bytes(views[2].data)


async def test_the_same_command_id_gives_the_first_answer(harness: RoomHarness) -> None:
    command_id = str(uuid4())
    body = cmd.JoinRoom("s-1", "cat")
    first = await harness.ask("repeat", body, Caller("cat"), command_id)
    second = await harness.ask("repeat", body, Caller("cat"), command_id)
    assert bytes(first.result) == bytes(second.result)
    assert second.repeated
    assert first.position == second.position
    assert set(await harness.story("repeat")) == {"opened", "user_joined"}
    with pytest.raises(Rejection) as reused:
        await harness.ask("repeat", cmd.JoinRoom("s-2", "cat"), Caller("cat"), command_id)
    assert reused.value.problem.code == 9000005


async def test_a_login_elsewhere_puts_the_earlier_session_out_everywhere(harness: RoomHarness) -> None:
    await harness.join("one", "dan", "s-1", multi_room=True)
    await harness.join("two", "dan", "s-1", multi_room=True)
    await harness.join("one", "eve", "s-eve")
    await harness.join("three", "dan", "s-2")
    assert "user_kicked" in await harness.story("one")
    assert "user_kicked" in await harness.story("two")
    kicked = next(view for view in await harness.views("one") if "kicked" in view.type)
    assert b'"code":1002050' in bytes(kicked.data)
    assert kicked.user_id == "dan"
    assert await harness.story("three") == ["opened", "user_joined"]


async def test_a_session_without_multi_room_has_one_room(harness: RoomHarness) -> None:
    await harness.join("solo-1", "fay", "s-fay")
    assert await harness.refused("solo-2", cmd.JoinRoom("s-fay", "fay"), Caller("fay")) == 1002001


async def test_five_rooms_and_not_six(harness: RoomHarness) -> None:
    for n in range(5):
        await harness.join(f"many-{n}", "gus", "s-gus", multi_room=True)
    body = cmd.JoinRoom("s-gus", "gus", multi_room=True)
    assert await harness.refused("many-5", body, Caller("gus")) == 1002037


async def test_a_full_room(harness: RoomHarness) -> None:
    await harness.join("full", "hal", "s-hal", max_member_count=1)
    assert await harness.refused("full", cmd.JoinRoom("s-ida", "ida"), Caller("ida")) == 1002034


@pytest.mark.parametrize(
    ("room", "body", "caller", "code"),
    [
        ("r" * 129, cmd.JoinRoom("s", "ann"), Caller("ann"), 1002013),
        ("a b", cmd.JoinRoom("s", "ann"), Caller("ann"), 1002012),
        ("", cmd.JoinRoom("s", "ann"), Caller("ann"), 1002011),
        ("ok", cmd.JoinRoom("s", ""), Caller(""), 1002005),
        ("ok", cmd.JoinRoom("s", "a b"), Caller("a b"), 1002006),
        ("ok", cmd.JoinRoom("s", "u" * 65), Caller("u" * 65), 1002007),
        ("ok", cmd.JoinRoom("s", "ann", "n" * 257), Caller("ann"), 1002010),
        ("ok", cmd.JoinRoom("s", "ann"), Caller("bob"), 9000012),
        ("ok", cmd.KickUser("ann"), Caller("bob"), 9000012),
        ("ok", cmd.CloseRoom(), Caller("bob"), 9000012),
        ("ok", cmd.LeaveRoom("s-ann"), Caller("bob", "s-bob"), 9000012),
        ("ok", cmd.JoinRoom("", "ann"), Caller("ann"), 1100001),
        ("ok", cmd.JoinRoom("a/b", "ann"), Caller("ann"), 1100001),
        ("ok", cmd.KickUser("ann", "r" * 257), OPERATOR, 1100001),
        ("ok", cmd.CloseRoom("r" * 257), OPERATOR, 1100001),
        ("ok", cmd.SetRoomExtraInfo("s-ann", "k" * 11, "v"), Caller("ann", "s-ann"), 1002015),
        ("ok", cmd.SetRoomExtraInfo("s-ann", "k", "v" * 128), Caller("ann", "s-ann"), 1002016),
        ("ok", cmd.SetRoomExtraInfo("s-ann", "k", "v"), Caller("ann", "s-ann"), 1002014),
    ],
)
async def test_what_is_refused(harness: RoomHarness, room: str, body: cmd.Command, caller: Caller, code: int) -> None:
    assert await harness.refused(room, body, caller) == code


async def test_an_operator_kicks_and_closes(harness: RoomHarness) -> None:
    await harness.join("ops", "jim", "s-jim")
    await harness.join("ops", "kim", "s-kim")
    await harness.ask("ops", cmd.KickUser("jim", "rude"))
    await harness.ask("ops", cmd.KickUser("nobody-ever-seen"))
    first = await harness.ask("ops", cmd.CloseRoom())
    await harness.ask("ops", cmd.CloseRoom())
    assert await harness.story("ops") == [
        "opened",
        "user_joined",
        "user_joined",
        "user_kicked",
        "user_kicked",
        "closed",
    ]
    reopened = await harness.join("ops", "kim", "s-kim-2")
    assert reopened.created
    opened = next(view for view in await harness.views("ops") if view.room_uid == reopened.room_uid)
    assert msgspec.json.decode(opened.data)["previous"] == first.position


async def test_extra_information_of_a_room(harness: RoomHarness) -> None:
    await harness.join("info", "leo", "s-leo")
    await harness.ask("info", cmd.SetRoomExtraInfo("s-leo", "k", "v"), Caller("leo", "s-leo"))
    assert await harness.refused("info", cmd.SetRoomExtraInfo("s-leo", "other", "v"), Caller("leo", "s-leo")) == 1002017
    last = (await harness.views("info"))[-1]
    assert msgspec.json.decode(last.data)["value"] == "v"


async def test_extra_information_changes_ten_times_a_second(harness: RoomHarness) -> None:
    await harness.join("busy", "max", "s-max")
    changes = [
        harness.ask("busy", cmd.SetRoomExtraInfo("s-max", "k", str(n)), Caller("max", "s-max")) for n in range(14)
    ]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    codes = [one.problem.code for one in outcomes if isinstance(one, Rejection)]
    assert set(codes) == {9000004}
    assert (await harness.story("busy")).count("extra_info_changed") == 14 - len(codes)


async def test_a_command_may_ask_for_the_room_it_knows(harness: RoomHarness) -> None:
    await harness.join("known", "nat", "s-nat")
    body = cmd.SetRoomExtraInfo("s-nat", "k", "v")
    request = Request(str(uuid4()), Caller("nat", "s-nat"), body, if_seq=2)
    first = await harness.bus.ask(APP, "room", "known", "set_extra_info", request)
    again = await harness.bus.ask(APP, "room", "known", "set_extra_info", request)
    assert (first.position, again.repeated) == (again.position, True), "done before is done, wherever the room is now"
    late = Request(str(uuid4()), Caller("nat", "s-nat"), body, if_seq=2)
    with pytest.raises(Rejection) as refused:
        await harness.bus.ask(APP, "room", "known", "set_extra_info", late)
    assert refused.value.problem.code == 9000006


async def test_an_empty_room_closes_and_its_name_begins_a_new_life(harness: RoomHarness) -> None:
    first = await harness.join("brief", "mia", "s-mia")
    await harness.ask("brief", cmd.LeaveRoom("s-mia"))
    closed = await harness.wait_for("brief", "closed")
    assert msgspec.json.decode(closed.data) == {"reason": "empty", "by": ""}
    second = await harness.join("brief", "mia", "s-mia")
    assert second.created
    assert second.room_uid != first.room_uid
    opened = next(view for view in await harness.views("brief") if view.room_uid == second.room_uid)
    assert msgspec.json.decode(opened.data)["previous"] == f"{first.room_uid}.{closed.seq}.{closed.hash[:16]}"


async def test_an_empty_room_waits_for_its_delay(environment: Environment, postgres: str) -> None:
    async with room_harness(environment, postgres, empty_delay_s="1") as harness:
        await harness.join("slow", "ned", "s-ned")
        left = await harness.ask("slow", cmd.LeaveRoom("s-ned"))
        again = await harness.join("slow", "ned", "s-ned-2")
        assert left.position.startswith(again.room_uid), "somebody came back in time"
        await harness.ask("slow", cmd.LeaveRoom("s-ned-2"))
        closed = await harness.wait_for("slow", "closed")
        last = next(view for view in reversed(await harness.views("slow")) if "left" in view.type)
        assert closed.at - last.at >= 900_000


class Gateway:
    """Beats for the sessions it is told to hold."""

    def __init__(self, harness: RoomHarness) -> None:
        self.held: set[tuple[str, str]] = set()
        self._harness = harness

    async def run(self) -> None:
        beat = 0
        while True:
            beat += 1
            sessions = tuple(SessionHeartbeat(APP, room, session) for room, session in sorted(self.held))
            presence = Presence("gw-1", beat, 0, 1, sessions)
            await self._harness.bus.publish(subjects.presence("gw-1"), msgspec.json.encode(presence))
            await asyncio.sleep(0.3)


@asynccontextmanager
async def a_gateway(harness: RoomHarness) -> AsyncGenerator[Gateway]:
    gateway = Gateway(harness)
    task = asyncio.create_task(gateway.run())
    try:
        yield gateway
    finally:
        task.cancel()


async def test_a_lost_connection_is_suspended_resumed_and_ended(environment: Environment, postgres: str) -> None:
    async with (
        room_harness(environment, postgres, presence_grace_s="2", heartbeat_window_s="5") as harness,
        a_gateway(harness) as gateway,
    ):
        gateway.held = {("line", "s-ora"), ("line", "s-pam")}
        await harness.join("line", "ora", "s-ora")
        await harness.join("line", "pam", "s-pam")
        gateway.held.remove(("line", "s-pam"))
        suspended = await harness.wait_for("line", "user_suspended")
        assert msgspec.json.decode(suspended.data)["sessionID"] == "s-pam"
        assert suspended.audience == 2, "others see nothing"
        gateway.held.add(("line", "s-pam"))
        await harness.wait_for("line", "user_resumed")
        gateway.held.remove(("line", "s-pam"))
        left = await harness.wait_for("line", "user_left")
        assert msgspec.json.decode(left.data)["reason"] == "heartbeat_timeout"
        assert await harness.story("line") == [
            "opened", "user_joined", "user_joined", "user_suspended", "user_resumed", "user_suspended", "user_left",
        ]  # fmt: skip
        assert left.at - (await harness.views("line"))[-2].at < 5_000_000, (
            "the window counts from when it was last heard"
        )


async def test_a_restart_suspends_nobody_who_is_there_and_ends_who_is_not(
    environment: Environment, postgres: str
) -> None:
    quick = {"presence_grace_s": "2", "heartbeat_window_s": "4"}
    async with room_harness(environment, postgres, **quick) as harness:
        await harness.join("again", "quin", "s-quin")
        await harness.join("again", "rex", "s-rex")
    async with room_harness(environment, postgres, **quick) as harness, a_gateway(harness) as gateway:
        gateway.held = {("again", "s-quin")}
        left = await harness.wait_for("again", "user_left")
        assert msgspec.json.decode(left.data)["sessionID"] == "s-rex"
        assert await harness.story("again") == ["user_suspended", "user_left"]


async def test_many_come_at_once(harness: RoomHarness) -> None:
    joined = await asyncio.gather(*(harness.join("crowd", f"u{n}", f"s-u{n}") for n in range(200)))
    assert len({one.room_uid for one in joined}) == 1
    assert sum(one.created for one in joined) == 1
    assert sorted(view.seq for view in await harness.views("crowd")) == list(range(1, 202))


async def test_one_user_logs_in_everywhere_at_once(harness: RoomHarness, postgres: str) -> None:
    """Whoever wins, one session is left, and the record, the claims and the rooms agree on which."""
    logins = [harness.join(f"race-{n % 4}", "zoe", f"s-zoe-{n}") for n in range(12)]
    outcomes = await asyncio.gather(*logins, return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, BaseException)]
    assert all(isinstance(one, Rejection) and one.problem.code == 9000010 for one in refused), refused
    views = [view for n in range(4) for view in await harness.views(f"race-{n}")]
    sessions = lambda *what: [msgspec.json.decode(v.data)["sessionID"] for v in views if v.type in what]  # noqa: E731
    left = set(sessions("room.user_joined.v1")) - set(sessions("room.user_kicked.v1"))
    assert len(left) == 1
    assert len(sessions("room.user_joined.v1")) == len(outcomes) - len(refused)
    actor = next(msgspec.json.decode(view.data)["actor"] for view in views if "joined" in view.type)
    connection = await asyncpg.connect(postgres)
    try:
        rows = await connection.fetch(
            "SELECT holder FROM parlour.claim WHERE kind = 'client_session' AND key = $1", actor
        )
    finally:
        await connection.close()
    assert {row["holder"] for row in rows} == left


async def test_coming_and_going_leaves_no_open_room_empty(harness: RoomHarness) -> None:
    """Rooms that empty and fill again at the same moment: each uid closes once, each next one cites it."""

    async def visit(user: str) -> None:
        for n in range(5):
            await harness.join("door", user, f"s-{user}-{n}")
            await harness.ask("door", cmd.LeaveRoom(f"s-{user}-{n}"))

    await asyncio.gather(*(visit(f"v{n}") for n in range(6)))
    async with asyncio.timeout(10):
        while True:
            by_uid: dict[str, list[EventView]] = {}
            for view in {(v.room_uid, v.seq): v for v in await harness.views("door")}.values():
                by_uid.setdefault(view.room_uid, []).append(view)
            if all("closed" in max(views, key=lambda view: view.seq).type for views in by_uid.values()):
                break
            harness.news.clear()
            await harness.news.wait()
    ends = {""}
    for views in sorted(by_uid.values(), key=lambda views: min(view.at for view in views)):
        story = sorted(views, key=lambda view: view.seq)
        assert [view.seq for view in story] == list(range(1, len(story) + 1))
        assert msgspec.json.decode(story[0].data)["previous"] in ends
        ends.add(f"{story[-1].room_uid}.{story[-1].seq}.{story[-1].hash[:16]}")
        assert sum("joined" in view.type for view in story) == sum("left" in view.type for view in story)


async def test_what_is_in_memory_is_the_operators_to_see(harness: RoomHarness) -> None:
    joined = await harness.join("seen", "uma", "s-uma")
    await harness.join("seen", "vic", "s-vic")
    reply = await harness.ask("seen", cmd.DescribeRoom())
    assert msgspec.json.decode(reply.result, type=LiveRoom) == LiveRoom(joined.room_uid, True, ("s-uma", "s-vic"))
    assert await harness.refused("seen", cmd.DescribeRoom(), Caller("uma", "s-uma")) == 9000012
    nothing = await harness.ask("unseen", cmd.DescribeRoom())
    assert msgspec.json.decode(nothing.result, type=LiveRoom) == LiveRoom("", False, ())


async def test_two_replicas_decide_as_one(environment: Environment, postgres: str) -> None:
    """Replicas share no memory: versions and claims keep them right, a silent session is suspended once."""
    quick = {"presence_grace_s": "4", "heartbeat_window_s": "5", "empty_delay_s": "0"}
    made = {f"PARLOUR_ROOM_{name.upper()}": value for name, value in quick.items()}
    async with (
        build(load(RoomSettings, environment("room") | made)),
        room_harness(environment, postgres, **quick) as harness,
    ):
        await asyncio.gather(*(harness.join("twins", f"t{n}", f"s-t{n}", max_member_count=20) for n in range(20)))
        assert await harness.refused("twins", cmd.JoinRoom("s-t20", "t20"), Caller("t20")) == 1002034
        await asyncio.gather(*(harness.ask("twins", cmd.LeaveRoom(f"s-t{n}")) for n in range(19)))
        await harness.wait_for("twins", "closed")
        story = await harness.story("twins")
        assert story == ["opened", *["user_joined"] * 20, *["user_left"] * 19, "user_suspended", "user_left", "closed"]
        views = await harness.views("twins")
        assert [view.seq for view in views] == list(range(1, len(views) + 1))


async def test_rooms_that_one_user_opens_are_counted_and_rooms_that_are_open_are_not(
    environment: Environment, postgres: str
) -> None:
    async with room_harness(environment, postgres, openings_per_user_per_min="3") as harness:
        for number in range(3):
            await harness.join(f"opened-{number}", "ann", "ann-0", multi_room=True)
        code = await harness.refused("opened-3", cmd.JoinRoom("ann-0", "ann", "Ann", multi_room=True), Caller("ann"))
        assert code == Code.RATE_LIMITED
        await harness.join("opened-3", "bob", "bob-0")
        await harness.join("opened-3", "ann", "ann-0", multi_room=True)
