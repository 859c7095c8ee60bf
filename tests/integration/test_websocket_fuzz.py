"""Frames that no client sends, before and after login: each is answered or closes with a code, nothing is a fault, others go on."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from parlour.contracts.codes import Code
from parlour.testkit.client import SUBPROTOCOL, RawClient
from parlour.testkit.harness.fuzzing import LONG, examples, recorded_faults
from parlour.testkit.harness.reading import APP, ReadingHarness, running_reading
from parlour.testkit.hostile import frames

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600 if LONG else 240)]
ROOM = "tea"
CLOSED_BY_US = {1002, 1007, 1009, 4400, 4408}
ANSWERED_WITHIN_S = 10
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
LATER = {int(Code.RELAY_UNAVAILABLE), int(Code.REQUEST_TIMEOUT)}
"""No relay runs here."""


@dataclass
class Room:
    """Two members who must not notice, and what services took for their own faults."""

    reading: ReadingHarness
    speaker: RawClient
    listener: RawClient
    token: str
    faults: list[str]

    async def undisturbed(self) -> None:
        """One says something and the other hears it."""
        said = str(uuid4())
        await self.speaker.ask("command", roomID=ROOM, command=said, toUserIDs=["bob"])
        await self.listener.wait_for(lambda frame: said in json.dumps(frame))
        self.listener.frames.clear()
        self.speaker.frames.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(running: Any, environment: Any) -> AsyncIterator[Room]:
    limits: dict[str, Any] = {"FRAMES_PER_S": "100000", "FRAMES_BURST": "100000", "REFUSED_TOKENS_PER_MIN": "6000"}
    limits["REFUSED_TOKENS_PER_APP"] = "60000"
    with recorded_faults() as faults:
        async with running_reading(running, environment, **limits) as made:
            ann, bob = await made.enter(ROOM, "ann"), await made.enter(ROOM, "bob")
            yield Room(made, ann, bob, await made.member("eve"), faults)


def valid_frames(token: str) -> list[dict[str, Any]]:
    """One of each type that a client sends."""
    named = {"roomID": ROOM}
    stream = {**named, "streamID": "cam"}
    offer = {**stream, "sdp": OFFER, "media": {"audioMid": "0", "videoMid": "1"}}
    bodies: dict[str, dict[str, Any]] = {
        "login": {**named, "appID": APP, "token": token, "user": {"userID": "eve", "userName": "Eve"}, "config": {}},
        "resume": {"sessionID": "x.y", "rooms": {ROOM: "0.0.0"}},
        "ping": {},
        "subscribe": {**named, "token": token, "appID": APP, "after": "", "types": ["room.*"]},
        "unsubscribe": named,
        "logout": named,
        "publish": offer,
        "stopPublish": stream,
        "play": offer,
        "stopPlay": stream,
        "restartIce": {**named, "transportID": str(uuid4()), "sdp": OFFER},
        "streamExtraInfo": {**stream, "extraInfo": "x"},
        "mutes": {**stream, "audio": True, "video": False},
        "roomExtraInfo": {**named, "key": "k", "value": "v"},
        "broadcast": {**named, "message": "hello"},
        "barrage": {**named, "message": "hello"},
        "command": {**named, "command": "hello", "toUserIDs": ["ann"]},
        "renewToken": {**named, "token": token},
    }
    return [{"t": kind, "id": str(uuid4()), **body} for kind, body in bodies.items()]


HERE = "TOKEN"
"""Stands for eve's token, which is made when the services run."""
several = st.lists(frames(valid_frames(HERE)), min_size=1, max_size=12)


@examples(120, 6_000)
@given(sent=several, logged_in=st.booleans())
async def test_every_frame_is_answered_or_closes_with_a_code(room: Room, sent: list[bytes], logged_in: bool) -> None:
    url = room.reading.url.replace("http", "ws", 1)
    async with connect(f"{url}/ws", subprotocols=[SUBPROTOCOL], max_size=None) as socket:  # pyright: ignore[reportArgumentType]
        if logged_in:
            login = next(frame for frame in valid_frames(room.token) if frame["t"] == "login")
            await socket.send(json.dumps({**login, "id": str(uuid4())}))
            await _answers(socket, 1)
        answers = await _exchange(socket, [one.replace(HERE.encode(), room.token.encode()) for one in sent])
        if len(answers) < len(sent):
            assert socket.close_code in CLOSED_BY_US, (socket.close_code, sent)
    for answer in answers:
        problem = answer.get("error")
        assert problem is None or problem["code"] != Code.SERVER_ERROR, (problem, sent)
    assert not room.faults, sent
    await room.undisturbed()


async def _exchange(socket: ClientConnection, sent: list[bytes]) -> list[dict[str, Any]]:
    """Sends all, and gives as many answers, fewer where the gateway closed."""
    try:
        for one in sent:
            await socket.send(one, text=True)
    except ConnectionClosed:
        pass
    return await _answers(socket, len(sent))


async def _answers(socket: ClientConnection, many: int) -> list[dict[str, Any]]:
    """Answers and refusals alone: a room's events come between them."""
    found: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while len(found) < many:
                frame = json.loads(await socket.recv())
                if frame["t"] in {"res", "error"}:
                    found.append(frame)
    except ConnectionClosed:
        pass
    return found
