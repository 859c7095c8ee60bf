"""Messages on real NATS and Postgres, beside the room service: delivery, limits, addressees, and nothing in another room."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import msgspec
import pytest

from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.commands import Caller, Joined, MessageSent, Request
from parlour.contracts.envelope import EventView
from parlour.im.settings import ImSettings
from parlour.im.wiring import build as build_im
from parlour.kernel.rejection import Rejection
from parlour.room.settings import RoomSettings
from parlour.room.wiring import build as build_room
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.settings import BusSettings, load

APP = 43


class ImHarness:
    """People in rooms who talk."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.heard: list[EventView] = []
        self.callers: dict[str, Caller] = {}

    async def hear(self, to: Address, payload: bytes, headers: Headers) -> None:
        view = msgspec.json.decode(payload, type=EventView)
        if view.type.startswith("im."):
            assert to.room == view.room
            self.heard.append(view)

    async def join(self, room: str, user: str) -> None:
        session = f"s-{user}"
        request = Request(str(uuid4()), Caller(user), cmd.JoinRoom(session, user, multi_room=True))
        reply = await self.bus.ask(APP, "room", room, "join", request)
        self.callers[user] = Caller(user, session, msgspec.json.decode(reply.result, type=Joined).actor)

    async def leave(self, room: str, user: str) -> None:
        caller = self.callers[user]
        await self.bus.ask(APP, "room", room, "leave", Request(str(uuid4()), caller, cmd.LeaveRoom(caller.session_id)))

    async def say(self, room: str, user: str, body: cmd.AnyCommand, command_id: str = "") -> MessageSent:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        reply = await self.bus.ask(APP, "im", room, verb, Request(command_id or str(uuid4()), self.callers[user], body))
        return msgspec.json.decode(reply.result, type=MessageSent)

    async def refused(self, room: str, user: str, body: cmd.AnyCommand) -> int:
        before = len(await self.said())
        with pytest.raises(Rejection) as caught:
            await self.say(room, user, body)
        assert len(await self.said()) == before, "what is refused appends nothing"
        return caught.value.problem.code

    async def said(self, room: str = "") -> list[EventView]:
        await self.bus.flush_confirmed()
        return [view for view in self.heard if room in ("", view.room)]


@pytest.fixture
async def harness(environment: Callable[[str], dict[str, str]]) -> AsyncIterator[ImHarness]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(build_room(load(RoomSettings, environment("room"))))
        await stack.enter_async_context(build_im(load(ImSettings, environment("im"))))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        made = ImHarness(bus)
        await bus.subscribe(subjects.ALL_EVENTS, made.hear)
        yield made


async def test_a_broadcast_is_an_event_with_its_number(harness: ImHarness) -> None:
    await harness.join("chat", "ann")
    sent = await harness.say("chat", "ann", cmd.SendBroadcast("s-ann", "hello"))
    (view,) = await harness.said("chat")
    assert (view.type, view.seq, view.user_id) == ("im.broadcast_sent.v1", sent.message_id, "ann")
    assert msgspec.json.decode(view.data)["text"] == "hello"
    assert (await harness.say("chat", "ann", cmd.SendBarrage("s-ann", "wow"))).message_id == sent.message_id + 1


async def test_a_repeated_message_is_said_once_and_counted_once(harness: ImHarness) -> None:
    await harness.join("echo", "bob")
    command_id = str(uuid4())
    answers = [await harness.say("echo", "bob", cmd.SendBroadcast("s-bob", "once"), command_id) for _ in range(4)]
    assert len(set(answers)) == 1
    assert len({view.seq for view in await harness.said("echo")}) == 1


async def test_a_command_reaches_the_named_who_are_there(harness: ImHarness) -> None:
    for user in ("cat", "dan", "eve"):
        await harness.join("signal", user)
    await harness.join("elsewhere", "fay")
    sent = await harness.say("signal", "cat", cmd.SendCommand("s-cat", "x", ("dan", "fay", "never-seen")))
    assert sent.absent == ("fay", "never-seen")
    (named,) = await harness.said("signal")
    assert named.audience == 1
    assert msgspec.json.decode(named.data)["to"] == [harness.callers["dan"].actor]
    await harness.say("signal", "cat", cmd.SendCommand("s-cat", "y"))
    assert (await harness.said("signal"))[-1].audience == 0, "a command that names nobody is for all"
    nobody = await harness.say("signal", "cat", cmd.SendCommand("s-cat", "z", ("never-seen",)))
    assert (nobody.message_id, nobody.absent) == (0, ("never-seen",))
    assert len(await harness.said("signal")) == 2
    assert await harness.said("elsewhere") == []


async def test_who_is_not_in_the_room_is_refused(harness: ImHarness) -> None:
    await harness.join("here", "gus")
    await harness.join("there", "hal")
    assert await harness.refused("here", "hal", cmd.SendBroadcast("s-hal", "let me in")) == 1009005
    assert await harness.refused("nowhere", "hal", cmd.SendBarrage("s-hal", "x")) == 1009005
    await harness.leave("here", "gus")
    assert await harness.refused("here", "gus", cmd.SendCommand("s-gus", "x")) == 1009005
    assert await harness.refused("there", "hal", cmd.SendBroadcast("s-gus", "x")) == 9000012


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (cmd.SendBroadcast("s-ida", ""), 1009001),
        (cmd.SendBroadcast("s-ida", "x" * 1025), 1009002),
        (cmd.SendBarrage("s-ida", ""), 1009001),
        (cmd.SendBarrage("s-ida", "é" * 513), 1009002),
        (cmd.SendCommand("s-ida", ""), 1009001),
        (cmd.SendCommand("s-ida", "x" * 1025), 1009002),
        (cmd.SendCommand("s-ida", "x", ("a b",)), 1002006),
        (cmd.SendCommand("s-ida", "x", tuple(f"u{n}" for n in range(501))), 1100001),
    ],
)
async def test_limits_of_a_message(harness: ImHarness, body: cmd.AnyCommand, code: int) -> None:
    await harness.join("limits", "ida")
    assert await harness.refused("limits", "ida", body) == code


@pytest.mark.parametrize(
    ("kind", "body", "allowed"),
    [("broadcast", cmd.SendBroadcast, 2), ("barrage", cmd.SendBarrage, 20), ("command", cmd.SendCommand, 10)],
)
async def test_rates_of_messages(harness: ImHarness, kind: str, body: type[cmd.SendBroadcast], allowed: int) -> None:
    await harness.join(f"fast-{kind}", "jim")
    talk = [harness.say(f"fast-{kind}", "jim", body("s-jim", str(n))) for n in range(allowed + 5)]
    outcomes = await asyncio.gather(*talk, return_exceptions=True)
    codes = [outcome.problem.code for outcome in outcomes if isinstance(outcome, Rejection)]
    assert set(codes) == {1009015}, "on a slow machine a second may pass on the way: how many is a unit test's to say"
    assert len(await harness.said(f"fast-{kind}")) == allowed + 5 - len(codes)


async def test_nothing_commits_after_its_senders_kick(harness: ImHarness) -> None:
    await harness.join("kick", "kim")
    await harness.join("kick", "leo")
    kick = Request(str(uuid4()), Caller(kind="operator"), cmd.KickUser("kim"))
    talk = [harness.say("kick", "kim", cmd.SendCommand("s-kim", str(n), ("leo",))) for n in range(60)]
    outcomes = await asyncio.gather(
        *talk[:30], harness.bus.ask(APP, "room", "kick", "kick", kick), *talk[30:], return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(one, Rejection) and one.problem.code == 1009005 for one in refused), refused
    position = next(outcome.position for outcome in outcomes if isinstance(outcome, cmd.Reply))
    kicked_at = int(position.split(".")[1])
    assert all(view.seq < kicked_at for view in await harness.said("kick"))
