"""Readers outside, over HTTP in front of real services: pages, long polls and streams; who is refused, and who is cut."""

import asyncio
import csv
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.events import Audience
from parlour.contracts.subjects import encode_id
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.adapters.services import BusServices
from parlour.gateway.app.access.token_verifier import TokenVerifier
from parlour.kernel.rejection import Rejection
from parlour.runtime.postgres import create_pool
from parlour.testkit.harness.reading import OTHER, ReadingHarness, covered, running_reading

CUT_WITHIN_S = 3.0
"""Far above the second that is promised: the machine that runs tests may be slow, and a reader that is not cut never ends."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reading(running: Any, environment: Any) -> AsyncIterator[ReadingHarness]:
    async with running_reading(running, environment, READERS_PER_TOKEN="2", READS_BURST="20", READS_PER_S="1") as made:
        yield made


async def test_pages_cover_the_history_in_every_format(reading: ReadingHarness) -> None:
    room = "a room/with <dots>".replace(" ", "_")
    ann = await reading.enter(room, "ann")
    await ann.ask("broadcast", roomID=room, message="=1+1")
    token, auditor = await reading.subscription(room), await reading.subscription(room, "events", "audit")
    status, headers, whole = await reading.get(room, token)
    assert status == 200
    assert [event["seq"] for event in whole["events"]] == [1, 2, 3]
    assert (whole["more"], whole["skipped"]) == (False, [])
    assert headers["parlour-position"] == whole["next"]
    following, seqs, after = True, list[int](), ""
    while following:
        _, headers, page = await reading.get(room, token, limit="1", after=after)
        seqs += [event["seq"] for event in page["events"]]
        following, after = page["more"], page["next"]
        assert f"after={after}" in headers["link"]
    assert seqs == [1, 2, 3]
    _, _, lines = await reading.get(room, auditor, format="jsonl")
    assert [json.loads(line)["seq"] for line in lines.splitlines()] == [1, 2, 3]
    _, _, batch = await reading.get(room, token, format="cloudevents")
    assert [event["id"].partition(":")[2] for event in batch] == ["1", "2", "3"]
    assert batch[0]["specversion"] == "1.0"
    _, _, text = await reading.get(room, token, format="csv")
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    assert json.loads(rows[2]["data"])["text"] == "=1+1"
    assert rows[2]["position"] == whole["next"]
    _, _, chosen = await reading.get(room, token, types="im,room.opened.v1")
    assert [event["seq"] for event in chosen["events"]] == [1, 3]
    assert [(skip["from"], skip["to"]) for skip in chosen["skipped"]] == [(2, 2)]


async def test_what_is_not_for_a_reader_is_a_skip(reading: ReadingHarness) -> None:
    ann, bob = await reading.enter("sights", "ann"), await reading.enter("sights", "bob")
    cat = await reading.enter("sights", "cat")
    await ann.ask("command", roomID="sights", command="psst", toUserIDs=["bob"])
    await cat.ask("broadcast", roomID="sights", message="all")
    seen = {}
    for reader, token in {
        "bob": await reading.member("bob"),
        "cat": await reading.member("cat"),
        "server": await reading.subscription("sights"),
        "auditor": await reading.subscription("sights", "events", "audit"),
    }.items():
        _, _, page = await reading.get("sights", token)
        seen[reader] = [event["seq"] for event in page["events"]]
        told = sorted([*seen[reader], *(n for s in page["skipped"] for n in range(s["from"], s["to"] + 1))])
        assert told == [1, 2, 3, 4, 5, 6], "no gap is ambiguous"
    assert seen["auditor"] == [1, 2, 3, 4, 5, 6]
    assert seen["server"] == [1, 2, 3, 4, 6]
    assert seen["bob"] == [3, 4, 5, 6], "from its own joining on, and the signal that names it"
    assert seen["cat"] == [4, 6]
    assert bob is not ann


async def test_who_may_read_an_event_is_what_its_type_says_whatever_the_database_says(
    reading: ReadingHarness, postgres: str
) -> None:
    ann = await reading.enter("column", "ann")
    await reading.enter("column", "bob")
    await ann.ask("command", roomID="column", command="psst", toUserIDs=["bob"])
    await ann.ask("broadcast", roomID="column", message="all")
    token = await reading.subscription("column")
    assert await seqs_of(reading, "column", token) == [1, 2, 3, 5]
    room_uid = UUID((await reading.get("column", token))[2]["events"][0]["roomUID"])
    async with await create_pool(postgres, name="owner") as owner:
        for seq, audience in ((4, Audience.MEMBERS), (5, Audience.NAMED)):
            change = "UPDATE parlour.event SET audience = $3 WHERE room_uid = $1 AND seq = $2"
            assert await owner.execute(change, room_uid, seq, int(audience)) == "UPDATE 1"
    assert await seqs_of(reading, "column", token) == [1, 2, 3, 5]


async def seqs_of(reading: ReadingHarness, room: str, token: str) -> list[int]:
    """The numbers of a room's events that a token reads from the record."""
    return [event["seq"] for event in (await reading.get(room, token))[2]["events"]]


async def test_a_stream_goes_on_where_it_was(reading: ReadingHarness) -> None:
    ann = await reading.enter("stream", "ann")
    token = await reading.subscription("stream")
    async with reading.stream("stream", token) as first:
        await ann.ask("broadcast", roomID="stream", message="one")
        seen = await first.until("im.broadcast_sent.v1")
    for text in ("two", "three"):
        await ann.ask("broadcast", roomID="stream", message=text)
    async with reading.stream("stream", token, first.last) as second:
        seen += [await second.next(), await second.next()]
        await ann.ask("broadcast", roomID="stream", message="four")
        seen.append(await second.next())
    assert covered(seen) == [1, 2, 3, 4, 5, 6]
    assert [body["data"]["text"] for _, body in seen[2:]] == ["one", "two", "three", "four"]


async def test_a_service_that_does_not_answer_ends_no_right_to_read(
    reading: ReadingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await reading.enter("silent", "ann")
    token = await reading.subscription("silent")
    ask = BusServices.ask

    async def without_auth(self: BusServices, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        if request.service == "auth":
            raise Rejection(Code.UNAVAILABLE, "auth does not answer", hint="try again")
        return await ask(self, app, room, request)

    verify = TokenVerifier.verify

    async def verify_uncached(self: TokenVerifier, token: str, app: str = "", address: str = "") -> Subscription:
        self._verified.clear()
        return await verify(self, token, app, address)

    async with reading.stream("silent", token) as first:
        seen = await first.until("room.user_joined.v1")
        with monkeypatch.context() as patch:
            patch.setattr(TokenVerifier, "verify", verify_uncached)
            patch.setattr(BusServices, "ask", without_auth)
            await ann.ask("broadcast", roomID="silent", message="one")
            while (message := await first.next())[1] is not None:
                seen.append(message)
    assert "end" not in [name for name, _ in seen]
    async with reading.stream("silent", token, first.last) as second:
        seen.append(await second.next())
    assert covered(seen) == [1, 2, 3]


async def test_a_stream_follows_the_room_over_its_calls(reading: ReadingHarness) -> None:
    token = await reading.subscription("lives")
    ann = await reading.enter("lives", "ann")
    async with reading.stream("lives", token) as stream:
        await ann.ask("logout", roomID="lives")
        seen = await stream.until("room.closed.v1")
        again = await reading.enter("lives", "ann")
        seen += await stream.until("room.user_joined.v1")
        await again.ask("logout", roomID="lives")
        seen += await stream.until("room.closed.v1")
        behind = stream.last
    await reading.enter("lives", "ann")
    async with reading.stream("lives", token, behind) as stream:
        seen += await stream.until("room.user_joined.v1")
    calls = list(dict.fromkeys(body["roomUID"] for name, body in seen if name == "message"))
    assert len(calls) == 3
    by_call = [
        covered([one for one in seen if (one[1].get("roomUID") or one[1]["pos"].partition(".")[0]) == call])
        for call in calls
    ]
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_call), by_call


async def test_a_long_poll_waits_for_the_next_event(reading: ReadingHarness) -> None:
    ann = await reading.enter("poll", "ann")
    token = await reading.subscription("poll")
    place = (await reading.get("poll", token))[2]["next"]
    poll = asyncio.ensure_future(reading.get("poll", token, after=place, wait="20", types="im"))
    await ann.ask("broadcast", roomID="poll", message="first")
    _, _, page = await poll
    assert page["events"][0]["data"]["text"] == "first"
    _, _, nothing = await reading.get("poll", token, after=page["next"], wait="0.1")
    assert (nothing["events"], nothing["next"]) == ([], page["next"])


async def test_a_place_that_is_not_ours_starts_anew(reading: ReadingHarness) -> None:
    await reading.enter("forked", "ann")
    token = await reading.subscription("forked")
    _, _, page = await reading.get("forked", token)
    uid, seq, _ = page["next"].split(".")
    for wrong in (f"{uid}.{seq}.{'0' * 16}", f"{uid}.99.{'a' * 16}", f"{uuid4()}.1.{'a' * 16}"):
        status, _, body = await reading.get("forked", token, after=wrong)
        assert (status, body["code"]) == (409, Code.RESYNC_NEEDED)
        assert page["next"] in body["hint"]


async def test_the_state_as_of_now_and_then(reading: ReadingHarness) -> None:
    await reading.enter("state", "ann")
    token = await reading.subscription("state")
    _, _, page = await reading.get("state", token)
    await reading.enter("state", "bob")
    _, headers, now = await reading.get("state", token, "state", min_pos=page["next"])
    assert [user["userID"] for user in now["users"]] == ["ann", "bob"]
    assert headers["parlour-position"].startswith(f"{now['roomUID']}.{now['seq']}.")
    _, _, then = await reading.get("state", token, "state", at=page["next"])
    assert [user["userID"] for user in then["users"]] == ["ann"]
    uid, seq, hash8 = page["next"].split(".")
    assert (await reading.get("state", token, "state", at=seq))[2] == then
    other = f"{uid}.{seq}.{hash8[::-1]}"
    for query, field in (
        ({"at": other}, "at"),
        ({"min_pos": other}, "min_pos"),
        ({"at": page["next"], "min_pos": other}, "min_pos"),
    ):
        status, _, body = await reading.get("state", token, "state", **query)
        assert (status, body["code"], body["field"]) == (409, Code.RESYNC_NEEDED, field)
    status, _, body = await reading.get("state", token, "state", at=page["next"], min_pos=f"{uuid4()}.1.{hash8}")
    assert (status, body["field"]) == (400, "min_pos")
    status, _, body = await reading.get("state", await reading.member("bob"), "state", at=page["next"])
    assert (status, body["code"]) == (403, Code.FORBIDDEN)


async def test_unknown_and_foreign_rooms_answer_alike(reading: ReadingHarness) -> None:
    await reading.enter("mine", "ann")
    everywhere, elsewhere = await reading.subscription(), await reading.subscription("poll")
    foreign, stranger = await reading.subscription(app=OTHER), await reading.member("stranger")
    answers = {
        (status, json.dumps(body))
        for room, token in (
            ("never", everywhere), ("mine", elsewhere), ("never", elsewhere), ("mine", foreign), ("mine", stranger), ("never", stranger),
        )
        for what in ("events", "state")
        for status, _, body in (await reading.get(room, token, what),)
    }  # fmt: skip
    assert len(answers) == 1
    assert next(iter(answers))[0] == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": "1"}, "position"),
        ({"format": "xml"}, "format"),
        ({"limit": "0"}, "limit"),
        ({"limit": "9999999"}, "limit"),
        ({"wait": "61"}, "wait"),
        ({"types": "room;drop"}, "types"),
    ],
)
async def test_bad_input_names_the_field(reading: ReadingHarness, query: dict[str, str], field: str) -> None:
    await reading.enter("bad", "ann")
    status, headers, body = await reading.get("bad", await reading.subscription("bad"), **query)
    assert (status, headers["content-type"], body["field"]) == (400, "application/problem+json", field)
    assert body["type"] == f"/errors/{body['code']}"


async def test_readers_are_counted_and_paced(reading: ReadingHarness) -> None:
    await reading.enter("full", "ann")
    token = await reading.subscription("full")
    async with reading.stream("full", token), reading.stream("full", token):
        status, _, body = await reading.get("full", token, wait="1")
        assert (status, body["code"], body["limit"]) == (429, Code.RATE_LIMITED, "2")
    paced = await reading.subscription("full")
    statuses = [(await reading.get("full", paced))[0] for _ in range(30)]
    assert set(statuses) == {200, 429}


@pytest.mark.parametrize("how", ["revoked", "revoked by room", "kicked", "expired", "left"])
async def test_who_may_read_no_more_is_cut(reading: ReadingHarness, how: str) -> None:
    room = f"cut-{encode_id(how)}"
    ann, bob = await reading.enter(room, f"ann-{how[:3]}"), await reading.enter(room, f"bob-{how[:3]}")
    of_member = how in ("kicked", "left")
    made = await reading.operator("auth", "", cmd.IssueSubscription(room, ttl_s=2 if how == "expired" else 60))
    token = await reading.member(f"bob-{how[:3]}") if of_member else str(made["token"])
    async with reading.stream(room, token) as stream:
        await stream.until("room.user_joined.v1")
        match how:
            case "revoked":
                await reading.operator("auth", "", cmd.RevokeSubscriptions(jti=made["jti"]))
            case "revoked by room":
                await reading.operator("auth", "", cmd.RevokeSubscriptions(room=room))
            case "kicked":
                await reading.operator("room", room, cmd.KickUser("bob-kic"))
            case "left":
                await bob.ask("logout", roomID=room)
            case _:
                pass
        began = time.monotonic()
        while True:
            name, body = await stream.next()
            if name == "end":
                break
            assert body is not None, "the stream says why it ends"
        assert time.monotonic() - began < CUT_WITHIN_S
        await ann.ask("broadcast", roomID=room, message="secret")
        assert await stream.next() == ("", None), "nothing comes behind the end"
    status, _, body = await reading.get(room, token)
    assert status in (401, 403)
    assert "events" not in cast("dict[str, Any]", body)


@pytest.mark.parametrize("how", ["revoked", "kicked"])
async def test_long_polls_under_way_end_with_the_right_to_read(reading: ReadingHarness, how: str) -> None:
    room, user = f"polled-{how}", f"pol-{how}"
    await reading.enter(room, "ann-p")
    await reading.enter(room, user)
    made = await reading.operator("auth", "", cmd.IssueSubscription(room))
    token = str(made["token"]) if how == "revoked" else await reading.member(user)

    async def polled() -> tuple[int, Any]:
        while (answer := await reading.get(room, token, after="latest", wait="60"))[0] == 429:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.05)  # the look below took its place
        return answer[0], answer[2]

    polls = [asyncio.ensure_future(polled()) for _ in range(2)]
    async with asyncio.timeout(30):
        while (await reading.get(room, token, after="latest", wait="0.01"))[2].get("limit") != "2":  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.2)  # until both wait: a third is one too many
        if how == "revoked":
            await reading.operator("auth", "", cmd.RevokeSubscriptions(jti=made["jti"]))
        else:
            await reading.operator("room", room, cmd.KickUser(user))
        answers = await asyncio.gather(*polls)
    assert [status in (401, 403) for status, _ in answers] == [True, True]
    assert not [body for _, body in answers if "events" in body]


async def test_an_erased_person_is_nobody_to_who_reads_and_who_comes(reading: ReadingHarness) -> None:
    await reading.enter("erased", "forgotten")
    ann = await reading.enter("erased", "ann")
    token = await reading.subscription("erased")
    async with reading.stream("erased", token) as stream:
        await stream.until("room.user_joined.v1")
        await reading.operator("auth", "", cmd.EraseUser("forgotten"))
        snap = await ann.wait_for(lambda frame: frame["t"] == "snap")
        assert "forgotten" not in json.dumps(snap)
        _, answer = await reading.login("erased", "bob")
        assert "forgotten" not in json.dumps(answer)
        for after in ("", "latest"):
            _, _, page = await reading.get("erased", token, after=after, wait="0.1")
            assert "forgotten" not in json.dumps(page)
