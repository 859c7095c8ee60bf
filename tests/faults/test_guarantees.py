"""One test for each promise of GUARANTEES.md; `make guarantees` breaks the promise by its planted fault and sees the test fail."""

import asyncio
import contextlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from parlour.testkit.client import Frame, RawClient, Refusal, raw_client
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.record import logs, outliving_streams
from parlour.testkit.history import Acknowledged, ClientHistory, Logged, check, from_frames, unseen
from parlour.testkit.suite import Suite

OFFER = (Path(__file__).parents[1] / "fixtures" / "sdp" / "chromium-publish.sdp").read_text()
MEDIA = {"audioMid": "0", "videoMid": "1"}
SEEN_WITHIN_S = 4.0
"""Longer than publishing, republishing and two beacons take."""
_numbers = count(1)


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"promise-{next(_numbers)}"


async def enter(suite: Suite, client: RawClient, room: str, user: str) -> Frame:
    """A user whose name is this room's own logs in."""
    return await client.login(suite.app_id, room, f"{room}-{user}", suite.dev_token(f"{room}-{user}"))


async def record_of(suite: Suite, room: str, client: RawClient) -> list[Logged]:
    call = next(str(f["position"]).split(".")[0] for f in client.frames if f.get("ok") and "position" in f)
    return await logs(suite.status()["nats"], suite.app_id, [(room, call)])


def of_type(kind: str) -> Callable[[Frame], Any]:
    return lambda frame: frame.get("type") == kind


async def seen(client: RawClient, text: str) -> None:
    """Gives a message the time to arrive; whether it did is for the test to say."""
    with contextlib.suppress(TimeoutError):
        await client.wait_for(lambda f: f.get("data", {}).get("text") == text, timeout_s=SEEN_WITHIN_S)


async def test_what_is_acknowledged_is_on_the_record(doubled: Suite, processes: Processes, room: str) -> None:
    async with raw_client(doubled.url) as client:
        await enter(doubled, client, room, "ann")
        command_id = str(uuid4())
        await client.ask("barrage", command_id=command_id, roomID=room, message="kept?")
        dead = {name: processes.kill(name) for name in ("im", "im-2")}
        history = ClientHistory("ann", [Acknowledged(command_id)])
        violations = check([history], await record_of(doubled, room, client))
    for name, pid in dead.items():
        await processes.back(name, pid)
    assert violations == []


async def test_the_last_word_is_shown(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann, raw_client(doubled.url) as bob:
        await enter(doubled, ann, room, "ann")
        await enter(doubled, bob, room, "bob")
        await ann.ask("barrage", roomID=room, message="the last word")
        await seen(bob, "the last word")
        assert unseen([from_frames("bob", room, bob.frames)], await record_of(doubled, room, bob)) == []


async def test_a_leaver_s_streams_are_removed(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann, raw_client(doubled.url) as bob:
        await enter(doubled, ann, room, "ann")
        await enter(doubled, bob, room, "bob")
        await ann.ask("publish", roomID=room, streamID=f"{room}-s", sdp=OFFER, media=MEDIA)
        await ann.ask("logout", roomID=room)
        with contextlib.suppress(TimeoutError):
            await bob.wait_for(of_type("stream.removed.v1"), timeout_s=SEEN_WITHIN_S)
        assert outliving_streams(doubled.events(room)) == []


async def test_who_comes_back_gets_each_event_once(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as bob:
        await enter(doubled, bob, room, "bob")
        async with raw_client(doubled.url) as ann:
            answer = await enter(doubled, ann, room, "ann")
            await bob.ask("barrage", roomID=room, message="one")
            held = await ann.wait_for(of_type("im.barrage_sent.v1"))
            frames = list(ann.frames)
        await bob.ask("barrage", roomID=room, message="two")
        async with raw_client(doubled.url) as again:
            await again.ask("resume", sessionID=answer["sessionID"], rooms={room: held["pos"]})
            await again.wait_for(lambda f: f.get("t") == "live")
            frames += again.frames
        histories = [from_frames("ann", room, frames, repetitions=True)]
        assert check(histories, await record_of(doubled, room, bob)) == []


async def test_a_repeated_command_is_done_once(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann:
        await enter(doubled, ann, room, "ann")
        command_id = str(uuid4())
        first, again = [await ann.ask("barrage", command_id=command_id, roomID=room, message="once") for _ in range(2)]
        texts = [event["data"].get("text") for event in doubled.events(room)]
        assert texts.count("once") == 1
        assert first["messageID"] == again["messageID"]


async def test_another_history_is_never_continued(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann:
        answer = await enter(doubled, ann, room, "ann")
        call, seq, _ = str(answer["position"]).split(".")
        await ann.ask("resume", sessionID=answer["sessionID"], rooms={room: f"{call}.{seq}.0123456789abcdef"})
        await ann.wait_for(lambda f: f.get("t") == "live")
        told = [frame["t"] for frame in ann.frames if frame["t"] in ("resync", "snap", "ev")]
        assert told == ["resync", "snap"], "the client is told that what it holds is not this room's history"


async def test_nothing_falls_between_the_lists_and_the_events(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as bob, raw_client(doubled.url) as ann:
        await enter(doubled, bob, room, "bob")
        await enter(doubled, ann, room, "ann")
        await bob.ask("barrage", roomID=room, message="at that moment")
        await seen(ann, "at that moment")
        await bob.ask("barrage", roomID=room, message="later")
        await seen(ann, "later")
        assert check([from_frames("ann", room, ann.frames)], await record_of(doubled, room, ann)) == []


async def test_there_is_no_silent_hole(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann, raw_client(doubled.url) as bob:
        await enter(doubled, ann, room, "ann")
        await enter(doubled, bob, room, "bob")
        for number in range(8):
            await bob.ask("barrage", roomID=room, message=f"{number}")
        await seen(ann, "7")
        assert check([from_frames("ann", room, ann.frames)], await record_of(doubled, room, ann)) == []


async def test_who_is_not_addressed_reads_nothing(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann, raw_client(doubled.url) as bob, raw_client(doubled.url) as eve:
        for client, user in ((ann, "ann"), (bob, "bob"), (eve, "eve")):
            await enter(doubled, client, room, user)
        await ann.ask("command", roomID=room, command="for bob alone", toUserIDs=[f"{room}-bob"])
        await ann.ask("barrage", roomID=room, message="for all")
        await seen(bob, "for all")
        await seen(eve, "for all")
        assert "for bob alone" in str(bob.frames)
        assert "for bob alone" not in str(eve.frames)
        assert check([from_frames("eve", room, eve.frames)], await record_of(doubled, room, eve)) == []


async def test_a_stream_id_is_one_publisher_s(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann, raw_client(doubled.url) as bob:
        await enter(doubled, ann, room, "ann")
        await enter(doubled, bob, f"{room}-elsewhere", "bob")
        await ann.ask("publish", roomID=room, streamID=f"{room}-s", sdp=OFFER, media=MEDIA)
        refused = 0
        try:
            await bob.ask("publish", roomID=f"{room}-elsewhere", streamID=f"{room}-s", sdp=OFFER, media=MEDIA)
        except Refusal as refusal:
            refused = refusal.code
        assert refused == 1003028, "the id is taken in the whole app"


async def test_what_was_said_stands_nowhere_in_the_database_s_files(doubled: Suite, room: str) -> None:
    secret, open_word = f"whisper-{uuid4()}", uuid4().hex[:10]
    async with raw_client(doubled.url) as ann:
        await enter(doubled, ann, room, "ann")
        await ann.ask("barrage", roomID=room, message=secret)
        await ann.ask("roomExtraInfo", roomID=room, key=open_word, value="a topic")
    files = Path(str(doubled.status()["state_folder"])) / "postgres"
    assert await asyncio.to_thread(stands_in, files, open_word), "room keys are no personal text: the search finds them"
    assert not await asyncio.to_thread(stands_in, files, secret)


def stands_in(folder: Path, text: str) -> bool:
    """Whether any file below holds these bytes."""
    wanted = text.encode()
    return any(wanted in path.read_bytes() for path in folder.rglob("*") if path.is_file())
