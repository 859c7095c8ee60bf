"""Requests of one connection: lanes, limits, and exactly one answer for each."""

import asyncio
import json
import time
from typing import Any, get_args
from uuid import uuid4

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.gateway.app.delivery.subscriptions import ConnectionSubscriptions, Subscriptions
from parlour.gateway.app.requests import room_requests
from parlour.gateway.app.requests.dispatch import REQUESTS_AT_ONCE, RequestDispatcher
from parlour.gateway.app.requests.frame_metrics import FrameMetrics
from parlour.gateway.app.requests.login import LoginHandler, Timing
from parlour.gateway.app.requests.room_requests import RoomRequestHandler
from parlour.gateway.app.sessions.session import RoomMember, Session, SessionTable
from parlour.gateway.domain.encoded_event import StayEnd
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.session_secret import Rights
from parlour.gateway.domain.token_bucket import TokenBucket
from parlour.gateway.domain.turn_credentials import TurnServers
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemClock
from parlour.runtime.telemetry.metrics import Metrics

FAR = 4_000_000_000


class DispatchHarness:
    """Services that answer when the test says so; a channel that keeps what it is given."""

    address = "192.0.2.1"

    def __init__(self) -> None:
        self.asked: list[cmd.AnyCommand] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.frames: list[dict[str, Any]] = []
        self.errors: list[BaseException] = []
        self.news = asyncio.Event()
        self.metrics = Metrics("test")
        nothing: Any = None
        clock = SystemClock()
        logins = LoginHandler(self, nothing, SessionTable(), bytes(32), Timing(1, 1), TurnServers(), nothing, clock)
        requests = RoomRequestHandler(self, logins, clock)
        following = ConnectionSubscriptions(Subscriptions(nothing, nothing, nothing, self.errors.append), self)
        self.dispatch = RequestDispatcher(
            self,
            nothing,
            nothing,
            requests,
            SessionTable(),
            following,
            TokenBucket(1e6, 1e6, 0.0),
            FrameMetrics(self.metrics, time.monotonic),
            self.errors.append,
            clock,
        )
        self.session = self.dispatch.session = Session("s-ann", 1, client.UserRef("ann"))
        self.session.channel = self
        self.session.rooms["r"] = RoomMember(self.session, "r", "actor-ann")
        self.session.rights["r"] = Rights(FAR)

    async def ask(self, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        verb = str(request.body.__struct_config__.tag)
        if verb in self.gates:
            await self.gates[verb].wait()
        self.asked.append(request.body)
        match request.body:
            case cmd.SendBroadcast(text="boom"):
                raise RuntimeError("a fault of ours")
            case cmd.SendBroadcast(text="no"):
                raise Rejection(Code.MESSAGE_RATE, "too fast")
            case cmd.SendBroadcast() | cmd.SendBarrage() | cmd.SendCommand():
                return cmd.Reply(raw(cmd.MessageSent(len(self.asked))))
            case cmd.Publish() | cmd.Play() | cmd.RestartIce():
                return cmd.Reply(raw(cmd.Published("t1", "v=0", "n1")))
            case _:
                return cmd.Reply()

    def put(self, text: str, *more: str) -> None:
        self.frames += map(json.loads, (text, *more))
        self.news.set()

    def deliver(self, batch: FrameBatch) -> bool:
        raise AssertionError("no events here")

    async def wait_writable(self) -> bool:
        return True

    def close(self, code: int, reason: str) -> None: ...

    async def says(self, kind: str, **fields: Any) -> str:
        question = str(uuid4())
        await self.dispatch.handle_frame(json.dumps({"t": kind, "id": question, "roomID": "r", **fields}))
        return question

    async def answers(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(5):
            while len(self.frames) < count:
                self.news.clear()
                await self.news.wait()
        return self.frames


def raw(result: Any) -> Any:
    import msgspec

    return msgspec.Raw(msgspec.json.encode(result))


async def test_messages_keep_their_order_and_overtake_an_offer_under_way() -> None:
    harness = DispatchHarness()
    harness.gates["registry.publish"] = asyncio.Event()
    offered = await harness.says("publish", streamID="s", sdp="v=0", media={"audioMid": "0"})
    said = [await harness.says("broadcast", message=str(n)) for n in range(5)]
    frames = await harness.answers(5)
    assert [f["id"] for f in frames] == said
    assert [body.text for body in harness.asked if isinstance(body, cmd.SendBroadcast)] == list("01234")
    harness.gates["registry.publish"].set()
    assert (await harness.answers(6))[5]["id"] == offered


async def test_offers_of_one_transport_take_turns() -> None:
    harness = DispatchHarness()
    harness.gates["registry.publish"] = asyncio.Event()
    await harness.says("publish", streamID="s", sdp="v=0", media={})
    await harness.says("stopPublish", streamID="s")
    await asyncio.sleep(0)
    assert harness.asked == []
    harness.gates["registry.publish"].set()
    await harness.answers(2)
    assert [type(body) for body in harness.asked] == [cmd.Publish, cmd.StopPublish]


async def test_frames_are_counted_by_what_came_of_them() -> None:
    harness = DispatchHarness()
    for message in ("no", "boom", "fine"):
        await harness.says("broadcast", message=message)
    await harness.dispatch.handle_frame("{")
    await harness.answers(4)
    counted = {
        (sample.labels["frame"], sample.labels["outcome"])
        for family in harness.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "parlour_frames_total" and sample.value == 1
    }
    assert counted == {
        ("broadcast", "refused"),
        ("broadcast", "failed"),
        ("broadcast", "ok"),
        ("unreadable", "refused"),
    }


async def test_each_question_is_answered_whatever_happens() -> None:
    harness = DispatchHarness()
    await harness.says("broadcast", message="no")
    await harness.says("broadcast", message="boom")
    await harness.says("broadcast", message="fine")
    codes = [f.get("error", {}).get("code") for f in await harness.answers(3)]
    assert codes == [Code.MESSAGE_RATE, Code.SERVER_ERROR, None]
    assert len(harness.errors) == 1


async def test_too_many_open_questions_are_refused() -> None:
    harness = DispatchHarness()
    harness.gates["im.send_broadcast"] = asyncio.Event()
    for _ in range(REQUESTS_AT_ONCE + 3):
        await harness.says("broadcast", message="x")
    frames = await harness.answers(3)
    assert [f["error"]["code"] for f in frames] == [Code.RATE_LIMITED] * 3
    harness.gates["im.send_broadcast"].set()
    await harness.answers(REQUESTS_AT_ONCE + 3)


async def test_a_room_that_the_session_is_not_in() -> None:
    harness = DispatchHarness()
    await harness.says("broadcast", roomID="other", message="x")
    (frame,) = await harness.answers(1)
    assert frame["error"]["code"] == Code.ROOM_NOT_LOGGED_IN
    assert harness.asked == []


async def test_a_logout_may_be_repeated_when_the_stay_is_over() -> None:
    """The first may have been done and answered with "try again": the record was written, its answer got lost."""
    harness = DispatchHarness()
    SessionTable().end_stay(harness.session.rooms["r"], StayEnd("s-ann", 0, "logout"))
    again = await harness.says("logout")
    frames = await harness.answers(1)
    assert (frames[0]["id"], frames[0]["ok"]) == (again, True)
    await harness.says("logout", roomID="never entered")
    await harness.says("broadcast", message="still here?")
    codes = [frame["error"]["code"] for frame in (await harness.answers(3))[1:]]
    assert codes == [Code.ROOM_NOT_LOGGED_IN] * 2
    assert harness.asked == []


async def test_what_the_token_does_not_allow_is_not_asked_for() -> None:
    harness = DispatchHarness()
    for rights, code in [
        (Rights(FAR, may_publish=False), Code.PUBLISH_FORBIDDEN),
        (Rights(FAR, True, ("other",)), Code.PUBLISH_FORBIDDEN),
        (Rights(1), Code.TOKEN_EXPIRED),
    ]:
        harness.session.rights["r"] = rights
        await harness.says("publish", streamID="s", sdp="v=0", media={})
        (frame,) = await harness.answers(1)
        assert frame["error"]["code"] == code
        harness.frames.clear()
    assert harness.asked == []


async def test_the_client_is_told_which_streams_a_lost_transport_carried() -> None:
    from parlour.contracts.relay import TransportGone

    harness = DispatchHarness()
    sessions = SessionTable()
    sessions.add(harness.session)
    await harness.says("publish", streamID="s", sdp="v=0", media={})
    await harness.answers(1)
    sessions.on_transport_gone(TransportGone("n1", "b", 1, "t1", "s-ann", 1, "closed"))
    sessions.on_transport_gone(TransportGone("n1", "b", 2, "t1", "s-ann", 1, "ice_timeout"))
    sessions.on_transport_gone(TransportGone("n1", "b", 3, "t1", "s-ann", 1, "ice_timeout"))
    assert harness.frames[1:] == [{"t": "media", "roomID": "r", "streamID": "s", "transportID": "t1", "state": "gone"}]


def test_every_frame_about_a_room_is_a_command_but_one() -> None:
    frames = set(get_args(client.RoomFrame))
    assert set(room_requests._COMMANDS) == frames - {client.RenewToken}  # pyright: ignore[reportPrivateUsage] the table is tested
