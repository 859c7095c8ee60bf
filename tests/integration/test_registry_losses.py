"""The registry when transports and whole relay nodes are lost, on real NATS and Postgres."""

import asyncio
import os
import sys
from functools import partial
from typing import Any

import pytest

import parlour.registry.wiring as registry_wiring
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.registry.domain.node_directory import NodeDirectory
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.harness.registry import (
    BOTH,
    NODE,
    PUBLISH,
    RegistryHarness,
    no_transports_of,
    node_is_up,
    running_registry,
)


async def test_a_transport_that_is_gone_ends_its_stream_after_the_grace(running: Any, environment: Any) -> None:
    lost = {"PARLOUR_RELAY_CONNECT_TIMEOUT_S": "1", "PARLOUR_REGISTRY_REPUBLISH_GRACE_S": "0.3"}
    async with running_registry(running, environment, **lost) as harness:
        ann = await harness.join("lost", "ann12")
        await ann.publish("gone1")
        (removed,) = await harness.wait_for("removed", "lost")
        assert (removed["streamID"], removed["code"]) == ("gone1", 5)
        await ann.publish("gone1")


async def test_a_stream_published_anew_within_the_grace_stays(running: Any, environment: Any) -> None:
    lost = {"PARLOUR_RELAY_CONNECT_TIMEOUT_S": "1", "PARLOUR_REGISTRY_REPUBLISH_GRACE_S": "0.5"}
    async with running_registry(running, environment, **lost) as harness:
        ann = await harness.join("kept", "ann13")
        first = await ann.publish("kept1")
        await no_transports_of(harness, ann)
        second = await ann.publish("kept1")
        (removed,) = await harness.wait_for("removed", "kept")
        assert second.transport_id != first.transport_id
        assert len(harness.of("updated", "kept")) == 1
        assert removed["code"] == 5, "the second transport never connected either"


async def test_a_relay_that_dies_without_a_word_loses_its_streams(
    running: Any, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # fifteen heartbeats: no hiccup of a busy machine is that long
    monkeypatch.setattr(registry_wiring, "NodeDirectory", partial(NodeDirectory, silent_after_s=3.0))
    environ = {**os.environ, **environment("relay"), "PARLOUR_RELAY_NODE": NODE, "PARLOUR_RELAY_BIND": "127.0.0.1"}
    environ["PARLOUR_RELAY_HEARTBEAT_S"] = "0.2"
    node = await asyncio.create_subprocess_exec(sys.executable, "-m", "parlour.relay", env=environ)
    try:
        async with (
            running("room", "registry", PARLOUR_REGISTRY_REPUBLISH_GRACE_S="0.2"),
            await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
        ):
            harness = RegistryHarness(bus)
            await bus.subscribe(subjects.ALL_EVENTS, harness.hear)
            await node_is_up(harness)
            ann, bob = await harness.join("died", "ann14"), await harness.join("died", "bob14")
            await ann.publish("died1")
            await bob.play("died1")
            node.kill()
            (stopped,) = await harness.wait_for("play_stopped", "died")
            assert stopped["reason"] == "disconnected"
            (removed,) = await harness.wait_for("removed", "died")
            assert removed["code"] == 5
            assert await ann.refused(cmd.Publish(ann.session, "died1", PUBLISH, BOTH)) == Code.RELAY_UNAVAILABLE
    finally:
        if node.returncode is None:
            node.kill()
        await node.wait()
