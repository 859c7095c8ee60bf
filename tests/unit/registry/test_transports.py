"""Look-ups of nodes and transports wait while a registry that has just started may not have heard of them, and no longer."""

import asyncio
import random
from typing import Any, cast

import pytest

from parlour.contracts.codes import Code
from parlour.contracts.relay import NodeLoad, NodeUp, TransportConnected
from parlour.kernel.rejection import Rejection
from parlour.registry.app.transports import DIRECTORY_COMPLETE_S, TransportController
from parlour.registry.domain.node_directory import NodeDirectory
from parlour.testkit.clock import VirtualClock


def controller() -> tuple[NodeDirectory, TransportController, VirtualClock]:
    nodes, clock = NodeDirectory(), VirtualClock()
    return nodes, TransportController(nodes, cast("Any", None), clock.now, random.Random(1)), clock


async def test_placement_waits_for_the_first_heartbeat_after_the_start() -> None:
    nodes, transports, clock = controller()
    placing = asyncio.create_task(transports.place())
    await asyncio.sleep(0)
    assert not placing.done()
    nodes.handle_fact(NodeUp("n1", "b1", 0, (), NodeLoad(0, 0, 0, 0.0)), clock.now())
    transports.notify()
    assert await placing == "n1"


async def test_placement_is_refused_at_once_when_the_directory_is_complete() -> None:
    _, transports, clock = controller()
    clock.advance(DIRECTORY_COMPLETE_S)
    with pytest.raises(Rejection) as refused:
        await transports.place()
    assert refused.value.problem.code == Code.RELAY_UNAVAILABLE


async def test_a_session_finds_its_own_transports_only() -> None:
    nodes, transports, clock = controller()
    clock.advance(DIRECTORY_COMPLETE_S)
    nodes.handle_fact(TransportConnected("n1", "b1", 1, "t1", "A/whip", 1, 5), clock.now())
    assert (await transports.find("t1", "A")).resource == "whip"
    for transport_id, session_id in (("t1", "B"), ("t2", "A")):
        with pytest.raises(Rejection) as refused:
            await transports.find(transport_id, session_id)
        assert refused.value.problem.code == Code.NOT_FOUND
    assert not await transports.close_own("t1", "B")
    assert nodes.find_transport("t1") is not None
