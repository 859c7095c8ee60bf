"""A draining node announces itself, asks each client once and not too fast, and never waits for nothing."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from parlour.contracts.relay import Ack, NodeUp, RelayFact, TransportMove
from parlour.relay.app.drain import NodeDrain
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.heartbeat import NodeHeartbeat
from parlour.relay.domain.session import SessionTable, Transport


class Core:
    """Stands for the core: only its counters are asked for here."""

    def stats(self) -> dict[str, Any]:
        return {"node": {"thread_cpu_ns": [0]}}


class Addresses:
    """Stands for the relay, of which a heartbeat asks the addresses."""

    def addresses(self) -> tuple[str, ...]:
        return ()


class Draining:
    """A node with transports; `on_move` is called with each transport that is asked to move."""

    def __init__(self, *transports: str, deadline_s: float = 30.0) -> None:
        self.table = SessionTable()
        for transport_id in transports:
            self.add(transport_id)
        self.facts: list[RelayFact] = []
        self.on_move: Callable[[str], None] = self.table.drop_transport
        publisher = FactPublisher("n1", "b1", self.send)
        self.heartbeat = NodeHeartbeat(
            self.table, cast("Any", Core()), cast("Any", Addresses()), publisher, lambda: 0.0
        )
        self.drain = NodeDrain(
            self.table,
            publisher,
            self.heartbeat,
            random.Random(1),
            deadline_s,
            moves_per_s=10_000.0,
            answer_wait_s=0.01,
        )

    def add(self, transport_id: str) -> None:
        number = len(self.table.transports) + 1
        self.table.put_transport(make_transport(transport_id, number))

    def send(self, fact: RelayFact) -> None:
        self.facts.append(fact)
        if isinstance(fact, TransportMove):
            self.on_move(fact.transport_id)

    @property
    def asked(self) -> list[str]:
        return [fact.transport_id for fact in self.facts if isinstance(fact, TransportMove)]


def make_transport(transport_id: str, number: int) -> Transport:
    fields: dict[str, Any] = dict.fromkeys(Transport.__struct_fields__)
    fields |= {
        "transport_id": transport_id,
        "number": number,
        "app": 1,
        "owner": "A",
        "user": "u",
        "state": "connected",
    }
    return Transport(**fields)


async def test_an_empty_node_says_that_it_drains_and_stops() -> None:
    node = Draining()
    await node.drain.run()
    assert [fact.load.draining for fact in node.facts if isinstance(fact, NodeUp)] == [True]
    assert node.asked == []


async def test_without_another_node_nobody_is_asked_and_nothing_is_waited_for() -> None:
    node = Draining("t1", "t2", deadline_s=3600.0)
    await node.drain.run()
    assert node.asked == []
    assert len(node.table.transports) == 2


async def test_each_transport_is_asked_once_also_one_that_is_made_meanwhile() -> None:
    node = Draining("t1", "t2")
    late = ["t3"]

    def move(transport_id: str) -> None:
        node.table.drop_transport(transport_id)
        if late:
            node.add(late.pop())

    node.on_move = move
    draining = asyncio.create_task(node.drain.run())
    await asyncio.sleep(0)
    assert node.drain.move_transports() == Ack(True)
    assert node.drain.move_transports() == Ack(False), "the other registries say the same"
    await draining
    assert sorted(node.asked) == ["t1", "t2", "t3"]
    assert not node.table.transports


async def test_clients_that_stay_are_left_at_the_deadline_and_asked_no_second_time() -> None:
    node = Draining("t1", deadline_s=0.3)
    node.on_move = lambda _: None
    draining = asyncio.create_task(node.drain.run())
    await asyncio.sleep(0)
    node.drain.move_transports()
    await draining
    assert node.asked == ["t1"]


@pytest.mark.parametrize("facts", [0, 7])
async def test_a_request_to_move_takes_no_number(facts: int) -> None:
    node = Draining("t1")
    node.drain._facts.number = facts  # pyright: ignore[reportPrivateUsage] what the node has said before
    draining = asyncio.create_task(node.drain.run())
    await asyncio.sleep(0)
    node.drain.move_transports()
    await draining
    assert {fact.number for fact in node.facts} == {facts}


def test_a_node_that_does_not_drain_ignores_the_answer() -> None:
    assert Draining("t1").drain.move_transports() == Ack(False)
