"""`/v1/calls…` of a gateway in front of real services: what each token sees, and that the answers are the record's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from parlour.cli.embedded.launch import free_port
from parlour.contracts import commands as cmd
from parlour.contracts import history as h
from parlour.contracts.codes import Code
from parlour.contracts.queries import RoomState
from parlour.gateway.settings import GatewaySettings
from parlour.gateway.wiring import build
from parlour.kernel.log import LogKey
from parlour.runtime.settings import load
from parlour.testkit.harness.history import HistoryHarness, running_history
from parlour.testkit.units import APP

pytestmark = pytest.mark.asyncio(loop_scope="module")
OTHER_APP = APP + 1


class House:
    """A gateway's URL, a harness, and tokens on request."""

    def __init__(self, harness: HistoryHarness, url: str, session: aiohttp.ClientSession) -> None:
        self.harness = harness
        self.url = url
        self.session = session

    async def operator(self, body: cmd.AnyCommand, app: int) -> dict[str, Any]:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        request = cmd.Request(str(uuid4()), cmd.Caller(kind="operator"), body)
        reply = await self.harness.bus.ask(app, "auth", "", verb, request)
        return msgspec.json.decode(reply.result)

    async def token(self, room: str = "", scopes: tuple[str, ...] = ("history",), app: int = APP) -> str:
        return (await self.operator(cmd.IssueSubscription(room, scopes=scopes), app))["token"]

    async def get(self, path: str, token: str, **query: Any) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with self.session.get(f"{self.url}/v1/calls{path}", params=query, headers=headers) as answer:
            return answer.status, await answer.read()

    async def good(self, path: str, token: str, kind: type[Any], **query: Any) -> Any:
        status, body = await self.get(path, token, **query)
        assert status == 200, body
        return msgspec.json.decode(body, type=kind)

    async def bad(self, path: str, token: str, **query: Any) -> dict[str, Any]:
        status, body = await self.get(path, token, **query)
        problem = msgspec.json.decode(body)
        assert problem["status"] == status
        return problem


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(running: Any, environment: Any, postgres: str) -> AsyncIterator[House]:
    port = free_port()
    own = {"PARLOUR_GATEWAY_PORT": str(port), "PARLOUR_GATEWAY_SESSION_KEY": "ab" * 32}
    settings = load(GatewaySettings, environment("gateway") | own)
    async with (
        running_history(environment, postgres) as harness,
        running("auth", "record", PARLOUR_RECORD_HISTORY_POLL_MS="20"),
        build(settings),
        aiohttp.ClientSession() as session,
    ):
        made = House(harness, f"http://127.0.0.1:{port}", session)
        for app in (APP, OTHER_APP):
            await made.operator(cmd.CreateApp(app, f"app {app}"), 0)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def call(house: House) -> LogKey:
    """A call of 13 events that is over."""
    key = await house.harness.call(says=3)
    await house.harness.until_known(key)
    return key


async def test_a_call_over_http_is_the_record_s(house: House, call: LogKey) -> None:
    token, uid = await house.token(), str(call.uid)
    calls = await house.good("", token, h.Calls, room=call.room)
    assert calls == await house.harness.calls(call.room)
    assert calls.calls[0].room_uid == uid
    one = await house.good(f"/{uid}", token, h.OneCall)
    assert (one.call, [p.user_id for p in one.participants]) == (calls.calls[0], ["ann", "bob"])
    timeline = await house.good(f"/{uid}/timeline", token, h.Timeline)
    assert timeline == await house.harness.timeline(call)
    first = await house.good(f"/{uid}/timeline", token, h.Timeline, limit=2)
    assert (first.sessions, first.streams) == (timeline.sessions, ())
    rest = await house.good(f"/{uid}/timeline", token, h.Timeline, cursor=first.next)
    assert (rest.sessions, rest.streams, rest.plays) == ((), timeline.streams, timeline.plays)
    views = await house.good(f"/{uid}/views", token, h.Views, stream="cam", user="bob")
    assert views.views == timeline.plays


async def test_state_and_difference_by_number_and_by_time(house: House, call: LogKey) -> None:
    token, path = await house.token(call.room), f"/{call.uid}"
    at_five = await house.good(f"{path}/state", token, RoomState, at=5)
    assert ([u.user_id for u in at_five.users], [s.players for s in at_five.streams]) == (["ann", "bob"], [("sb",)])
    assert await house.good(f"{path}/state", token, RoomState, at=at_five.at) == at_five
    now = await house.good(f"{path}/state", token, RoomState)
    assert (now.seq, now.open, now.messages) == (13, False, 3)
    told = await house.good(f"{path}/diff", token, h.StateDifference, **{"from": 2, "to": 9})
    assert (told.from_seq, told.to_seq, told.messages, told.closed) == (2, 9, 3, False)
    assert [stream.stream_id for stream in told.streams_added] == ["cam"]
    assert ([user.user_id for user in told.left], told.joined) == ([], ())
    back = await house.good(f"{path}/diff", token, h.StateDifference, **{"from": 5, "to": 9})
    assert [user.user_id for user in back.left] == ["bob"]
    ended = await house.good(f"{path}/diff", token, h.StateDifference, **{"from": 9})
    assert ended.closed
    assert ended.stopped == (("cam", "sb"),)


async def test_whom_a_token_does_not_let_in(house: House, call: LogKey) -> None:
    path = f"/{call.uid}"
    foreign = (await house.token("another"), await house.token(app=OTHER_APP))
    for rest in ("", "/timeline", "/views", "/state", "/diff?from=1"):
        for token in foreign:
            never = await house.bad(f"/{uuid4()}{rest}", token)
            assert await house.bad(path + rest, token) == never
            assert never["code"] == Code.NOT_FOUND
        assert (await house.bad(path + rest, ""))["status"] == 401
        assert (await house.bad(path + rest, await house.token(scopes=("events",))))["status"] == 403
    assert (await house.bad("", foreign[0], room=call.room))["status"] == 403
    assert (await house.good("", foreign[0], h.Calls)).calls == ()
    assert (await house.good("", foreign[1], h.Calls, room=call.room)).calls == ()


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("", {"limit": "0"}, "limit"), ("", {"limit": "201"}, "limit"), ("", {"limit": "ten"}, "limit"),
        ("", {"from": "noon"}, "from"), ("", {"cursor": "x"}, "cursor"), ("/nobody", {}, "roomUID"),
        ("/{uid}/timeline", {"cursor": "users.1"}, "cursor"), ("/{uid}/state", {"at": "noon"}, "at"), ("/{uid}/diff", {}, "from"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_named(
    house: House, call: LogKey, path: str, query: dict[str, str], field: str
) -> None:
    problem = await house.bad(path.format(uid=call.uid), await house.token(), **query)
    assert (problem["status"], problem["field"]) == (400, field)


async def test_a_place_that_is_not_there_is_not_waited_for(house: House, call: LogKey) -> None:
    token, path = await house.token(), f"/{call.uid}"
    beyond = await house.bad(path, token, min_pos=f"{call.uid}.99.{'a' * 16}")
    assert (beyond["status"], beyond["field"], beyond["limit"]) == (404, "min_pos", "0..13")
    never = await house.bad(path, token, min_pos=f"{uuid4()}.1.{'a' * 16}")
    foreign = await house.bad(path, await house.token(app=OTHER_APP), min_pos=f"{call.uid}.1.{'a' * 16}")
    assert never == foreign
    assert (await house.bad(path, token, min_pos="x"))["status"] == 400
    other = await house.bad(path, token, min_pos=f"{call.uid}.5.{'a' * 16}")
    assert (other["status"], other["code"], other["field"]) == (409, Code.RESYNC_NEEDED, "min_pos")


async def test_pages_side_by_side(house: House, call: LogKey) -> None:
    token = await house.token()
    pages = await asyncio.gather(*(house.good("", token, h.Calls, user="bob", limit=1) for _ in range(20)))
    assert {page.calls[0].room_uid for page in pages} == {str(call.uid)}


async def test_what_was_just_written_is_in_the_answer(house: House) -> None:
    """Without `min_pos` the tables may be a moment behind; with it they are waited for."""
    token = await house.token()
    for _ in range(5):
        key = await house.harness.call(closes=False)
        head = await house.harness.log.head(key.uid)
        assert head is not None
        place = f"{key.uid}.{head.seq}.{head.hash.hex()[:16]}"
        one = await house.good(f"/{key.uid}", token, h.OneCall, min_pos=place)
        assert one.call.seq == head.seq
        timeline = await house.good(f"/{key.uid}/timeline", token, h.Timeline, min_pos=place)
        assert (timeline.call.seq, [play.reason for play in timeline.plays]) == (head.seq, ["left"])
        views = await house.good(f"/{key.uid}/views", token, h.Views, min_pos=place)
        assert [play.reason for play in views.views] == ["left"], "what its last event says"
        assert (await house.good(f"/{key.uid}/state", token, RoomState, min_pos=place)).seq == head.seq
        difference = await house.good(f"/{key.uid}/diff", token, h.StateDifference, min_pos=place, **{"from": "1"})
        assert difference.to_seq == head.seq
        listed = await house.good("", token, h.Calls, room=key.room, min_pos=place)
        assert listed.calls[0].seq == head.seq
