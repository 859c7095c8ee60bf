"""Two gateways in front of real services: login, events, resume here and there, kicks, limits, and what never leaks."""

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from parlour.cli.embedded.launch import free_port
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Caller, Request
from parlour.contracts.queries import Head, HeadQuery
from parlour.gateway.settings import GatewaySettings
from parlour.gateway.wiring import build
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.client import Frame, RawClient, Refusal

APP = 4711
KEY = secrets.token_hex(32)
pytestmark = pytest.mark.asyncio(loop_scope="module")


class House:
    """All services and two gateways; tokens on request."""

    def __init__(self, bus: Bus, urls: list[str]) -> None:
        self.bus = bus
        self.urls = urls
        self.clients: list[RawClient] = []

    async def operator(self, service: str, room: str, body: cmd.AnyCommand, app: int = APP) -> dict[str, Any]:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        reply = await self.bus.ask(app, service, room, verb, Request(str(uuid4()), Caller(kind="operator"), body))
        return json.loads(bytes(reply.result) or b"null") or {}

    async def token(self, user: str, room: str = "") -> str:
        return str((await self.operator("auth", "", cmd.IssueToken(user, room)))["token"])

    async def events_of(self, room: str) -> int:
        """How many events stand in the record; 0 for a room that was never opened."""
        return (await self.bus.request(subjects.query(APP, room, "head"), HeadQuery(), Head, 5)).seq

    async def open(self, gateway: int = 0) -> RawClient:
        client = await RawClient.open(self.urls[gateway])
        self.clients.append(client)
        return client

    async def login(self, room: str, user: str, gateway: int = 0, **config: Any) -> tuple[RawClient, Frame]:
        client = await self.open(gateway)
        return client, await client.login(APP, room, user, await self.token(user), **config)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(running: Any, environment: Any) -> AsyncIterator[House]:
    ports = [free_port(), free_port()]
    own = {"PARLOUR_GATEWAY_SESSION_KEY": KEY, "PARLOUR_GATEWAY_DEFAULT_APP": str(APP)}
    gateways = [load(GatewaySettings, environment("gateway") | own | {"PARLOUR_GATEWAY_PORT": str(p)}) for p in ports]
    async with (
        running("auth", "room", "registry", "im", "record", PARLOUR_IM_COMMAND_MANY_PER_S="10000"),
        build(gateways[0]),
        build(gateways[1]),
        await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
    ):
        made = House(bus, [f"http://127.0.0.1:{port}" for port in ports])
        await made.operator("auth", "", cmd.CreateApp(APP, "test"), app=0)
        yield made
        for client in made.clients:
            await client.close()


def seqs(client: RawClient, room: str, start: int = 0) -> list[int]:
    """The numbers that a client's frames cover, in the order of arrival."""
    found: list[int] = []
    for frame in client.frames[start:]:
        if frame.get("roomID") != room:
            continue
        if frame["t"] == "ev":
            found.append(int(frame["seq"]))
        elif frame["t"] == "skip":
            found.extend(range(int(frame["from"]), int(frame["to"]) + 1))
    return found


def seq_of(position: str) -> int:
    return int(position.split(".")[1])


def last_position(client: RawClient, room: str, answer: Frame) -> str:
    held = [str(f["pos"]) for f in client.frames if f.get("roomID") == room and "pos" in f]
    return held[-1] if held else str(answer["position"])


def message(text: str) -> Any:
    return lambda frame: frame["t"] == "ev" and frame["data"].get("text") == text


async def test_lists_as_of_the_position_and_nothing_falls_between(house: House) -> None:
    """Thirty people come at once through two gateways: each sees each of the others exactly once, in the list or as an event."""
    users = [f"crowd{n}" for n in range(30)]
    logins = await asyncio.gather(*(house.login("crowd", user, n % 2) for n, user in enumerate(users)))
    last = max(seq_of(answer["position"]) for _, answer in logins)
    for (client, answer), user in zip(logins, users, strict=True):
        start = seq_of(answer["position"])
        if start < last:
            await client.wait_for(
                lambda f: f["t"] in ("ev", "skip") and f.get("roomID") == "crowd" and seq_of(f["pos"]) >= last
            )
        assert seqs(client, "crowd")[: last - start] == list(range(start + 1, last + 1))
        listed = [entry["userID"] for entry in answer["users"]]
        came = [f["data"]["userID"] for f in client.frames if f.get("type") == "room.user_joined.v1"]
        assert sorted(listed + came) == sorted(set(users) - {user})


async def test_messages_of_three_kinds(house: House) -> None:
    (ann, _), (bob, _), (eve, _) = [
        await house.login("talk", user, n % 2) for n, user in enumerate(["ann", "bob", "eve"])
    ]
    sent = await ann.ask("broadcast", roomID="talk", message="hello")
    barrage = await ann.ask("barrage", roomID="talk", message="whee")
    assert isinstance(sent["messageID"], int)
    assert isinstance(barrage["messageID"], str)
    signalled = await ann.ask("command", roomID="talk", command="psst", toUserIDs=["bob", "nobody"])
    assert signalled["absent"] == ["nobody"]
    heard = await bob.wait_for(message("psst"))
    assert heard["user"] == {"userID": "ann", "userName": "ann"}
    await eve.wait_for(lambda f: f["t"] == "skip" and f["to"] == heard["seq"])
    assert not [f for f in eve.frames if "psst" in json.dumps(f)]
    assert (await bob.wait_for(message("hello")))["seq"] == sent["messageID"]


async def test_the_same_login_again_is_the_same_session(house: House) -> None:
    first, command_id, token = await house.open(), str(uuid4()), await house.token("rep")
    one = await first.login(APP, "rep", "rep", token, command_id=command_id)
    second = await house.open()
    two = await second.login(APP, "rep", "rep", token, command_id=command_id)
    assert one["sessionID"].split(".")[0] == two["sessionID"].split(".")[0]
    assert await first.closed() == 4409
    assert two["users"] == []


async def test_resume_on_the_same_gateway_brings_exactly_what_was_missed(house: House) -> None:
    (ann, _), (bob, answer) = await house.login("res1", "ann"), await house.login("res1", "bob")
    await ann.ask("broadcast", roomID="res1", message="before")
    await bob.wait_for(message("before"))
    held = last_position(bob, "res1", answer)
    await bob.close()
    for n in range(3):
        await ann.ask("barrage", roomID="res1", message=f"missed {n}")
    back = await house.open()
    resumed = await back.ask("resume", sessionID=answer["sessionID"], rooms={"res1": held})
    assert resumed["rooms"] == {"res1": "tail"}
    await back.wait_for(lambda f: f["t"] == "live")
    await ann.ask("barrage", roomID="res1", message="after")
    await back.wait_for(message("after"))
    assert seqs(back, "res1") == list(range(seq_of(held) + 1, seq_of(held) + 5))
    assert not [f for f in ann.frames if f.get("type") in ("room.user_left.v1", "room.user_joined.v1") and f["seq"] > 3]


@pytest.mark.parametrize("missed", [3, 300])
async def test_resume_on_another_gateway(house: House, missed: int) -> None:
    """Within the ring's reach, and beyond it from the record."""
    room = f"res2-{missed}"
    ann, _ = await house.login(room, f"ann{missed}")
    bob, answer = await house.login(room, f"bob{missed}")
    held = last_position(bob, room, answer)
    await bob.close()
    for _ in range(missed // 3):
        texts = [str(uuid4()) for _ in range(3)]
        await asyncio.gather(*(ann.ask("command", roomID=room, command=text, toUserIDs=[]) for text in texts))
    back = await house.open(1)
    await back.ask("resume", sessionID=answer["sessionID"], rooms={room: held})
    live = await back.wait_for(lambda f: f["t"] == "live")
    assert seqs(back, room) == list(range(seq_of(held) + 1, seq_of(live["pos"]) + 1))
    assert len(seqs(back, room)) >= missed, "and perhaps that the client was away"


async def test_a_frame_may_ask_for_the_room_it_knows(house: House) -> None:
    """Of two that know the same room one is done, whichever services decide them; what was done stays done when it is repeated."""
    (ann, answer), command_id = await house.login("ifseq", "ann-i"), str(uuid4())
    seq = seq_of(answer["position"])
    asks = [
        ann.ask("broadcast", roomID="ifseq", message="mine", ifSeq=seq),
        ann.ask("roomExtraInfo", roomID="ifseq", key="k", value="v", ifSeq=seq),
    ]
    outcomes = await asyncio.gather(*asks, return_exceptions=True)
    (refused,) = [one for one in outcomes if isinstance(one, Refusal)]
    assert (refused.code, refused.error["field"], refused.error["limit"]) == (Code.RESYNC_NEEDED, "ifSeq", str(seq + 1))
    for _ in range(2):
        sent = await ann.ask("command", command_id=command_id, roomID="ifseq", command="x", toUserIDs=[], ifSeq=seq + 1)
        assert sent["ok"]
    assert await house.events_of("ifseq") == seq + 2


async def test_who_does_not_read_holds_up_nobody_and_gets_everything_when_it_reads(house: House) -> None:
    """Beyond its window, and further back than the gateway remembers."""
    senders = [(await house.login("slow", f"ann{n}"))[0] for n in range(3)]
    quick, _ = await house.login("slow", "carl")
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    small.connect(("127.0.0.1", int(house.urls[0].rpartition(":")[2])))
    connection = await connect("ws://gateway/ws", sock=small, max_size=1 << 20)
    slow = RawClient(connection)
    house.clients.append(slow)
    answer = await slow.login(APP, "slow", "bob", await house.token("bob"))
    connection.transport.pause_reading()
    held = seq_of(last_position(slow, "slow", answer))
    for _ in range(10):
        asks = (
            ann.ask("command", roomID="slow", command="x" * 1000, toUserIDs=[]) for ann in senders for _ in range(30)
        )
        await asyncio.gather(*asks)
    last = held + 900
    await quick.wait_for(lambda f: f["t"] == "ev" and f["seq"] == last)
    received = len(slow.frames)
    connection.transport.resume_reading()
    live = await slow.wait_for(lambda f: f["t"] == "live")
    assert received < 450, "most was never sent to it while it did not read"
    assert seq_of(live["pos"]) >= last
    assert seqs(slow, "slow")[-900:] == list(range(last - 899, last + 1))
    await senders[0].ask("command", roomID="slow", command="live again", toUserIDs=[])
    await slow.wait_for(lambda f: f["t"] == "ev" and f["data"].get("text") == "live again")


async def test_another_history_is_not_continued(house: House) -> None:
    client, answer = await house.login("div", "ann-d")
    uid, seq, hash8 = str(answer["position"]).split(".")
    wrong = f"{uid}.{seq}.{'0' * 15}{'1' if hash8[-1] != '1' else '2'}"
    resumed = await client.ask("resume", sessionID=answer["sessionID"], rooms={"div": wrong})
    assert resumed["rooms"] == {"div": "snapshot"}
    await client.wait_for(lambda f: f["t"] == "resync" and f["reason"] == "diverged")
    snap = await client.wait_for(lambda f: f["t"] == "snap")
    assert snap["pos"] == answer["position"]


async def test_far_behind_is_a_snapshot(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from parlour.gateway.app.requests import resume

    monkeypatch.setattr(resume, "RESUME_EVENTS", 5)
    ann, _ = await house.login("far", "ann-f")
    bob, answer = await house.login("far", "bob-f")
    await bob.close()
    for _ in range(280 // 20):
        await asyncio.gather(*(ann.ask("command", roomID="far", command="x", toUserIDs=[]) for _ in range(20)))
    back = await house.open()
    resumed = await back.ask("resume", sessionID=answer["sessionID"], rooms={"far": answer["position"]})
    assert resumed["rooms"] == {"far": "snapshot"}
    snap = await back.wait_for(lambda f: f["t"] == "snap")
    assert [user["userID"] for user in snap["users"]] == ["ann-f"]


async def test_login_elsewhere_kicks_and_the_kicked_client_may_not_just_resume(house: House) -> None:
    watcher, _ = await house.login("kick", "eve-k")
    first, answer = await house.login("kick", "ann-k")
    second, _ = await house.login("other-room", "ann-k", 1)
    end = await first.wait_for(lambda f: f["t"] == "end")
    assert (end["roomID"], end["code"]) == ("kick", 1002050)
    assert not [f for f in first.frames if f.get("type") == "room.user_kicked.v1"]
    await watcher.wait_for(lambda f: f.get("type") == "room.user_kicked.v1" and f["user"]["userID"] == "ann-k")
    with pytest.raises(Refusal) as refused:
        await first.ask("broadcast", roomID="kick", message="still here?")
    assert refused.value.code == Code.ROOM_NOT_LOGGED_IN
    back = await house.open(1)
    with pytest.raises(Refusal) as over:
        await back.ask("resume", sessionID=answer["sessionID"], rooms={"kick": answer["position"]})
    assert over.value.code == 1002050
    assert (await back.wait_for(lambda f: f["t"] == "end"))["code"] == 1002050
    await second.ask("ping")


async def test_logout_is_seen_by_others_and_not_by_oneself(house: House) -> None:
    (ann, _), (bob, answer) = await house.login("out", "ann-o"), await house.login("out", "bob-o")
    await bob.ask("logout", roomID="out")
    left = await ann.wait_for(lambda f: f.get("type") == "room.user_left.v1")
    assert left["user"] == {"userID": "bob-o", "userName": "bob-o"}
    await bob.ask("ping")
    assert not [f for f in bob.frames if f["t"] in ("ev", "end")]
    with pytest.raises(Refusal) as gone:
        await bob.ask("resume", sessionID=answer["sessionID"], rooms={"out": answer["position"]})
    assert gone.value.code == Code.SESSION_UNKNOWN


async def test_who_says_logout_and_closes_in_one_breath_has_left(house: House) -> None:
    ann, _ = await house.login("breath", "ann-b")
    bob, _ = await house.login("breath", "bob-b")
    wire: Any = bob._socket
    wire.protocol.send_text(json.dumps({"t": "logout", "id": str(uuid4()), "roomID": "breath"}).encode())
    wire.protocol.send_close(1001)
    wire.transport.write(b"".join(wire.protocol.data_to_send()))
    left = await ann.wait_for(lambda f: f.get("type") == "room.user_left.v1")
    assert left["user"]["userID"] == "bob-b"


async def test_who_leaves_and_closes_while_its_login_is_under_way_has_left(house: House) -> None:
    ann, _ = await house.login("hurry", "ann-h")
    for number in range(5):
        user = f"bob-h{number}"
        token, bob = await house.token(user), await house.open()
        wire: Any = bob._socket
        login = {
            "t": "login",
            "id": str(uuid4()),
            "appID": APP,
            "roomID": "hurry",
            "user": {"userID": user},
            "token": token,
        }
        for frame in (login, {"t": "logout", "id": str(uuid4()), "roomID": "hurry"}):
            wire.protocol.send_text(json.dumps(frame).encode())
        wire.protocol.send_close(1001)
        wire.transport.write(b"".join(wire.protocol.data_to_send()))
        left = await ann.wait_for(
            lambda f, user=user: f.get("type") == "room.user_left.v1" and f["user"]["userID"] == user
        )
        assert left["user"]["userID"] == user


async def test_the_server_closes_a_room(house: House) -> None:
    ann, _ = await house.login("shut", "ann-s")
    await house.operator("room", "shut", cmd.CloseRoom())
    assert (await ann.wait_for(lambda f: f["t"] == "end"))["code"] == 1002055
    again = await ann.login(APP, "shut", "ann-s", await house.token("ann-s"))
    assert again["users"] == []


async def test_several_rooms_in_one_session(house: House) -> None:
    client, token = await house.open(), await house.token("multi")
    user = {"userID": "multi"}
    ask: dict[str, Any] = {"appID": APP, "token": token, "user": user}
    one = await client.ask("login", **ask, roomID="m1", multiRoom=True)
    two = await client.ask("login", **ask, roomID="m2", multiRoom=True)
    assert one["sessionID"].split(".")[0] == two["sessionID"].split(".")[0]
    with pytest.raises(Refusal) as single:
        await client.ask("login", **ask, roomID="m3")
    assert single.value.code == Code.TOO_MANY_ROOMS
    somebody: dict[str, Any] = {**ask, "user": {"userID": "else"}, "token": await house.token("else")}
    with pytest.raises(Refusal) as different:
        await client.ask("login", **somebody, roomID="m3", multiRoom=True)
    assert different.value.code == Code.MULTI_ROOM_USER
    assert await house.events_of("m3") == 0
    await client.close()
    back = await house.open(1)
    positions = {"m1": one["position"], "m2": two["position"]}
    resumed = await back.ask("resume", sessionID=two["sessionID"], rooms=positions)
    assert resumed["rooms"] == {"m1": "tail", "m2": "tail"}


async def test_rooms_do_not_see_each_other(house: House) -> None:
    (ann, _), (bob, _) = await house.login("apart1", "ann-a"), await house.login("apart2", "bob-a")
    await ann.ask("broadcast", roomID="apart1", message="secret")
    with pytest.raises(Refusal):
        await bob.ask("broadcast", roomID="apart1", message="intruding")
    await bob.ask("broadcast", roomID="apart2", message="own")
    await bob.wait_for(message("own"))
    assert {f["roomID"] for f in bob.frames if "roomID" in f} == {"apart2"}


@pytest.mark.parametrize("secret", ["", "x", "a.b.c", "x" * 20_000])
async def test_junk_is_no_session(house: House, secret: str) -> None:
    client = await house.open()
    with pytest.raises(Refusal) as refused:
        await client.ask("resume", sessionID=secret, rooms={})
    assert refused.value.code == Code.SESSION_UNKNOWN


async def test_tokens(house: House) -> None:
    client = await house.open()
    with pytest.raises(Refusal) as junk:
        await client.login(APP, "tok", "ann", "04junk")
    assert junk.value.code == Code.TOKEN_FORMAT
    with pytest.raises(Refusal) as stolen:
        await client.login(APP, "tok", "bob", await house.token("ann"))
    assert stolen.value.code == Code.TOKEN_REFUSED
    with pytest.raises(Refusal) as elsewhere:
        await client.login(APP, "tok", "ann", await house.token("ann", "another"))
    assert elsewhere.value.code == Code.TOKEN_REFUSED
    assert await house.events_of("tok") == 0, "what is refused appends nothing"
    await client.login(APP, "tok", "ann", await house.token("ann", "tok"))
    renewed = await client.ask("renewToken", roomID="tok", token=await house.token("ann", "tok"))
    assert renewed["tokenExpiresIn"] > 3600


async def test_frames_that_break_the_protocol(house: House) -> None:
    client = await house.open()
    with pytest.raises(Refusal) as early:
        await client.ask("broadcast", roomID="r", message="x")
    assert early.value.code == Code.SESSION_UNKNOWN
    with pytest.raises(Refusal) as unknown:
        await client.ask("dance")
    assert unknown.value.code == Code.FRAME_TYPE_UNKNOWN
    for text in ("{", "[]", '{"t":"ping","t":"ping"}', '{"t":"ping"}'):
        await client.send_text(text)
    await client.ask("ping")
    errors = [f for f in client.frames if f["t"] == "error"]
    assert [f["error"]["code"] for f in errors] == [Code.FRAME_INVALID] * 4
    await client.send_text("x" * 70_000)
    assert await client.closed() == 1009


async def test_limits_of_ids_come_with_the_vendor_s_codes(house: House) -> None:
    client, token = await house.open(), await house.token("lim")
    for room, user, code in [
        ("", "lim", Code.ROOM_ID_EMPTY), ("r" * 129, "lim", Code.ROOM_ID_LONG), ("a%b", "lim", Code.ROOM_ID_CHARACTERS),
        ("r", "", Code.USER_ID_EMPTY), ("r", "u" * 65, Code.USER_ID_LONG), ("r", "u u", Code.USER_ID_CHARACTERS),
    ]:  # fmt: skip
        with pytest.raises(Refusal) as refused:
            await client.login(APP, room, user, token)
        assert refused.value.code == code
    assert await house.events_of("r") == 0, "what is refused appends nothing"
    with pytest.raises(Refusal) as app:
        await client.login(0, "r", "lim", token)
    assert app.value.code == Code.APP_ID


async def test_too_many_frames_are_refused_by_id(house: House) -> None:
    client = await house.open()
    results = await asyncio.gather(*(client.ask("ping") for _ in range(600)), return_exceptions=True)
    codes = {r.code for r in results if isinstance(r, Refusal)}
    assert codes == {Code.RATE_LIMITED}
    assert sum(isinstance(r, dict) for r in results) >= 400


async def test_the_head_count_of_a_full_room(house: House) -> None:
    await house.login("full", "ann-c", maxMemberCount=1)
    with pytest.raises(Refusal) as full:
        await house.login("full", "bob-c")
    assert full.value.code == Code.ROOM_FULL


async def test_http(house: House) -> None:
    import aiohttp

    async with aiohttp.ClientSession(house.urls[0]) as http:
        async with http.get("/healthz") as health:
            assert health.status == 200
        async with http.post("/v1/dev/token", json={"userID": "ann"}) as refused:
            assert refused.status == 404
            assert refused.content_type == "application/problem+json"
        async with http.get("/v1/status") as status:
            names = {service["name"] for service in (await status.json())["services"]}
            assert {"auth", "room", "registry", "im", "record", "gateway"} <= names
        async with http.get("/nowhere", headers={"accept": "text/html,*/*"}) as page:
            assert (page.status, page.content_type) == (404, "text/html")
        async with http.get("/nowhere") as refused:
            assert (refused.status, refused.content_type) == (404, "application/problem+json")
        async with http.get("/sdk/../../secrets") as escape:
            assert escape.status == 404
        for method, path in [("POST", "/whip/s"), ("DELETE", "/whip/resource/none")]:
            async with http.request(method, path, data="v=0", headers={"content-type": "application/sdp"}) as no_token:
                assert no_token.status == 401


async def test_origins(environment: Any, house: House) -> None:
    port = free_port()
    own = {"PARLOUR_GATEWAY_PORT": str(port), "PARLOUR_GATEWAY_ORIGINS": "https://good.example"}
    async with build(load(GatewaySettings, environment("gateway") | own)):
        url = f"ws://127.0.0.1:{port}/any/path"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, origin=cast(Any, "https://evil.example"))
        assert refused.value.response.status_code == 403
        async with connect(url, origin=cast(Any, "https://good.example")):
            pass


async def test_a_gateway_that_stops_sends_its_clients_elsewhere(environment: Any, house: House) -> None:
    port = free_port()
    own = {"PARLOUR_GATEWAY_PORT": str(port), "PARLOUR_GATEWAY_SESSION_KEY": KEY}
    async with build(load(GatewaySettings, environment("gateway") | own)):
        client = await RawClient.open(f"http://127.0.0.1:{port}")
        answer = await client.login(APP, "move", "ann-m", await house.token("ann-m"))
    assert await client.closed() == 1012
    assert [f["t"] for f in client.frames][-1] == "bye"
    back = await house.open()
    resumed = await back.ask("resume", sessionID=answer["sessionID"], rooms={"move": answer["position"]})
    assert resumed["rooms"] == {"move": "tail"}
