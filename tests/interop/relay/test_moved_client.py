"""Chromium behind a NAT that gives it another address in the middle of a call: the relay asks the new one back before it sends there."""

from typing import Any

from parlour.contracts.relay import TransportGone
from parlour.testkit.harness.relay_node import Bench, running_node
from parlour.testkit.network.lossy_path import lossy_path
from parlour.testkit.waiting import eventually


async def test_a_chromium_that_moves_goes_on_to_publish_and_to_play(open_window: Any) -> None:
    async with running_node(bind=("127.0.0.1",)) as bench:
        (address,) = bench.node.core.local_candidates()
        async with lossy_path(address) as publishing, lossy_path(address) as playing:
            ann, bob = (
                await open_window(bench, "ann", publishing.reroute),
                await open_window(bench, "bob", playing.reroute),
            )
            await ann.run("relay.publish('a')")
            await bob.run("relay.play('a')")
            await bob.run("relay.until(async () => await relay.frames('a') > 10)")
            for path in (publishing, playing):
                before = selected(bench)
                path.move()
                await eventually(lambda before=before: len(selected(bench) - before) == 1)
                frames = await bob.run("relay.frames('a')")
                await bob.run(f"relay.until(async () => await relay.frames('a') > {frames} + 40)")
            for window, transport in ((ann, "publisher"), (bob, "player")):
                await window.run(f"(relay.{transport}.pc.restartIce(), relay.{transport}.offer({{}}))")
            frames = await bob.run("relay.frames('a')")
            await bob.run(f"relay.until(async () => await relay.frames('a') > {frames} + 40)")
            assert not [fact for fact in bench.facts.told if isinstance(fact, TransportGone)]


def selected(bench: Bench) -> set[tuple[str, int]]:
    """The addresses that media is sent to."""
    transports = bench.node.core.stats()["transports"].values()
    return {tuple(each["selected"]) for each in transports if each["selected"]}
