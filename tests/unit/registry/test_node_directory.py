"""The directory of relay nodes: hearing, missing, placing."""

import random

from parlour.contracts.relay import NodeLoad, NodeReport, NodeUp, TransportConnected, TransportGone, TransportReport
from parlour.registry.domain.node_directory import SILENT_AFTER_S, NodeDirectory, RelayTransport


def up(
    node: str = "n1", boot: str = "b1", number: int = 0, transports: int = 0, cpu: float = 0.1, draining: bool = False
) -> NodeUp:
    return NodeUp(node, boot, number, ("127.0.0.1:1",), NodeLoad(transports, 0, 0, cpu, draining))


def connected(number: int, transport: str, owner: str = "A") -> TransportConnected:
    return TransportConnected("n1", "b1", number, transport, owner, 1, 5)


def test_first_word_of_a_node_asks_for_a_report_and_the_next_does_not() -> None:
    nodes = NodeDirectory()
    assert nodes.handle_fact(up(), 0.0)
    assert not nodes.handle_fact(up(), 2.0)


def test_a_gap_or_a_new_boot_asks_for_a_report() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(up(), 0.0)
    assert not nodes.handle_fact(connected(1, "t1"), 0.1)
    assert not nodes.handle_fact(up(number=1), 0.2)
    assert nodes.handle_fact(connected(3, "t3"), 0.3)
    assert nodes.handle_fact(up(boot="b2"), 0.4)


def test_a_heartbeat_shows_that_the_last_fact_was_lost() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(up(), 0.0)
    assert nodes.handle_fact(up(number=1), 2.0)


def test_a_report_tells_what_is_gone() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(up(), 0.0)
    nodes.handle_fact(connected(1, "t1"), 0.1)
    nodes.handle_fact(connected(2, "t2", "B/r1"), 0.1)
    there = (TransportReport("t2", 1, "B/r1", "connected"),)
    report = NodeReport("n1", "b1", 5, (), NodeLoad(1, 0, 0, 0.0), there)
    assert [t.transport_id for t in nodes.handle_report(report, there, 1.0)] == ["t1"]
    assert nodes.find_transport("t1") is None
    (kept,) = nodes.of_session("B")
    assert (kept, kept.resource) == (RelayTransport("t2", "n1", "B/r1", 1), "r1")


def test_gone_transports_are_forgotten() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(connected(1, "t1"), 0.0)
    nodes.handle_fact(TransportGone("n1", "b1", 2, "t1", "A", 1, "closed"), 0.1)
    assert nodes.find_transport("t1") is None
    assert nodes.of_session("A") == ()


def test_a_silent_node_is_struck_off_with_its_transports() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(connected(1, "t1"), 0.0)
    assert nodes.silent_nodes(SILENT_AFTER_S) == ()
    assert nodes.silent_nodes(SILENT_AFTER_S + 0.1) == ("n1",)
    assert [t.transport_id for t in nodes.remove_node("n1")] == ["t1"]
    assert nodes.place_transport(SILENT_AFTER_S + 0.1, random.Random(1)) is None


def test_placement_takes_the_emptier_and_counts_its_reservations() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(up("a", transports=3), 0.0)
    nodes.handle_fact(up("b", transports=0), 0.0)
    chance = random.Random(1)
    assert [nodes.place_transport(1.0, chance) for _ in range(3)] == ["b", "b", "b"]
    assert {nodes.place_transport(1.0, chance), nodes.place_transport(1.0, chance)} == {"a", "b"}


def test_placement_shuns_draining_and_busy_nodes() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(up("a", draining=True), 0.0)
    nodes.handle_fact(up("b", cpu=0.95), 0.0)
    assert nodes.place_transport(1.0, random.Random(1)) == "b"
    nodes.handle_fact(up("c", transports=50), 0.0)
    assert nodes.place_transport(1.0, random.Random(1)) == "c"


def test_a_draining_node_is_known_as_such_and_counts_for_no_placement() -> None:
    nodes = NodeDirectory()
    nodes.handle_fact(up("a", draining=True), 0.0)
    assert nodes.is_draining("a")
    assert not nodes.can_place(1.0)
    nodes.handle_fact(up("b"), 0.0)
    assert not nodes.is_draining("b")
    assert not nodes.is_draining("unheard")
    assert nodes.can_place(1.0)
    assert not nodes.can_place(60.0), "both are silent by then"
