"""What follows from losses is done until it is done, and losses that nobody heard of are found."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

from parlour.contracts.codes import Code
from parlour.contracts.relay import NodeLoad, NodeReport, NodeUp, TransportConnected, TransportGone, TransportReport
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.registry.app.loss_reconciler import LossReconciler
from parlour.registry.app.stream_units import StreamDecider
from parlour.registry.app.transport_loss import TransportLossHandler
from parlour.registry.domain import streams as domain
from parlour.registry.domain.node_directory import SILENT_AFTER_S, NodeDirectory, RelayTransport
from parlour.runtime.messaging.bus import unavailable
from parlour.testkit.clock import CountingIds, VirtualClock

LOAD = NodeLoad(0, 0, 0, 0.0)


class FakeRelays:
    """Answers with a report of `there`; `away`: not now."""

    def __init__(self, *there: str) -> None:
        self.there = there
        self.away = 0
        self.deaf = 0
        self.reports = 0
        self.told: list[str] = []

    async def request(self, node: str, command: object, result_type: object) -> NodeReport:
        self.reports += 1
        if self.away:
            self.away -= 1
            raise Rejection(Code.RELAY_UNAVAILABLE, "the relay does not answer")
        reports = tuple(TransportReport(t, 1, "A", "connected") for t in self.there)
        return NodeReport("n1", "b1", 9, (), LOAD, reports)

    async def publish_loss(self, fact: TransportGone) -> None:
        if self.deaf:
            self.deaf -= 1
            raise unavailable("NATS is not connected")
        self.told.append(fact.transport_id)


class LossHandler(TransportLossHandler):
    """Notes which transports end; the log refuses it `refusals` times."""

    def __init__(self, nodes: NodeDirectory, relays: FakeRelays, now: Callable[[], float]) -> None:
        absent, clock, ids = cast("Any", None), VirtualClock(), CountingIds()
        super().__init__(
            absent, StreamDecider(absent, clock, ids), nodes, cast("Any", relays), lambda: None, now,
            grace_s=1.0, check_interval_s=0.001, retry_s=0.001,
        )  # fmt: skip
        self.refusals = 0
        self.done: list[str] = []

    async def end_transport(self, transport: RelayTransport, streams: tuple[str, ...] = ()) -> None:
        if self.refusals:
            self.refusals -= 1
            raise LogUnavailable("not now")
        self.done.append(transport.transport_id)


def made(*there: str, now: Callable[[], float] = lambda: 0.0) -> tuple[NodeDirectory, FakeRelays, LossHandler]:
    nodes, relays = NodeDirectory(), FakeRelays(*there)
    return nodes, relays, LossHandler(nodes, relays, now)


def up(number: int = 0) -> NodeUp:
    return NodeUp("n1", "b1", number, (), LOAD)


async def until(true: Callable[[], object], losses: LossHandler, *also: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(one) for one in (losses.run_steps(), *also)]
    try:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 nothing tells of it
                await asyncio.sleep(0.001)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_loss_that_the_record_could_not_take_is_tried_again() -> None:
    nodes, _, losses = made()
    nodes.handle_fact(TransportConnected("n1", "b1", 1, "t1", "A", 1, 1), 0.0)
    losses.refusals = 3
    losses.handle_fact(TransportGone("n1", "b1", 2, "t1", "A", 1, "ice_timeout"))
    await until(lambda: losses.done, losses)
    assert losses.done == ["t1"]
    assert losses.refusals == 0


async def test_a_report_that_did_not_come_is_asked_for_again_at_the_next_beat() -> None:
    nodes, relays, losses = made("t1")
    relays.away = 1
    losses.handle_fact(up())
    await until(lambda: relays.reports == 1, losses)
    assert nodes.find_transport("t1") is None
    losses.handle_fact(up())
    await until(lambda: nodes.find_transport("t1"), losses)


async def test_what_a_report_lacks_is_lost_although_nobody_could_be_told() -> None:
    nodes, relays, losses = made()
    nodes.add_transport(RelayTransport("t1", "n1", "A", 1))
    relays.deaf, losses.refusals = 1, 2
    losses.handle_fact(up())
    await until(lambda: losses.done, losses)
    assert losses.done == ["t1"]


async def test_a_nats_that_stands_still_is_no_silence_of_the_nodes() -> None:
    now = 0.0
    nodes, _, losses = made(now=lambda: now)
    nodes.handle_fact(up(), 0.0)
    nodes.add_transport(RelayTransport("t1", "n1", "A", 1))
    looks: list[bool] = []

    async def is_reachable() -> bool:
        nonlocal now
        now += 1.0
        looks.append(now > 3 * SILENT_AFTER_S)
        return looks[-1]

    await until(lambda: sum(looks) > 2, losses, losses.watch_silence(is_reachable))
    assert nodes.find_transport("t1") is not None
    await until(lambda: losses.done, losses, losses.watch_silence(is_reachable))
    assert losses.done == ["t1"], "and once NATS answers, silence counts"


class Cache:
    """One room."""

    def __init__(self, state: domain.State) -> None:
        self.state = state

    async def load(self, app: int, room: str) -> SimpleNamespace:
        return SimpleNamespace(state=self.state)


def reconciler(nodes: NodeDirectory, losses: LossHandler, state: domain.State) -> LossReconciler:
    async def all_rooms() -> list[tuple[int, str]]:
        return [(1, "r")]

    async def is_reachable() -> bool:
        return True

    return LossReconciler(all_rooms, cast("Any", Cache(state)), nodes, losses, is_reachable, random.Random(1))


def stream(name: str, transport: str) -> domain.Stream:
    return domain.Stream(name, "A", "a", "n1", transport, "", "VP8", True, True)


STATE = domain.Open(
    {"s1": stream("s1", "t1"), "s2": stream("s2", "t2")}, {("B", "s1"): domain.Play("s1", "B", "b", "n1", ("t3",))}
)


async def test_what_is_on_record_and_not_in_a_fresh_report_is_lost() -> None:
    nodes, relays, losses = made("t1")
    nodes.handle_fact(up(), 0.0)
    await reconciler(nodes, losses, STATE).reconcile()
    await until(lambda: len(losses.done) == 2, losses)
    assert losses.done == relays.told == ["t2", "t3"]
    assert relays.reports == 1
    relays.there = ("t1", "t2", "t3")
    for transport in relays.there:
        nodes.add_transport(RelayTransport(transport, "n1", "A", 1))
    await reconciler(nodes, losses, STATE).reconcile()
    assert relays.reports == 1, "who is known is not asked about"


async def test_without_a_report_nothing_is_certain_and_a_node_nobody_heard_carries_nothing() -> None:
    nodes, relays, losses = made()
    nodes.handle_fact(up(), 0.0)
    relays.away = 1
    await reconciler(nodes, losses, STATE).reconcile()
    assert relays.told == []
    nodes.remove_node("n1")
    await reconciler(nodes, losses, STATE).reconcile()
    await until(lambda: len(losses.done) == 3, losses)


async def test_a_closed_room_has_no_losses() -> None:
    nodes, relays, losses = made()
    await reconciler(nodes, losses, domain.Closed(STATE.streams)).reconcile()
    assert relays.told == []
