"""The registry on real NATS and Postgres with a real relay node: publish, play, race, leave."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Caller, Published, Request
from parlour.kernel.rejection import Rejection
from parlour.testkit.harness.registry import (
    APP,
    BOTH,
    NODE,
    PLAY,
    PUBLISH,
    RegistryHarness,
    no_transports_of,
    running_registry,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def harness(running: Any, environment: Any) -> AsyncIterator[RegistryHarness]:
    async with running_registry(running, environment) as made:
        yield made


async def test_the_whole_story(harness: RegistryHarness) -> None:
    ann, bob = await harness.join("tea", "ann"), await harness.join("tea", "bob")
    made = await ann.publish("s1", extra_info="hello")
    assert made.sdp.startswith("v=0")
    (added,) = await harness.wait_for("added", "tea")
    assert (added["streamID"], added["node"], added["extraInfo"], added["codec"]) == ("s1", NODE, "hello", "VP8")
    assert added["transportID"] == made.transport_id

    again = await ann.publish("s1", transport_id=made.transport_id)
    assert again.transport_id == made.transport_id
    moved = await ann.publish("s1")
    assert moved.transport_id != made.transport_id
    updated = await harness.wait_for("updated", "tea")
    assert updated[-1]["transportID"] == moved.transport_id

    await ann.ask(cmd.SetStreamExtraInfo(ann.session, "s1", "x" * 1024))
    assert await ann.refused(cmd.SetStreamExtraInfo(ann.session, "s1", "x" * 1025)) == Code.STREAM_EXTRA_LONG
    assert await bob.refused(cmd.SetStreamExtraInfo(bob.session, "s1", "mine")) == Code.NOT_PUBLISHING
    assert await bob.refused(cmd.StopPublish(bob.session, "s1")) == Code.NOT_PUBLISHING

    for _ in range(8):
        assert await bob.refused(cmd.SetMutes(bob.session, "s1", True, True)) in {
            Code.NOT_PUBLISHING,
            Code.RATE_LIMITED,
        }
    for _ in range(3):
        await ann.ask(cmd.SetMutes(ann.session, "s1", True, False))
    (muted,) = await harness.wait_for("mutes_changed", "tea")
    assert (muted["audioMuted"], muted["videoMuted"]) == (True, False)

    played = await bob.play("s1")
    (started,) = await harness.wait_for("play_started", "tea")
    live = await harness.describe("tea")
    assert [(s.stream_id, s.session_id, s.transport_id, s.players) for s in live.streams] == [
        ("s1", ann.session, moved.transport_id, (bob.session,))
    ]
    assert (started["sessionID"], started["transportID"]) == (bob.session, played.transport_id)
    await bob.ask(cmd.StopPlay(bob.session, "s1"))
    (stopped,) = await harness.wait_for("play_stopped", "tea")
    assert stopped["reason"] == "stopped"

    await ann.ask(cmd.StopPublish(ann.session, "s1"))
    (removed,) = await harness.wait_for("removed", "tea")
    assert removed["code"] == 1
    assert await harness.relay_publishes() == []
    assert await bob.refused(cmd.Play(bob.session, "s1", PLAY, BOTH)) == Code.PLAY_NO_STREAM


async def test_the_same_command_again_does_nothing_twice(harness: RegistryHarness) -> None:
    ann = await harness.join("twice", "ann2")
    command_id = str(uuid4())
    first = await ann.publish("tw1", command_id=command_id)
    second = await ann.publish("tw1", command_id=command_id)
    assert first == second
    await harness.bus.flush_confirmed()
    assert len(harness.of("added", "twice")) == 1
    assert harness.of("updated", "twice") == []
    own = [t for t in (await harness.transports()).values() if t.owner == ann.session]
    assert len(own) == 1


async def test_a_stream_id_is_unique_in_the_app(harness: RegistryHarness) -> None:
    ann, bob, carl = (
        await harness.join("u1", "ann3"),
        await harness.join("u1", "bob3"),
        await harness.join("u2", "carl3"),
    )
    await ann.publish("uniq")
    for other in (bob, carl):
        assert await other.refused(cmd.Publish(other.session, "uniq", PUBLISH, BOTH)) == Code.STREAM_EXISTS
    assert await harness.owners_of("uniq") == [ann.session]


async def test_racing_publishers_leave_one_winner_and_its_media_alone(harness: RegistryHarness) -> None:
    racers = [await harness.join(f"race{n % 3}", f"racer{n}") for n in range(9)]
    results = await asyncio.gather(*(racer.publish("raced") for racer in racers), return_exceptions=True)
    won = [r for r in results if isinstance(r, Published)]
    lost = [r.problem.code for r in results if isinstance(r, Rejection)]
    assert len(won) == 1
    assert lost == [Code.STREAM_EXISTS] * 8
    carrying = [t for t in (await harness.transports()).values() if any(b.stream_id == "raced" for b in t.publishes)]
    assert [t.transport_id for t in carrying] == [won[0].transport_id]
    owners = {racer.session for racer in racers}
    assert sum(t.owner in owners for t in (await harness.transports()).values()) == 1, "the losers left nothing behind"


async def test_who_is_not_in_the_room_publishes_nothing(harness: RegistryHarness) -> None:
    ann = await harness.join("gone", "ann4")
    await harness.join("gone", "bob4")
    await ann.ask(cmd.LeaveRoom(ann.session), "room")
    assert await ann.refused(cmd.Publish(ann.session, "late", PUBLISH, BOTH)) == Code.ROOM_NOT_LOGGED_IN
    assert "late" not in await harness.relay_publishes()


@pytest.mark.parametrize(
    ("stream", "code"),
    [("", Code.STREAM_ID_EMPTY), ("x" * 257, Code.STREAM_ID_LONG), ("a b", Code.STREAM_ID_CHARACTERS)],
)
async def test_limits(harness: RegistryHarness, stream: str, code: Code) -> None:
    ann = await harness.join("limits", "ann5")
    assert await ann.refused(cmd.Publish(ann.session, stream, PUBLISH, BOTH)) == code
    assert (
        await ann.refused(cmd.Publish(ann.session, "ok", PUBLISH, BOTH, extra_info="x" * 1025))
        == Code.STREAM_EXTRA_LONG
    )
    assert await ann.refused(cmd.Publish(ann.session, "ok", "junk", BOTH)) == Code.PARAMETER
    assert await ann.refused(cmd.Publish("another", "ok", PUBLISH, BOTH)) == Code.FORBIDDEN


async def test_a_refused_offer_leaves_the_stream_id_free(harness: RegistryHarness) -> None:
    ann, bob = await harness.join("free", "ann6"), await harness.join("free", "bob6")
    assert await ann.refused(cmd.Publish(ann.session, "freed", "v=0", BOTH)) == Code.PARAMETER
    await bob.publish("freed")


async def test_a_leaver_s_streams_and_plays_end(harness: RegistryHarness) -> None:
    ann, bob = await harness.join("leave", "ann7"), await harness.join("leave", "bob7")
    await ann.publish("l1")
    await bob.publish("l2")
    await ann.play("l2")
    await ann.ask(cmd.LeaveRoom(ann.session), "room")
    (removed,) = await harness.wait_for("removed", "leave")
    assert (removed["streamID"], removed["code"]) == ("l1", 1)
    (stopped,) = await harness.wait_for("play_stopped", "leave")
    assert stopped["reason"] == "left"
    await no_transports_of(harness, ann)
    await bob.publish("l1")


async def test_the_same_user_elsewhere_may_publish_the_same_id_at_once(harness: RegistryHarness) -> None:
    await harness.join("again", "watcher")
    first = await harness.join("again", "ann8")
    await first.publish("mine")
    second = await harness.join("again", "ann8")
    await second.publish("mine")
    (removed,) = await harness.wait_for("removed", "again")
    assert removed["code"] == 3
    assert [a["sessionID"] for a in await harness.wait_for("added", "again", 2)] == [first.session, second.session]
    await no_transports_of(harness, first)


async def test_a_room_closes_behind_the_removal_of_its_streams(harness: RegistryHarness) -> None:
    ann, bob = await harness.join("bye", "ann11"), await harness.join("bye", "bob11")
    for user, stream in ((ann, "bye1"), (ann, "bye2"), (bob, "bye3")):
        await user.publish(stream)
    for user in (ann, bob):
        await user.ask(cmd.LeaveRoom(user.session), "room")
    types = await harness.types_until_closed("bye")
    assert types[3:6] == ["stream.added"] * 3
    assert sorted(types[6:-1]) == ["room.user_left"] * 2 + ["stream.removed"] * 3
    assert types[-1] == "room.closed"


async def test_a_closed_room_frees_its_stream_ids(harness: RegistryHarness) -> None:
    ann = await harness.join("shut", "ann9")
    await ann.publish("shut1")
    await harness.bus.ask(APP, "room", "shut", "close", Request(str(uuid4()), Caller(kind="operator"), cmd.CloseRoom()))
    await no_transports_of(harness, ann)
    bob = await harness.join("other", "bob9")
    await bob.publish("shut1")


async def test_one_session_may_play_a_stream_on_transports_of_their_own(harness: RegistryHarness) -> None:
    ann = await harness.join("whep", "ann10")
    await ann.publish("w1")
    one, two = await ann.play("w1", resource="a"), await ann.play("w1", resource="b")
    assert one.transport_id != two.transport_id
    await ann.ask(cmd.StopPlay(ann.session, "w1", one.transport_id))
    (stopped,) = await harness.wait_for("play_stopped", "whep")
    assert stopped["remaining"] == 1
    assert one.transport_id not in await harness.transports()
    assert two.transport_id in await harness.transports()


async def test_another_session_s_transport_is_not_found(harness: RegistryHarness) -> None:
    ann, bob = await harness.join("steal", "ann11"), await harness.join("steal", "bob11")
    made = await ann.publish("st1")
    assert await bob.refused(cmd.RestartIce(bob.session, made.transport_id, PUBLISH)) == Code.NOT_FOUND
    assert await bob.refused(cmd.Publish(bob.session, "st2", PUBLISH, BOTH, made.transport_id)) == Code.NOT_FOUND
