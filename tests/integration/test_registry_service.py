"""The registry on real NATS and Postgres with a real relay node: publish, play, race, leave, lose."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio

from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Caller, Joined, Media, Published, Reply, Request
from parlour.contracts.envelope import EventView
from parlour.contracts.relay import NodeReport, Report, TransportReport
from parlour.kernel.rejection import Rejection
from parlour.runtime.address import Address
from parlour.runtime.bus import Bus, Headers
from parlour.runtime.settings import BusSettings, load

APP = 77
NODE = "n1"
SDP = Path(__file__).parents[1] / "fixtures" / "sdp"
PUBLISH = (SDP / "chromium-publish.sdp").read_bytes().decode()
PLAY = (SDP / "chromium-play.sdp").read_bytes().decode()
BOTH = Media("0", "1")
pytestmark = pytest.mark.asyncio(loop_scope="module")


class User:
    """Somebody in a room."""

    def __init__(self, desk: "Desk", room: str, name: str, joined: Joined, session: str) -> None:
        self.desk = desk
        self.room = room
        self.session = session
        self.caller = Caller(name, session, joined.actor)

    async def ask(self, body: cmd.AnyCommand, service: str = "registry", command_id: str = "") -> Reply:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        return await self.desk.bus.ask(
            APP, service, self.room, verb, Request(command_id or str(uuid4()), self.caller, body)
        )

    async def publish(self, stream: str, *, command_id: str = "", **more: Any) -> Published:
        body = cmd.Publish(self.session, stream, PUBLISH, BOTH, **more)
        return msgspec.json.decode((await self.ask(body, command_id=command_id)).result, type=Published)

    async def play(self, stream: str, **more: Any) -> Published:
        reply = await self.ask(cmd.Play(self.session, stream, PLAY, BOTH, **more))
        return msgspec.json.decode(reply.result, type=Published)

    async def refused(self, body: cmd.AnyCommand) -> int:
        before = len(self.desk.heard)
        with pytest.raises(Rejection) as caught:
            await self.ask(body)
        await self.desk.bus.barrier()
        assert len(self.desk.heard) == before, "what is refused appends nothing"
        return caught.value.problem.code


class Desk:
    """Asks services and hears what they publish."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.heard: list[EventView] = []
        self._news = asyncio.Event()

    async def hear(self, to: Address, payload: bytes, headers: Headers) -> None:
        view = msgspec.json.decode(payload, type=EventView)
        if not any(known.room_uid == view.room_uid and known.seq == view.seq for known in self.heard):
            self.heard.append(view)  # a repeated command is published again; subscribers drop what they have
        self._news.set()

    async def join(self, room: str, name: str) -> User:
        session = str(uuid4())
        request = Request(str(uuid4()), Caller(name), cmd.JoinRoom(session, name, name.title()))
        reply = await self.bus.ask(APP, "room", room, "join", request)
        return User(self, room, name, msgspec.json.decode(reply.result, type=Joined), session)

    def of(self, kind: str, room: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(v.data) for v in self.heard if v.room == room and v.type == f"stream.{kind}.v1"]

    async def wait_for(self, kind: str, room: str, count: int = 1, within_s: float = 15) -> list[dict[str, Any]]:
        async with asyncio.timeout(within_s):
            while len(found := self.of(kind, room)) < count:
                self._news.clear()
                await self._news.wait()
        return found

    async def whole_life(self, room: str, within_s: float = 15) -> list[str]:
        """What happened in a room, in short and in order, once it is closed."""
        async with asyncio.timeout(within_s):
            while not any(view.room == room and view.type == "room.closed.v1" for view in self.heard):
                self._news.clear()
                await self._news.wait()
        life = sorted((view for view in self.heard if view.room == room), key=lambda view: view.seq)
        assert [view.seq for view in life] == list(range(1, len(life) + 1)), "nothing comes behind the close"
        return [view.type.removesuffix(".v1") for view in life]

    async def transports(self) -> dict[str, TransportReport]:
        report = await self.bus.request(subjects.relay_command(NODE, "report"), Report(), NodeReport)
        return {t.transport_id: t for t in report.transports}

    async def describe(self, room: str) -> cmd.LiveStreams:
        request = Request(str(uuid4()), Caller(kind="operator"), cmd.DescribeStreams())
        return msgspec.json.decode(
            (await self.bus.ask(APP, "registry", room, "describe", request)).result, type=cmd.LiveStreams
        )

    async def owners_of(self, stream: str) -> list[str]:
        table = (await self.transports()).values()
        return [t.owner for t in table if any(b.stream_id == stream for b in t.publishes)]

    async def relay_publishes(self) -> list[str]:
        return sorted(b.stream_id for t in (await self.transports()).values() for b in t.publishes)


@asynccontextmanager
async def a_desk(running: Any, environment: Any, **settings: str) -> AsyncGenerator[Desk]:
    variables = {"PARLOUR_RELAY_NODE": NODE, "PARLOUR_RELAY_BIND": "127.0.0.1", "PARLOUR_RELAY_HEARTBEAT_S": "0.2"}
    async with (
        running("room", "registry", "relay", **(variables | settings)),
        await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
    ):
        desk = Desk(bus)
        await bus.subscribe(subjects.ALL_EVENTS, desk.hear)
        await node_is_up(desk)
        yield desk


async def node_is_up(desk: Desk) -> None:
    """The registry places streams from the node's first heartbeat on."""
    probe = await desk.join("probe", "probe")

    async def placed() -> bool:
        with contextlib.suppress(Rejection):
            await probe.publish("probe")
            return True
        return False

    await eventually(placed)
    await probe.ask(cmd.LeaveRoom(probe.session), "room")
    await no_transports_of(desk, probe)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(running: Any, environment: Any) -> AsyncIterator[Desk]:
    async with a_desk(running, environment) as made:
        yield made


async def test_the_whole_story(desk: Desk) -> None:
    ann, bob = await desk.join("tea", "ann"), await desk.join("tea", "bob")
    made = await ann.publish("s1", extra_info="hello")
    assert made.sdp.startswith("v=0")
    (added,) = await desk.wait_for("added", "tea")
    assert (added["streamID"], added["node"], added["extraInfo"], added["codec"]) == ("s1", NODE, "hello", "VP8")
    assert added["transportID"] == made.transport_id

    again = await ann.publish("s1", transport_id=made.transport_id)
    assert again.transport_id == made.transport_id
    moved = await ann.publish("s1")
    assert moved.transport_id != made.transport_id
    updated = await desk.wait_for("updated", "tea")
    assert updated[-1]["transportID"] == moved.transport_id

    await ann.ask(cmd.SetStreamExtraInfo(ann.session, "s1", "x" * 1024))
    assert await ann.refused(cmd.SetStreamExtraInfo(ann.session, "s1", "x" * 1025)) == Code.STREAM_EXTRA_LONG
    assert await bob.refused(cmd.SetStreamExtraInfo(bob.session, "s1", "mine")) == Code.NOT_PUBLISHING
    assert await bob.refused(cmd.StopPublish(bob.session, "s1")) == Code.NOT_PUBLISHING

    played = await bob.play("s1")
    (started,) = await desk.wait_for("play_started", "tea")
    live = await desk.describe("tea")
    assert [(s.stream_id, s.session_id, s.transport_id, s.players) for s in live.streams] == [
        ("s1", ann.session, moved.transport_id, (bob.session,))
    ]
    assert (started["sessionID"], started["transportID"]) == (bob.session, played.transport_id)
    await bob.ask(cmd.StopPlay(bob.session, "s1"))
    (stopped,) = await desk.wait_for("play_stopped", "tea")
    assert stopped["reason"] == "stopped"

    await ann.ask(cmd.StopPublish(ann.session, "s1"))
    (removed,) = await desk.wait_for("removed", "tea")
    assert removed["code"] == 1
    assert await desk.relay_publishes() == []
    assert await bob.refused(cmd.Play(bob.session, "s1", PLAY, BOTH)) == Code.PLAY_NO_STREAM


async def test_the_same_command_again_does_nothing_twice(desk: Desk) -> None:
    ann = await desk.join("twice", "ann2")
    command_id = str(uuid4())
    first = await ann.publish("tw1", command_id=command_id)
    second = await ann.publish("tw1", command_id=command_id)
    assert first == second
    await desk.bus.barrier()
    assert len(desk.of("added", "twice")) == 1
    assert desk.of("updated", "twice") == []
    own = [t for t in (await desk.transports()).values() if t.owner == ann.session]
    assert len(own) == 1


async def test_a_stream_id_is_unique_in_the_app(desk: Desk) -> None:
    ann, bob, carl = await desk.join("u1", "ann3"), await desk.join("u1", "bob3"), await desk.join("u2", "carl3")
    await ann.publish("uniq")
    for other in (bob, carl):
        assert await other.refused(cmd.Publish(other.session, "uniq", PUBLISH, BOTH)) == Code.STREAM_EXISTS
    assert await desk.owners_of("uniq") == [ann.session]


async def test_racing_publishers_leave_one_winner_and_its_media_alone(desk: Desk) -> None:
    racers = [await desk.join(f"race{n % 3}", f"racer{n}") for n in range(9)]
    results = await asyncio.gather(*(racer.publish("raced") for racer in racers), return_exceptions=True)
    won = [r for r in results if isinstance(r, Published)]
    lost = [r.problem.code for r in results if isinstance(r, Rejection)]
    assert len(won) == 1
    assert lost == [Code.STREAM_EXISTS] * 8
    carrying = [t for t in (await desk.transports()).values() if any(b.stream_id == "raced" for b in t.publishes)]
    assert [t.transport_id for t in carrying] == [won[0].transport_id]
    owners = {racer.session for racer in racers}
    assert sum(t.owner in owners for t in (await desk.transports()).values()) == 1, "the losers left nothing behind"


async def test_who_is_not_in_the_room_publishes_nothing(desk: Desk) -> None:
    ann = await desk.join("gone", "ann4")
    await desk.join("gone", "bob4")
    await ann.ask(cmd.LeaveRoom(ann.session), "room")
    assert await ann.refused(cmd.Publish(ann.session, "late", PUBLISH, BOTH)) == Code.ROOM_NOT_LOGGED_IN
    assert "late" not in await desk.relay_publishes()


@pytest.mark.parametrize(
    ("stream", "code"),
    [("", Code.STREAM_ID_EMPTY), ("x" * 257, Code.STREAM_ID_LONG), ("a b", Code.STREAM_ID_CHARACTERS)],
)
async def test_limits(desk: Desk, stream: str, code: Code) -> None:
    ann = await desk.join("limits", "ann5")
    assert await ann.refused(cmd.Publish(ann.session, stream, PUBLISH, BOTH)) == code
    assert (
        await ann.refused(cmd.Publish(ann.session, "ok", PUBLISH, BOTH, extra_info="x" * 1025))
        == Code.STREAM_EXTRA_LONG
    )
    assert await ann.refused(cmd.Publish(ann.session, "ok", "junk", BOTH)) == Code.PARAMETER
    assert await ann.refused(cmd.Publish("another", "ok", PUBLISH, BOTH)) == Code.FORBIDDEN


async def test_a_refused_offer_leaves_the_stream_id_free(desk: Desk) -> None:
    ann, bob = await desk.join("free", "ann6"), await desk.join("free", "bob6")
    assert await ann.refused(cmd.Publish(ann.session, "freed", "v=0", BOTH)) == Code.PARAMETER
    await bob.publish("freed")


async def test_a_leaver_s_streams_and_plays_end(desk: Desk) -> None:
    ann, bob = await desk.join("leave", "ann7"), await desk.join("leave", "bob7")
    await ann.publish("l1")
    await bob.publish("l2")
    await ann.play("l2")
    await ann.ask(cmd.LeaveRoom(ann.session), "room")
    (removed,) = await desk.wait_for("removed", "leave")
    assert (removed["streamID"], removed["code"]) == ("l1", 1)
    (stopped,) = await desk.wait_for("play_stopped", "leave")
    assert stopped["reason"] == "left"
    await no_transports_of(desk, ann)
    await bob.publish("l1")


async def test_the_same_user_elsewhere_may_publish_the_same_id_at_once(desk: Desk) -> None:
    await desk.join("again", "watcher")
    first = await desk.join("again", "ann8")
    await first.publish("mine")
    second = await desk.join("again", "ann8")
    await second.publish("mine")
    (removed,) = await desk.wait_for("removed", "again")
    assert removed["code"] == 3
    assert [a["sessionID"] for a in await desk.wait_for("added", "again", 2)] == [first.session, second.session]
    await no_transports_of(desk, first)


async def test_a_room_closes_behind_the_removal_of_its_streams(desk: Desk) -> None:
    ann, bob = await desk.join("bye", "ann11"), await desk.join("bye", "bob11")
    for user, stream in ((ann, "bye1"), (ann, "bye2"), (bob, "bye3")):
        await user.publish(stream)
    for user in (ann, bob):
        await user.ask(cmd.LeaveRoom(user.session), "room")
    life = await desk.whole_life("bye")
    assert life[3:6] == ["stream.added"] * 3
    assert sorted(life[6:-1]) == ["room.user_left"] * 2 + ["stream.removed"] * 3
    assert life[-1] == "room.closed"


async def test_a_closed_room_frees_its_stream_ids(desk: Desk) -> None:
    ann = await desk.join("shut", "ann9")
    await ann.publish("shut1")
    await desk.bus.ask(APP, "room", "shut", "close", Request(str(uuid4()), Caller(kind="operator"), cmd.CloseRoom()))
    await no_transports_of(desk, ann)
    bob = await desk.join("other", "bob9")
    await bob.publish("shut1")


async def test_one_session_may_play_a_stream_on_transports_of_their_own(desk: Desk) -> None:
    ann = await desk.join("whep", "ann10")
    await ann.publish("w1")
    one, two = await ann.play("w1", resource="a"), await ann.play("w1", resource="b")
    assert one.transport_id != two.transport_id
    await ann.ask(cmd.StopPlay(ann.session, "w1", one.transport_id))
    (stopped,) = await desk.wait_for("play_stopped", "whep")
    assert stopped["remaining"] == 1
    assert one.transport_id not in await desk.transports()
    assert two.transport_id in await desk.transports()


async def test_another_session_s_transport_is_not_found(desk: Desk) -> None:
    ann, bob = await desk.join("steal", "ann11"), await desk.join("steal", "bob11")
    made = await ann.publish("st1")
    assert await bob.refused(cmd.RestartIce(bob.session, made.transport_id, PUBLISH)) == Code.NOT_FOUND
    assert await bob.refused(cmd.Publish(bob.session, "st2", PUBLISH, BOTH, made.transport_id)) == Code.NOT_FOUND


async def test_a_transport_that_is_gone_ends_its_stream_after_the_grace(running: Any, environment: Any) -> None:
    lost = {"PARLOUR_RELAY_CONNECT_TIMEOUT_S": "1", "PARLOUR_REGISTRY_REPUBLISH_GRACE_S": "0.3"}
    async with a_desk(running, environment, **lost) as desk:
        ann = await desk.join("lost", "ann12")
        await ann.publish("gone1")
        (removed,) = await desk.wait_for("removed", "lost")
        assert (removed["streamID"], removed["code"]) == ("gone1", 5)
        await ann.publish("gone1")


async def test_a_stream_published_anew_within_the_grace_stays(running: Any, environment: Any) -> None:
    lost = {"PARLOUR_RELAY_CONNECT_TIMEOUT_S": "1", "PARLOUR_REGISTRY_REPUBLISH_GRACE_S": "0.5"}
    async with a_desk(running, environment, **lost) as desk:
        ann = await desk.join("kept", "ann13")
        first = await ann.publish("kept1")
        await no_transports_of(desk, ann)
        second = await ann.publish("kept1")
        (removed,) = await desk.wait_for("removed", "kept")
        assert second.transport_id != first.transport_id
        assert len(desk.of("updated", "kept")) == 1
        assert removed["code"] == 5, "the second transport never connected either"


async def no_transports_of(desk: Desk, user: User) -> None:
    """The relay holds nothing of a session any more."""

    async def none_left() -> bool:
        return not any(t.owner == user.session for t in (await desk.transports()).values())

    await eventually(none_left)


async def eventually(true: Callable[[], Awaitable[bool]], within_s: float = 10) -> None:
    """Asks again until it is so: a relay's table has no event to wait for."""
    async with asyncio.timeout(within_s):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_relay_that_dies_without_a_word_loses_its_streams(
    running: Any, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parlour.registry.domain import nodes

    monkeypatch.setattr(nodes, "SILENT_S", 3.0)  # fifteen heartbeats: no hiccup of a busy machine is that long
    environ = {**os.environ, **environment("relay"), "PARLOUR_RELAY_NODE": NODE, "PARLOUR_RELAY_BIND": "127.0.0.1"}
    environ["PARLOUR_RELAY_HEARTBEAT_S"] = "0.2"
    node = await asyncio.create_subprocess_exec(sys.executable, "-m", "parlour.relay", env=environ)
    try:
        async with (
            running("room", "registry", PARLOUR_REGISTRY_REPUBLISH_GRACE_S="0.2"),
            await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
        ):
            desk = Desk(bus)
            await bus.subscribe(subjects.ALL_EVENTS, desk.hear)
            await node_is_up(desk)
            ann, bob = await desk.join("died", "ann14"), await desk.join("died", "bob14")
            await ann.publish("died1")
            await bob.play("died1")
            node.kill()
            (stopped,) = await desk.wait_for("play_stopped", "died")
            assert stopped["reason"] == "disconnected"
            (removed,) = await desk.wait_for("removed", "died")
            assert removed["code"] == 5
            assert await ann.refused(cmd.Publish(ann.session, "died1", PUBLISH, BOTH)) == Code.RELAY_UNAVAILABLE
    finally:
        if node.returncode is None:
            node.kill()
        await node.wait()
