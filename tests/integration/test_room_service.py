"""The room service on real NATS and Postgres: join to close, kicks across rooms, repetition, and what is in the record."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import msgspec
import pytest

from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.commands import Caller, Joined, Reply, Request
from parlour.contracts.envelope import EventView
from parlour.kernel.rejection import Rejection
from parlour.room.settings import RoomSettings
from parlour.room.wiring import build
from parlour.runtime.address import Address
from parlour.runtime.bus import Bus, Headers
from parlour.runtime.settings import BusSettings, load

APP = 42
OPERATOR = Caller(kind="operator")


class Desk:
    """Asks the service and hears what it publishes."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.heard: list[EventView] = []

    async def listen(self) -> None:
        await self.bus.subscribe(subjects.ALL_EVENTS, self._hear)

    async def _hear(self, to: Address, payload: bytes, headers: Headers) -> None:
        self.heard.append(msgspec.json.decode(payload, type=EventView))

    async def ask(self, room: str, body: cmd.Command, caller: Caller = OPERATOR, command_id: str = "") -> Reply:
        verb = type(body).__struct_config__.tag.partition(".")[2]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        request = Request(command_id or str(uuid4()), caller, body)  # pyright: ignore[reportArgumentType]
        return await self.bus.ask(APP, "room", room, verb, request)

    async def join(self, room: str, user: str, session: str, **more: object) -> Joined:
        body = cmd.JoinRoom(session, user, user.title(), **more)  # pyright: ignore[reportArgumentType]
        reply = await self.ask(room, body, Caller(user))
        return msgspec.json.decode(reply.result, type=Joined)

    async def refused(self, room: str, body: cmd.Command, caller: Caller = OPERATOR) -> int:
        before = len(self.heard)
        with pytest.raises(Rejection) as caught:
            await self.ask(room, body, caller)
        await self.bus.barrier()
        assert len(self.heard) == before, "what is refused appends nothing"
        return caught.value.problem.code

    async def story(self, room: str) -> list[str]:
        """What happened in a room, in short."""
        await self.bus.barrier()
        return [view.type.removeprefix("room.").removesuffix(".v1") for view in self.heard if view.room == room]

    async def views(self, room: str) -> list[EventView]:
        await self.bus.barrier()
        return [view for view in self.heard if view.room == room]


@pytest.fixture
async def desk(environment: Callable[[str], dict[str, str]]) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(build(load(RoomSettings, environment("room"))))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        made = Desk(bus)
        await made.listen()
        yield made


async def test_two_people_come_and_go(desk: Desk) -> None:
    ann = await desk.join("tea", "ann", "s-ann")
    bob = await desk.join("tea", "bob", "s-bob")
    assert ann.created
    assert not bob.created
    assert ann.room_uid == bob.room_uid
    again = await desk.join("tea", "bob", "s-bob")
    assert again.room_uid == ann.room_uid, "joining again changes nothing"
    await desk.ask("tea", cmd.LeaveRoom("s-bob"))
    assert await desk.story("tea") == ["opened", "user_joined", "user_joined", "user_left"]
    views = await desk.views("tea")
    assert [view.seq for view in views] == [1, 2, 3, 4]
    assert [view.prev for view in views[1:]] == [view.hash for view in views[:-1]]
    assert views[2].user_id == "bob"
    assert b'"userName":"Bob"' in bytes(views[2].data)


async def test_the_same_command_id_gives_the_first_answer(desk: Desk) -> None:
    command_id = str(uuid4())
    body = cmd.JoinRoom("s-1", "cat")
    first = await desk.ask("repeat", body, Caller("cat"), command_id)
    second = await desk.ask("repeat", body, Caller("cat"), command_id)
    assert bytes(first.result) == bytes(second.result)
    assert second.repeated
    assert first.position == second.position
    assert set(await desk.story("repeat")) == {"opened", "user_joined"}
    with pytest.raises(Rejection) as reused:
        await desk.ask("repeat", cmd.JoinRoom("s-2", "cat"), Caller("cat"), command_id)
    assert reused.value.problem.code == 9000005


async def test_a_login_elsewhere_puts_the_earlier_session_out_everywhere(desk: Desk) -> None:
    await desk.join("one", "dan", "s-1", multi_room=True)
    await desk.join("two", "dan", "s-1", multi_room=True)
    await desk.join("one", "eve", "s-eve")
    await desk.join("three", "dan", "s-2")
    assert "user_kicked" in await desk.story("one")
    assert "user_kicked" in await desk.story("two")
    kicked = next(view for view in await desk.views("one") if "kicked" in view.type)
    assert b'"code":1002050' in bytes(kicked.data)
    assert kicked.user_id == "dan"
    assert await desk.story("three") == ["opened", "user_joined"]


async def test_a_session_without_multi_room_has_one_room(desk: Desk) -> None:
    await desk.join("solo-1", "fay", "s-fay")
    assert await desk.refused("solo-2", cmd.JoinRoom("s-fay", "fay"), Caller("fay")) == 1002001


async def test_five_rooms_and_not_six(desk: Desk) -> None:
    for n in range(5):
        await desk.join(f"many-{n}", "gus", "s-gus", multi_room=True)
    body = cmd.JoinRoom("s-gus", "gus", multi_room=True)
    assert await desk.refused("many-5", body, Caller("gus")) == 1002037


async def test_a_full_room(desk: Desk) -> None:
    await desk.join("full", "hal", "s-hal", max_member_count=1)
    assert await desk.refused("full", cmd.JoinRoom("s-ida", "ida"), Caller("ida")) == 1002034


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
        ("ok", cmd.SetRoomExtraInfo("s-ann", "k" * 11, "v"), Caller("ann", "s-ann"), 1002015),
        ("ok", cmd.SetRoomExtraInfo("s-ann", "k", "v" * 128), Caller("ann", "s-ann"), 1002016),
        ("ok", cmd.SetRoomExtraInfo("s-ann", "k", "v"), Caller("ann", "s-ann"), 1002014),
    ],
)
async def test_what_is_refused(desk: Desk, room: str, body: cmd.Command, caller: Caller, code: int) -> None:
    assert await desk.refused(room, body, caller) == code


async def test_an_operator_kicks_and_closes(desk: Desk) -> None:
    await desk.join("ops", "jim", "s-jim")
    await desk.join("ops", "kim", "s-kim")
    await desk.ask("ops", cmd.KickUser("jim", "rude"))
    await desk.ask("ops", cmd.KickUser("nobody-ever-seen"))
    first = await desk.ask("ops", cmd.CloseRoom())
    await desk.ask("ops", cmd.CloseRoom())
    assert await desk.story("ops") == ["opened", "user_joined", "user_joined", "user_kicked", "user_kicked", "closed"]
    reopened = await desk.join("ops", "kim", "s-kim-2")
    assert reopened.created
    opened = next(view for view in await desk.views("ops") if view.room_uid == reopened.room_uid)
    assert msgspec.json.decode(opened.data)["previous"] == first.position


async def test_extra_information_of_a_room(desk: Desk) -> None:
    await desk.join("info", "leo", "s-leo")
    await desk.ask("info", cmd.SetRoomExtraInfo("s-leo", "k", "v"), Caller("leo", "s-leo"))
    assert await desk.refused("info", cmd.SetRoomExtraInfo("s-leo", "other", "v"), Caller("leo", "s-leo")) == 1002017
    last = (await desk.views("info"))[-1]
    assert msgspec.json.decode(last.data)["value"] == "v"
