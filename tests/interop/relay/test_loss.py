"""Real Chromium over paths that lose datagrams: what is lost is asked for and comes again, both ways, and the picture goes on."""

from typing import Any

from parlour.testkit.harness.relay_node import running_node
from parlour.testkit.network.lossy_path import lossy_path

LOSS = 0.05
FOR_MS = 6000
LONGEST_FREEZE_MS = 2000
LEAST_FPS = 8


async def test_what_a_player_loses_is_answered_from_the_ring(open_window: Any) -> None:
    async with running_node(bind=("127.0.0.1",)) as bench:
        (address,) = bench.node.core.local_candidates()
        async with lossy_path(address, to_client=LOSS) as path:
            ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob", path.reroute)
            await ann.run("relay.publish('a')")
            await bob.run("relay.play('a')")
            await bob.run("relay.until(async () => await relay.frames('a') > 10)")
            frames = await bob.run("relay.frames('a')")
            path.losing = True
            assert await bob.run(f"relay.longestGap('a', {FOR_MS})") < LONGEST_FREEZE_MS
            assert await bob.run("relay.frames('a')") - frames >= LEAST_FPS * FOR_MS / 1000
            video = await bob.run("relay.player.inbound('video')")
            counted = bench.node.core.stats()
            assert path.dropped["to_client"] > 10
            assert video["nackCount"] > 0
            assert video["retransmittedPacketsReceived"] >= 0.8 * video["packetsLost"]
            assert sum(sink["nack_hits"] for sink in counted["sinks"].values()) > 0
            assert sum(sink["nack_misses"] for sink in counted["sinks"].values()) == 0


async def test_what_a_publisher_loses_is_asked_for(open_window: Any) -> None:
    async with running_node(bind=("127.0.0.1",)) as bench:
        (address,) = bench.node.core.local_candidates()
        async with lossy_path(address, to_relay=LOSS) as path:
            ann, bob = await open_window(bench, "ann", path.reroute), await open_window(bench, "bob")
            await ann.run("relay.publish('a')")
            await bob.run("relay.play('a')")
            await bob.run("relay.until(async () => await relay.frames('a') > 10)")
            frames = await bob.run("relay.frames('a')")
            path.losing = True
            assert await bob.run(f"relay.longestGap('a', {FOR_MS})") < LONGEST_FREEZE_MS
            assert await bob.run("relay.frames('a')") - frames >= LEAST_FPS * FOR_MS / 1000
            sent = await ann.run("relay.publisher.outbound('video')")
            assert path.dropped["to_relay"] > 10
            assert sent["nackCount"] > 0
            assert sent["retransmittedPacketsSent"] > 0
