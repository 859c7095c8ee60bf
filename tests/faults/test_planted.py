"""Faults planted on purpose are caught: by the checker, or by what must follow from an event. Each with its counterpart, unplanted."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from fault_record import logs, outliving_streams
from fault_results import ALL

from parlour.testkit.client import RawClient, raw_client
from parlour.testkit.faults.processes import Processes
from parlour.testkit.history import Acknowledged, ClientHistory, Logged, Violation, check, from_frames, unseen
from parlour.testkit.suite import Suite, running_suite

OFFER = (Path(__file__).parents[1] / "fixtures" / "sdp" / "chromium-publish.sdp").read_text()
SEEN_WITHIN_S = 4.0
"""Longer than publishing, republishing and two beacons take."""


@asynccontextmanager
async def suite_with(fault: str) -> AsyncIterator[Suite]:
    """A suite that does one thing wrong; with none, one that does not."""
    planted = {"PARLOUR_FAILPOINT": fault, "PARLOUR_FAILPOINTS_ALLOWED": "1"} if fault else {}
    with running_suite(planted) as suite:
        yield suite


async def record_of(suite: Suite, room: str, client: RawClient) -> list[Logged]:
    life = next(str(f["position"]).split(".")[0] for f in client.frames if f.get("ok") and "position" in f)
    return await logs(suite.status()["nats"], suite.app_id, [(room, life)])


async def enter(suite: Suite, client: RawClient, room: str, user: str) -> dict[str, object]:
    return await client.login(suite.app_id, room, user, suite.dev_token(user))


async def reply_then_death(suite: Suite) -> list[Violation]:
    """A message is acknowledged, and at that moment its service dies."""
    async with raw_client(suite.url) as client:
        await enter(suite, client, "early", "ann")
        command_id = str(uuid4())
        await client.ask("barrage", command_id=command_id, roomID="early", message="kept?")
        Processes(str(suite.status()["state_folder"])).kill("im")
        history = ClientHistory("ann", [Acknowledged(command_id)])
        return check([history], await record_of(suite, "early", client))


async def last_message(suite: Suite) -> list[Violation]:
    """The last event of a room, after which nothing comes that would show the gap."""
    async with raw_client(suite.url) as ann, raw_client(suite.url) as bob:
        await enter(suite, ann, "quiet", "ann")
        await enter(suite, bob, "quiet", "bob")
        await ann.ask("barrage", roomID="quiet", message="the last word")
        with contextlib.suppress(TimeoutError):
            await bob.wait_for(lambda f: f.get("type") == "im.barrage_sent.v1", timeout_s=SEEN_WITHIN_S)
        return unseen([from_frames("bob", "quiet", bob.frames)], await record_of(suite, "quiet", bob))


async def leaver_with_a_stream(suite: Suite) -> list[str]:
    """A user leaves, and its stream should."""
    async with raw_client(suite.url) as ann, raw_client(suite.url) as bob:
        await enter(suite, ann, "left", "ann")
        await enter(suite, bob, "left", "bob")
        media = {"audioMid": "0", "videoMid": "1"}
        await ann.ask("publish", roomID="left", streamID="s-left", sdp=OFFER, media=media)
        await ann.ask("logout", roomID="left")
        with contextlib.suppress(TimeoutError):
            await bob.wait_for(lambda f: f.get("type") == "stream.removed.v1", timeout_s=SEEN_WITHIN_S)
        return outliving_streams(suite.events("left"))


async def away_and_back(suite: Suite) -> list[Violation]:
    """A client resumes from the very place where it was."""
    async with raw_client(suite.url) as bob:
        await enter(suite, bob, "back", "bob")
        async with raw_client(suite.url) as ann:
            answer = await enter(suite, ann, "back", "ann")
            await bob.ask("barrage", roomID="back", message="one")
            seen = await ann.wait_for(lambda f: f.get("type") == "im.barrage_sent.v1")
            frames = list(ann.frames)
        await bob.ask("barrage", roomID="back", message="two")
        async with raw_client(suite.url) as again:
            await again.ask("resume", sessionID=answer["sessionID"], rooms={"back": seen["pos"]})
            await again.wait_for(lambda f: f.get("t") == "live")
            frames += again.frames
        return check([from_frames("ann", "back", frames, repetitions=True)], await record_of(suite, "back", bob))


@pytest.mark.skipif(not ALL, reason="only by `make faults`: each starts a suite of its own")
@pytest.mark.parametrize(
    ("fault", "promise"), [("reply_before_commit", 1), ("lost_republish", 7), ("repeating_resume", 4)]
)
async def test_the_checker_catches(fault: str, promise: int) -> None:
    scene = {"reply_before_commit": reply_then_death, "lost_republish": last_message, "repeating_resume": away_and_back}
    async with suite_with(fault) as suite:
        found = await scene[fault](suite)
    assert promise in {violation.promise for violation in found}, found


@pytest.mark.skipif(not ALL, reason="only by `make faults`: each starts a suite of its own")
async def test_a_reactor_that_skips_is_caught() -> None:
    async with suite_with("skipping_reactor") as suite:
        assert await leaver_with_a_stream(suite) == ["s-left"]


@pytest.mark.skipif(not ALL, reason="only by `make faults`: each starts a suite of its own")
async def test_without_a_planted_fault_there_is_nothing_to_catch() -> None:
    async with suite_with("") as suite:
        assert await last_message(suite) == []
        assert await leaver_with_a_stream(suite) == []
        assert await away_and_back(suite) == []
        assert await reply_then_death(suite) == []


def test_a_planted_fault_alone_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from parlour.runtime import failpoints

    monkeypatch.setenv("PARLOUR_FAILPOINT", "lost_republish")
    assert not failpoints.planted("lost_republish")
    monkeypatch.setenv("PARLOUR_FAILPOINTS_ALLOWED", "1")
    assert failpoints.planted("lost_republish")
    assert not failpoints.planted("repeating_resume")
