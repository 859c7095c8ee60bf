"""`events` and `replay` against a running suite: from, follow, through a room's calls, and at a time."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from parlour.testkit.client import RawClient
from parlour.testkit.suite import Suite, running_suite
from parlour.testkit.waiting import eventually

WITHIN_S = 20.0


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    # A room that nobody is in ends at once, so that a test sees two calls of one room.
    with running_suite({"PARLOUR_ROOM_EMPTY_DELAY_S": "0", "PARLOUR_RECORD_CHECKPOINT_S": "0.5"}) as running:
        yield running


@asynccontextmanager
async def member(suite: Suite, room: str, user: str) -> AsyncIterator[RawClient]:
    token = suite.token(user)  # another process makes it: a connection must not wait for its first frame meanwhile
    client = await RawClient.open(suite.url)
    try:
        await client.login(suite.app_id, room, user, token)
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def followed(suite: Suite, room: str, *more: str) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("parlour")), "events", room, "--follow", "--json", *more,
        env=suite.environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def next_events(lines: asyncio.StreamReader, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(WITHIN_S):
        return [json.loads(await lines.readline()) for _ in range(count)]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].split(".")[1] for event in events]


async def test_following_shows_each_event_once_in_order_as_it_happens(suite: Suite) -> None:
    async with member(suite, "followed", "ada") as ada, followed(suite, "followed") as lines:
        seen = await next_events(lines, 2)
        for kind in ("broadcast", "barrage", "broadcast", "barrage"):
            await ada.ask(kind, roomID="followed", message="hello")
        seen += await next_events(lines, 4)
    assert kinds(seen) == ["opened", "user_joined"] + ["broadcast_sent", "barrage_sent"] * 2
    assert [event["seq"] for event in seen] == [1, 2, 3, 4, 5, 6]
    assert all(after["prev"] == before["hash"] for before, after in pairwise(seen))


async def test_following_goes_on_in_the_room_s_next_call(suite: Suite) -> None:
    async with followed(suite, "lives") as lines:
        for _ in range(2):
            async with member(suite, "lives", "ada") as ada:
                await ada.ask("logout", roomID="lives")
            call = await next_events(lines, 4)
            assert kinds(call) == ["opened", "user_joined", "user_left", "closed"]
            assert [event["seq"] for event in call] == [1, 2, 3, 4]


async def test_events_begin_where_they_are_told_to(suite: Suite) -> None:
    async with member(suite, "from", "ada"):
        whole = await asyncio.to_thread(suite.events, "from")
        part = await asyncio.to_thread(suite.run, "events", "from", "--from", "2", "--json")
    assert [json.loads(line) for line in part.stdout.splitlines()] == whole[1:]


async def test_a_replay_by_time_is_the_replay_by_the_event_before_it(suite: Suite) -> None:
    async with member(suite, "moment", "ada"), member(suite, "moment", "bob"):
        events = await asyncio.to_thread(suite.events, "moment")
        joined = next(event for event in events if event["type"] == "room.user_joined.v1")
        moment = datetime.fromtimestamp(joined["at"] / 1e6, UTC).isoformat(timespec="microseconds")
        by_time = await asyncio.to_thread(suite.replay, "moment", moment)
        by_number = await asyncio.to_thread(suite.replay, "moment", joined["seq"])
    assert by_time == by_number
    assert [user["userID"] for user in by_number["users"]] == ["ada"]


def test_a_room_that_never_was_and_a_moment_that_is_none(suite: Suite) -> None:
    assert suite.run("events", "nowhere", "--json", check=False).returncode == 1
    unknown = suite.run("replay", "nowhere", "--json", check=False)
    assert unknown.returncode == 1
    assert "Traceback" not in unknown.stderr
    nonsense = suite.run("replay", "nowhere", "--at", "noon", check=False)
    assert nonsense.returncode == 2
    assert "neither an event's number nor a time" in nonsense.stderr


def test_people_read_the_same(suite: Suite) -> None:
    assert "room.opened.v1" in suite.run("events", "moment").stdout
    assert "room moment of app" in suite.run("replay", "moment").stdout


async def test_calls_of_the_past_are_listed_shown_and_built_anew(suite: Suite) -> None:
    async with member(suite, "council", "ada"), member(suite, "council", "bob") as bob:
        await bob.ask("broadcast", roomID="council", message="hello")

    def known() -> list[dict[str, Any]]:
        lines = suite.run("history", "calls", "--room", "council", "--user", "bob", "--json").stdout.splitlines()
        return [call for line in lines if (call := json.loads(line))["broadcasts"] == 1]

    found = await eventually(lambda: asyncio.to_thread(known), "the call is listed", timeout_s=WITHIN_S, poll_s=0.1)
    told = json.loads(suite.run("history", "show", found[0]["roomUID"], "--json").stdout)
    assert [session["userID"] for session in told["sessions"]] == ["ada", "bob"]
    assert "answers" in suite.run("history", "rebuild").stdout
    again = json.loads(suite.run("history", "show", found[0]["roomUID"], "--json").stdout)
    assert again["sessions"][0]["joinedAt"] == told["sessions"][0]["joinedAt"]
    assert "ada" in suite.run("history", "show", found[0]["roomUID"]).stdout
    assert suite.run("history", "show", "never", check=False).returncode == 1
    assert suite.run("history", "calls", "--from", "noon", check=False).returncode == 2


async def test_a_call_is_exported_verified_erased_and_verified_again(suite: Suite, tmp_path: Path) -> None:
    async with member(suite, "audited", "carla") as carla:
        await carla.ask("broadcast", roomID="audited", message="in confidence")
    uid = (await asyncio.to_thread(suite.replay, "audited"))["roomUID"]
    key, first, second = tmp_path / "key.pub", tmp_path / "first.jsonl", tmp_path / "second.jsonl"

    def work() -> None:
        key.write_text(suite.run("audit", "keys").stdout)
        for file in (first, second):
            suite.run("audit", "export", uid, "-o", str(file), "--by", "Jo")
            shown = suite.run("audit", "verify", str(file), "--key", str(key)).stdout
            assert "whole: room audited" in shown
            assert "no signature" not in shown
            if file is first:
                assert "erased" in suite.run("privacy", "erase", "carla", "--yes").stdout
        assert suite.run("audit", "exports", uid).stdout.count("Jo") == 2
        changed = tmp_path / "changed.jsonl"
        lines = first.read_text().splitlines(keepends=True)
        changed.write_text("".join([*lines[:3], *lines[4:]]))
        refused = suite.run("audit", "verify", str(changed), "--key", str(key), check=False)
        assert refused.returncode == 1
        assert "event 3 was taken out" in refused.stdout

    await asyncio.to_thread(work)
    assert "in confidence" in first.read_text()
    assert not {"in confidence", "carla"} & set(second.read_text().split('"'))


async def test_a_bug_report_replays_without_the_suite(suite: Suite, tmp_path: Path) -> None:
    async with member(suite, "buggy", "dora"):
        pass
    path = tmp_path / "bug.zip"
    await asyncio.to_thread(suite.run, "bug", "buggy", "-o", str(path))
    shown = (await asyncio.to_thread(suite.run, "bug", "--open", str(path))).stdout
    assert "room.user_joined.v1" in shown
    at = (await asyncio.to_thread(suite.run, "bug", "--open", str(path), "--at", "2")).stdout
    state = json.loads(at[at.index("{") :])
    assert [user["userID"] for user in state["users"]] == [""]
