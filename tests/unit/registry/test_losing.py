"""What follows from losses is done until it is done, and losses that nobody heard of are found."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from parlour.contracts.codes import Code
from parlour.contracts.relay import NodeLoad, NodeReport, NodeUp, TransportConnected, TransportGone, TransportReport
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.registry.app import losing as losing_module
from parlour.registry.app.losing import Losing
from parlour.registry.app.unnoticed import Unnoticed
from parlour.registry.domain.nodes import SILENT_S, Nodes, Transport
from parlour.registry.domain.state import Playing, Stream, Streams
from parlour.runtime.messaging.bus import unavailable

LOAD = NodeLoad(0, 0, 0, 0.0)


class Relays:
    """Answers with a report of `there`; `away`: not now."""

    def __init__(self, *there: str) -> None:
        self.there = there
        self.away = 0
        self.deaf = 0
        self.reports = 0
        self.told: list[str] = []

    async def call(self, node: str, command: object, result_type: object) -> NodeReport:
        self.reports += 1
        if self.away:
            self.away -= 1
            raise Rejection.of(Code.RELAY_UNAVAILABLE, "the relay does not answer")
        reports = tuple(TransportReport(t, 1, "A", "connected") for t in self.there)
        return NodeReport("n1", "b1", 9, (), LOAD, reports)

    async def tell(self, fact: TransportGone) -> None:
        if self.deaf:
            self.deaf -= 1
            raise unavailable("NATS is not connected")
        self.told.append(fact.transport_id)


class Desk(Losing):
    """Notes what is lost; the record refuses it `refusals` times."""

    def __init__(self, nodes: Nodes, relays: Relays) -> None:
        absent = cast("Any", None)
        super().__init__(absent, absent, absent, nodes, cast("Any", relays), lambda: None, 1.0)
        self.refusals = 0
        self.done: list[str] = []

    async def lost(self, transport: Transport, streams: tuple[str, ...] = ()) -> None:
        if self.refusals:
            self.refusals -= 1
            raise LogUnavailable("not now")
        self.done.append(transport.transport_id)


def made(*there: str) -> tuple[Nodes, Relays, Desk]:
    nodes, relays = Nodes(), Relays(*there)
    return nodes, relays, Desk(nodes, relays)


def up(number: int = 0) -> NodeUp:
    return NodeUp("n1", "b1", number, (), LOAD)


async def until(true: Callable[[], object], desk: Desk, *also: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(one) for one in (desk.work(), *also)]
    try:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 nothing tells of it
                await asyncio.sleep(0.001)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losing_module, "AGAIN_S", 0.001)
    monkeypatch.setattr(losing_module, "LOOK_S", 0.001)


async def test_a_loss_that_the_record_could_not_take_is_tried_again() -> None:
    nodes, _, desk = made()
    nodes.heard(TransportConnected("n1", "b1", 1, "t1", "A", 1, 1), 0.0)
    desk.refusals = 3
    desk.fact(TransportGone("n1", "b1", 2, "t1", "A", 1, "ice_timeout"))
    await until(lambda: desk.done, desk)
    assert desk.done == ["t1"]
    assert desk.refusals == 0


async def test_a_report_that_did_not_come_is_asked_for_again_at_the_next_beat() -> None:
    nodes, relays, desk = made("t1")
    relays.away = 1
    desk.fact(up())
    await until(lambda: relays.reports == 1, desk)
    assert nodes.find("t1") is None
    desk.fact(up())
    await until(lambda: nodes.find("t1"), desk)


async def test_what_a_report_lacks_is_lost_although_nobody_could_be_told() -> None:
    nodes, relays, desk = made()
    nodes.learned(Transport("t1", "n1", "A", 1))
    relays.deaf, desk.refusals = 1, 2
    desk.fact(up())
    await until(lambda: desk.done, desk)
    assert desk.done == ["t1"]


async def test_a_nats_that_stands_still_is_no_silence_of_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes, _, desk = made()
    nodes.heard(up(), 0.0)
    nodes.learned(Transport("t1", "n1", "A", 1))
    now = 0.0
    looks: list[bool] = []
    monkeypatch.setattr(losing_module, "time", SimpleNamespace(monotonic=lambda: now))

    async def hears() -> bool:
        nonlocal now
        now += 1.0
        looks.append(now > 3 * SILENT_S)
        return looks[-1]

    await until(lambda: sum(looks) > 2, desk, desk.watch(hears))
    assert nodes.find("t1") is not None
    await until(lambda: desk.done, desk, desk.watch(hears))
    assert desk.done == ["t1"], "and once NATS answers, silence counts"


class Cache:
    """One room."""

    def __init__(self, state: Streams) -> None:
        self.state = state

    async def load(self, app: int, room: str) -> SimpleNamespace:
        return SimpleNamespace(state=self.state)


def looking(nodes: Nodes, desk: Desk, state: Streams) -> Unnoticed:
    async def all_rooms() -> list[tuple[int, str]]:
        return [(1, "r")]

    async def hears() -> bool:
        return True

    return Unnoticed(cast("Any", SimpleNamespace(all=all_rooms)), cast("Any", Cache(state)), nodes, desk, hears)


def stream(name: str, transport: str) -> Stream:
    return Stream(name, "A", "a", "n1", transport, "", "VP8", True, True)


STATE = Streams(
    True, {"s1": stream("s1", "t1"), "s2": stream("s2", "t2")}, {("B", "s1"): Playing("s1", "B", "b", "n1", ("t3",))}
)


async def test_what_is_on_record_and_not_in_a_fresh_report_is_lost() -> None:
    nodes, relays, desk = made("t1")
    nodes.heard(up(), 0.0)
    await looking(nodes, desk, STATE).look()
    await until(lambda: len(desk.done) == 2, desk)
    assert desk.done == relays.told == ["t2", "t3"]
    assert relays.reports == 1
    relays.there = ("t1", "t2", "t3")
    for transport in relays.there:
        nodes.learned(Transport(transport, "n1", "A", 1))
    await looking(nodes, desk, STATE).look()
    assert relays.reports == 1, "who is known is not asked about"


async def test_without_a_report_nothing_is_certain_and_a_node_nobody_heard_carries_nothing() -> None:
    nodes, relays, desk = made()
    nodes.heard(up(), 0.0)
    relays.away = 1
    await looking(nodes, desk, STATE).look()
    assert relays.told == []
    nodes.strike("n1")
    await looking(nodes, desk, STATE).look()
    await until(lambda: len(desk.done) == 3, desk)


async def test_a_closed_room_has_no_losses() -> None:
    nodes, relays, desk = made()
    await looking(nodes, desk, Streams(False, STATE.streams)).look()
    assert relays.told == []
