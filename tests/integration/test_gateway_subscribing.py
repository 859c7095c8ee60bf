"""Rooms followed over the WebSocket by a token, in front of real services: what comes, what does not, and what ends it."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.testkit.client import Frame, RawClient, Refusal
from parlour.testkit.harness.reading import APP, OTHER, ReadingHarness, running_reading

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reading(running: Any, environment: Any) -> AsyncIterator[ReadingHarness]:
    async with running_reading(running, environment, READERS_PER_TOKEN="2") as made:
        yield made


def told(client: RawClient, room: str, room_uid: str = "") -> list[int]:
    """The numbers of a room's events that frames stand for, in the order of arrival."""
    seqs: list[int] = []
    for frame in client.frames:
        if frame.get("roomID") == room and frame["t"] in ("ev", "skip") and str(frame["pos"]).startswith(room_uid):
            seqs += [frame["seq"]] if frame["t"] == "ev" else range(frame["from"], frame["to"] + 1)
    return seqs


def of_type(tag: str, room: str = "") -> Any:
    return lambda frame: frame.get("type") == tag and (not room or frame["roomID"] == room)


def last_of(client: RawClient) -> str:
    """The position of the last frame that has one."""
    return str([frame["pos"] for frame in client.frames if "pos" in frame][-1])


async def said(client: RawClient, text: str) -> Frame:
    return await client.wait_for(lambda frame: frame.get("data", {}).get("text") == text)


async def test_a_snapshot_then_everything_that_comes_and_nobody_sees_it(reading: ReadingHarness) -> None:
    ann = await reading.enter("watched", "ann")
    outside = await reading.outside()
    answer = await outside.ask("subscribe", roomID="watched", token=await reading.subscription("watched"))
    assert (answer["mode"], 0 < answer["tokenExpiresIn"] <= 3600) == ("snapshot", True)
    snap = await outside.wait_for(lambda frame: frame["t"] == "snap")
    assert [user["userID"] for user in snap["users"]] == ["ann"]
    await outside.wait_for(lambda frame: frame["t"] == "live")
    _, seen = await reading.login("watched", "bob")
    assert [user["userID"] for user in seen["users"]] == ["ann"], "who follows is nobody in the room"
    await ann.ask("broadcast", roomID="watched", message="hello")
    event = await said(outside, "hello")
    assert event["user"] == {"userID": "ann", "userName": "ann"}
    assert told(outside, "watched") == [3, 4]
    mine = await ann.wait_for(of_type("im.broadcast_sent.v1"))
    assert mine == event, "a member gets the same frame"
    await outside.ask("unsubscribe", roomID="watched")
    await outside.ask("unsubscribe", roomID="watched")
    await ann.ask("broadcast", roomID="watched", message="unheard")
    await ann.wait_for(lambda frame: frame.get("data", {}).get("text") == "unheard")
    await outside.ask("ping")
    assert told(outside, "watched") == [3, 4]


async def test_who_comes_back_gets_what_it_missed_however_much(reading: ReadingHarness) -> None:
    ann = await reading.enter("back", "ann")
    token = await reading.subscription("back")
    first = await reading.outside()
    await first.ask("subscribe", roomID="back", token=token)
    await ann.ask("broadcast", roomID="back", message="one")
    await said(first, "one")
    held = last_of(first)
    await first.close()
    for n in range(9):
        await ann.ask("roomExtraInfo", roomID="back", key="k", value=str(n))
    second = await reading.outside()
    answer = await second.ask("subscribe", roomID="back", token=token, after=held)
    assert answer["mode"] == "tail"
    await second.wait_for(lambda frame: frame["t"] == "live")
    await ann.ask("broadcast", roomID="back", message="two")
    await said(second, "two")
    assert told(second, "back") == list(range(4, 14))
    assert not [frame for frame in second.frames if frame["t"] in ("snap", "resync")]
    events = [frame for frame in second.frames if frame["t"] == "ev"]
    assert all(two["prev"] == one["pos"].rpartition(".")[2] for one, two in pairwise(events))


async def test_it_goes_on_over_the_lives_of_a_room(reading: ReadingHarness) -> None:
    ann = await reading.enter("phoenix", "ann")
    token = await reading.subscription()
    outside = await reading.outside()
    await outside.ask("subscribe", roomID="phoenix", token=token)
    await ann.ask("logout", roomID="phoenix")
    await outside.wait_for(of_type("room.closed.v1"))
    held = last_of(outside)
    await reading.enter("phoenix", "bob")
    joined = await outside.wait_for(of_type("room.user_joined.v1"))
    room_uid = joined["pos"].partition(".")[0]
    assert room_uid != held.partition(".")[0]
    assert told(outside, "phoenix", room_uid) == [1, 2]
    later = await reading.outside()
    await later.ask("subscribe", roomID="phoenix", token=token, after=held)
    await later.wait_for(of_type("room.user_joined.v1"))
    assert told(later, "phoenix") == [1, 2]


async def test_a_place_that_is_not_ours_is_told_and_a_snapshot_follows(reading: ReadingHarness) -> None:
    await reading.enter("fork", "ann")
    token = await reading.subscription("fork")
    outside = await reading.outside()
    await outside.ask("subscribe", roomID="fork", token=token)
    snap = await outside.wait_for(lambda frame: frame["t"] == "snap")
    uid, seq, hash8 = snap["pos"].split(".")
    for wrong in (f"{uid}.{seq}.{'0' * 16}", f"{uid}.99.{hash8}", f"{'0' * 8}{uid[8:]}.{seq}.{hash8}"):
        outside.frames.clear()
        assert (await outside.ask("subscribe", roomID="fork", token=token, after=wrong))["mode"] == "snapshot"
        live = await outside.wait_for(lambda frame: frame["t"] == "live")
        assert live["pos"] == snap["pos"]
        kinds = [frame["t"] for frame in outside.frames]
        assert kinds == ["res", "resync", "snap", "live"]
        assert outside.frames[1]["reason"] == "diverged"


async def test_it_sees_what_the_http_feed_shows_with_the_same_token(reading: ReadingHarness) -> None:
    """Other people's signals and what only auditors see are skips; a filter skips more; a user sees from its joining on."""
    ann, _ = await reading.enter("sight", "ann"), await reading.enter("sight", "bob")
    _, _, page = await reading.get("sight", await reading.subscription("sight"), limit="1")
    cat = await reading.enter("sight", "cat")
    await ann.ask("command", roomID="sight", command="psst", toUserIDs=["bob"])
    await cat.ask("broadcast", roomID="sight", message="last")
    tokens = {
        "server": await reading.subscription("sight"), "auditor": await reading.subscription("sight", "events", "audit"),
        "bob": await reading.member("bob"), "cat": await reading.member("cat"),
        "on behalf of bob": await reading.subscription("sight", user_id="bob"),
    }  # fmt: skip
    for who, token in tokens.items():
        for types in ("", "im"):
            _, _, fed = await reading.get("sight", token, after=page["next"], types=types)
            outside = await reading.outside()
            chosen = [types] if types else []
            await outside.ask("subscribe", roomID="sight", token=token, after=page["next"], types=chosen)
            live = await outside.wait_for(lambda frame: frame["t"] == "live")
            got = [frame["seq"] for frame in outside.frames if frame["t"] == "ev"]
            assert got == [event["seq"] for event in fed["events"]], (who, types)
            assert told(outside, "sight") == [2, 3, 4, 5, 6], (who, types)
            assert live["pos"] == fed["next"]
            await outside.close()


@pytest.mark.parametrize("how", ["revoked", "revoked by room", "kicked", "expired", "left"])
async def test_who_may_read_no_more_is_cut(reading: ReadingHarness, how: str) -> None:
    room = f"over-{how.replace(' ', '-')}"
    ann, bob = await reading.enter(room, f"ann-{how[:3]}"), await reading.enter(room, f"bob-{how[:3]}")
    made = await reading.operator("auth", "", cmd.IssueSubscription(room, ttl_s=2 if how == "expired" else 60))
    token = await reading.member(f"bob-{how[:3]}") if how in ("kicked", "left") else str(made["token"])
    outside = await reading.outside()
    await outside.ask("subscribe", roomID=room, token=token)
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
    end = await outside.wait_for(lambda frame: frame["t"] == "end")
    codes = {"kicked": Code.FORBIDDEN, "left": Code.FORBIDDEN, "expired": Code.TOKEN_EXPIRED}
    assert (end["roomID"], end["code"]) == (room, codes.get(how, Code.TOKEN_REFUSED))
    await ann.ask("broadcast", roomID=room, message="secret")
    await ann.wait_for(of_type("im.broadcast_sent.v1"))
    with pytest.raises(Refusal):
        await outside.ask("subscribe", roomID=room, token=token)
    assert "secret" not in json.dumps(outside.frames)
    assert not [one for one in outside.frames[outside.frames.index(end) + 1 :] if one["t"] != "res"]


async def test_one_of_two_rooms_ends_and_the_other_goes_on(reading: ReadingHarness) -> None:
    ann, bob = await reading.enter("stays", "ann-2"), await reading.enter("goes", "bob-2")
    outside = await reading.outside()
    await outside.ask("subscribe", roomID="stays", token=await reading.subscription("stays"))
    await outside.ask("subscribe", roomID="goes", token=await reading.subscription("goes"))
    await reading.operator("auth", "", cmd.RevokeSubscriptions(room="goes"))
    await outside.wait_for(lambda frame: frame["t"] == "end" and frame["roomID"] == "goes")
    await bob.ask("broadcast", roomID="goes", message="there")
    await ann.ask("broadcast", roomID="stays", message="here")
    await said(outside, "here")
    assert not told(outside, "goes")


async def test_unknown_and_foreign_rooms_answer_alike(reading: ReadingHarness) -> None:
    await reading.enter("theirs", "ann")
    everywhere, elsewhere = await reading.subscription(), await reading.subscription("stays")
    foreign, stranger = await reading.subscription(app=OTHER), await reading.member("stranger")
    outside = await reading.outside()
    answers: set[str] = set()
    for room, token in (("never", everywhere), ("theirs", elsewhere), ("theirs", foreign), ("theirs", stranger)):
        with pytest.raises(Refusal) as refused:
            await outside.ask("subscribe", roomID=room, token=token)
        answers.add(json.dumps(refused.value.error))
    assert len(answers) == 1
    assert str(int(Code.FORBIDDEN)) in answers.pop()


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"after": "1"}, Code.PARAMETER, "position"),
        ({"types": ["room;drop"]}, Code.PARAMETER, "types"),
        ({"roomID": ""}, Code.ROOM_ID_EMPTY, "roomID"),
        ({"token": ""}, Code.TOKEN_FORMAT, "Authorization"),
        ({"token": 5}, Code.FRAME_INVALID, "token"),
        ({"appID": -1}, Code.APP_ID, "appID"),
    ],
)
async def test_bad_input_names_the_field(reading: ReadingHarness, fields: Any, code: Code, field: str) -> None:
    await reading.enter("checked", "ann")
    outside = await reading.outside()
    asked = {"roomID": "checked", "token": await reading.subscription("checked")} | fields
    with pytest.raises(Refusal) as refused:
        await outside.ask("subscribe", **asked)
    assert (refused.value.code, refused.value.error["field"]) == (code, field)


async def test_readers_are_counted_over_all_ways_in(reading: ReadingHarness) -> None:
    await reading.enter("crowd", "ann")
    token = await reading.subscription("crowd")
    async with reading.stream("crowd", token):
        outside, third = await reading.outside(), await reading.outside()
        await outside.ask("subscribe", roomID="crowd", token=token)
        with pytest.raises(Refusal) as refused:
            await third.ask("subscribe", roomID="crowd", token=token)
        assert (refused.value.code, refused.value.error["limit"]) == (Code.RATE_LIMITED, "2")
        await outside.ask("subscribe", roomID="crowd", token=token)  # again is instead, not besides
        await outside.close()
        async with asyncio.timeout(10):
            while True:
                try:
                    await third.ask("subscribe", roomID="crowd", token=token)
                    break
                except Refusal:
                    await asyncio.sleep(0.05)


async def test_a_connection_is_a_session_s_or_a_reader_s(reading: ReadingHarness) -> None:
    ann = await reading.enter("either", "ann")
    token = await reading.subscription("either")
    with pytest.raises(Refusal, match="not both"):
        await ann.ask("subscribe", roomID="either", token=token)
    outside = await reading.outside()
    await outside.ask("subscribe", roomID="either", token=token)
    with pytest.raises(Refusal, match="not both"):
        await outside.login(APP, "either", "bob", await reading.member("bob"))
    with pytest.raises(Refusal, match="one app"):
        await outside.ask("subscribe", roomID="stays", token=await reading.subscription(app=OTHER))
    await outside.ask("unsubscribe", roomID="either")
    await outside.login(APP, "either", "bob", await reading.member("bob"))
