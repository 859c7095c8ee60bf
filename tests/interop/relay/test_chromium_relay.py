"""Real Chromium pages through the relay: a call, renegotiation, a publisher that comes again, both codecs."""

from statistics import median
from typing import Any

import pytest

from parlour.contracts.relay import MediaStarted, TransportGone
from parlour.testkit.harness.relay_node import Bench


async def test_two_pages_call_each_other(bench: Bench, open_window: Any) -> None:
    ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob")
    await ann.run("relay.publish('a')")
    await bob.run("relay.publish('b')")
    await ann.run("relay.play('b')")
    await bob.run("relay.play('a')")
    for window, stream in ((ann, "b"), (bob, "a")):
        first = await window.run(f"relay.until(async () => await relay.frames('{stream}') > 10)")
        assert first
        before = await window.run(f"relay.frames('{stream}')")
        await window.run(f"relay.until(async () => await relay.frames('{stream}') > {before} + 30)")
        assert await window.run(f"relay.until(async () => await relay.samples('{stream}') > 48000)")
        times = await window.run(
            f"({{connect: await relay.player.connected(), first: relay.played['{stream}'].firstFrame}})"
        )
        print("chromium", times)
    started = {(fact.stream_id, fact.kind) for fact in bench.facts.told if isinstance(fact, MediaStarted)}
    assert started == {("a", "audio"), ("a", "video"), ("b", "audio"), ("b", "video")}


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_the_pages_codec_is_what_arrives(bench: Bench, open_window: Any, codec: str) -> None:
    ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob")
    await ann.run(f"relay.publish('a', {{codec: '{codec}'}})")
    await bob.run("relay.play('a')")
    await bob.run("relay.until(async () => await relay.frames('a') > 20)")
    mime = await bob.run(
        "(async () => { const stats = await relay.player.pc.getStats();"
        " const video = await relay.player.inbound('video'); return stats.get(video.codecId).mimeType; })()"
    )
    assert mime == f"video/{codec}"


async def test_one_transport_carries_streams_that_come_and_go(bench: Bench, open_window: Any) -> None:
    ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob")
    first = await ann.run("relay.publish('a')")
    assert await ann.run("relay.publish('b')") == first
    playing = await bob.run("relay.play('a')")
    assert await bob.run("relay.play('b')") == playing
    for stream in "ab":
        await bob.run(f"relay.until(async () => await relay.frames('{stream}') > 10)")
    await ann.run("(relay.published.b.forEach(t => t.stop()), relay.publisher.offer({}))")
    assert bench.node.table.counts()[1] == 2
    await ann.run("relay.publish('c')")
    await bob.run("(relay.played.b.of.forEach(t => t.stop()), relay.player.offer({}))")
    await bob.run("relay.play('c')")
    for stream in "ac":
        before = await bob.run(f"relay.frames('{stream}')")
        await bob.run(f"relay.until(async () => await relay.frames('{stream}') > {before} + 20)")
    assert bench.node.table.counts() == (2, 4, 4)
    mids = await ann.run("relay.publisher.pc.getTransceivers().filter(t => t.mid).map(t => t.mid)")
    assert len(mids) == 4


async def test_an_inactive_line_holds_its_stream_and_an_own_line_is_used_again(bench: Bench, open_window: Any) -> None:
    ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob")
    await ann.run("relay.publish('a')")
    await bob.run("relay.play('a')")
    await bob.run("relay.until(async () => await relay.frames('a') > 10)")
    await bob.run("(relay.played.a.of[1].direction = 'inactive', relay.player.offer({}))")
    sent = bench.node.core.stats()["sinks"]
    await bob.run("(relay.played.a.of[1].direction = 'recvonly', relay.player.offer({}))")
    frames = await bob.run("relay.frames('a')")
    await bob.run(f"relay.until(async () => await relay.frames('a') > {frames} + 20)")
    assert set(bench.node.core.stats()["sinks"]) == set(sent)
    await ann.run("(relay.published.a.forEach(t => t.direction = 'inactive'), relay.publisher.offer({}))")
    await ann.run(
        "(relay.published.a.forEach(t => t.direction = 'sendonly'),"
        " relay.publisher.offer({publish: 'b', of: relay.published.a}))"
    )
    await bob.run("relay.play('b')")
    await bob.run("relay.until(async () => await relay.frames('b') > 20)")
    assert bench.node.table.counts() == (2, 2, 4)


async def test_the_picture_goes_on_when_the_publisher_comes_again(bench: Bench, open_window: Any) -> None:
    ann, bob, again = [await open_window(bench, owner) for owner in ("ann", "bob", "ann")]
    await ann.run("relay.publish('a')")
    await bob.run("relay.play('a')")
    await bob.run("relay.until(async () => await relay.frames('a') > 10)")
    await ann.page.close()
    await again.run("relay.publish('a')")
    before = await bob.run("relay.frames('a')")
    await bob.run(f"relay.until(async () => await relay.frames('a') > {before} + 30)")
    samples = await bob.run("relay.samples('a')")
    await bob.run(f"relay.until(async () => await relay.samples('a') > {samples} + 48000)")


async def test_ice_restart_keeps_the_call(bench: Bench, open_window: Any) -> None:
    ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob")
    await ann.run("relay.publish('a')")
    await bob.run("relay.play('a')")
    await bob.run("relay.until(async () => await relay.frames('a') > 10)")
    for window, transport in ((ann, "publisher"), (bob, "player")):
        await window.run(f"(relay.{transport}.pc.restartIce(), relay.{transport}.offer({{}}))")
    before = await bob.run("relay.frames('a')")
    await bob.run(f"relay.until(async () => await relay.frames('a') > {before} + 40)")
    assert not [fact for fact in bench.facts.told if isinstance(fact, TransportGone)]


async def test_a_page_that_leaves_is_gone_at_once(bench: Bench, open_window: Any) -> None:
    ann = await open_window(bench, "ann")
    await ann.run("relay.publish('a')")
    await ann.run("relay.publisher.connected()")
    await ann.run("relay.publisher.pc.close()")
    gone = await bench.facts.wait(lambda fact: isinstance(fact, TransportGone))
    assert isinstance(gone, TransportGone)
    assert (gone.reason, gone.streams) == ("peer_closed", ("a",))


async def test_joining_is_quick(bench: Bench, open_window: Any) -> None:
    ann = await open_window(bench, "ann")
    await ann.run("relay.publish('a')")
    await ann.run("relay.publisher.connected()")
    connects: list[float] = []
    firsts: list[float] = []
    for number in range(5):
        bob = await open_window(bench, f"bob{number}")
        await bob.run("relay.play('a')")
        connects.append(await bob.run("relay.player.connected()"))
        firsts.append(await bob.run("relay.until(() => relay.played.a.firstFrame)"))
        await bob.page.close()
    print(
        "answer to connected ms",
        [round(each) for each in connects],
        "play to first frame ms",
        [round(each) for each in firsts],
    )
    assert median(connects) < 250
    assert median(firsts) < 450


async def test_the_publishers_bitrate_climbs(bench: Bench, open_window: Any) -> None:
    """Without the relay's feedback Chromium would stay at its start of 300 kb/s."""
    ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob")
    await ann.run("relay.publish('a')")
    await bob.run("relay.play('a')")
    await ann.run("relay.until(async () => (await relay.publisher.outbound('video')).targetBitrate > 1000000, 60000)")
    lost = await bob.run("relay.player.inbound('video')")
    assert lost["packetsLost"] == 0
