"""Which relay nodes there are, what they carry, and where a new transport goes. No I/O: time and chance are arguments.

Rules: 1. A node counts as up while it was heard within `SILENT_S`. 2. Facts of a node are numbered within a boot; a gap, a new boot or a
node heard for the first time asks for a report. 3. Placement looks at two nodes drawn at random and takes the emptier; each placement
reserves room there until the node's next heartbeat counts it.
"""

from typing import Protocol

import msgspec

from parlour.contracts.relay import (
    AnyRelayFact,
    NodeLoad,
    NodeReport,
    NodeUp,
    TransportConnected,
    TransportGone,
    TransportReport,
)

SILENT_S = 10.0
BUSY = 0.85
"""Share of its packet threads above which a node gets new transports only where all are that busy."""


class Chance(Protocol):
    """The part of `random.Random` that placement needs."""

    def sample(self, population: list["Node"], k: int) -> list["Node"]:
        """`k` different ones."""
        ...


class Node(msgspec.Struct):
    """A relay node as last heard (`heard`: monotonic seconds)."""

    name: str
    boot_id: str
    number: int
    load: NodeLoad
    heard: float
    reserved: int = 0


class Transport(msgspec.Struct, frozen=True):
    """A transport on a node; `owner` is a session, or `session/resource`. `rooms`: those that it is known to serve."""

    transport_id: str
    node: str
    owner: str
    app: int
    rooms: frozenset[str] = frozenset()

    @property
    def session_id(self) -> str:
        """The session that it belongs to."""
        return self.owner.partition("/")[0]

    @property
    def resource(self) -> str:
        """What sets it apart in its session; mostly empty."""
        return self.owner.partition("/")[2]


class Nodes:
    """The directory that one registry process keeps; refilled from reports whenever it may have missed something."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._transports: dict[str, Transport] = {}
        self._by_session: dict[str, dict[str, Transport]] = {}

    def heard(self, fact: AnyRelayFact, now: float) -> bool:
        """Takes a fact in; True where a report must be asked for."""
        node = self._nodes.get(fact.node)
        stale = node is None or node.boot_id != fact.boot_id or self._missed(node, fact)
        if node is None or node.boot_id != fact.boot_id:
            node = self._nodes[fact.node] = Node(fact.node, fact.boot_id, fact.number, NodeLoad(0, 0, 0, 0.0), now)
        node.heard, node.number = now, max(node.number, fact.number)
        match fact:
            case NodeUp(load=load):
                node.load, node.reserved = load, 0
            case TransportConnected():
                self.learned(Transport(fact.transport_id, fact.node, fact.owner, fact.app))
            case TransportGone():
                self.forget(fact.transport_id)
            case _:
                pass
        return stale

    def knows(self, name: str) -> bool:
        """Whether the node counts as up."""
        return name in self._nodes

    def doubt(self, name: str) -> None:
        """The node's report did not come: whatever is heard of it next asks for one again."""
        node = self._nodes.get(name)
        if node is not None:
            node.number = -1

    @staticmethod
    def _missed(node: Node, fact: AnyRelayFact) -> bool:
        expected = node.number if isinstance(fact, NodeUp) else node.number + 1
        return fact.number > expected

    def reported(
        self,
        report: NodeReport,
        transports: tuple[TransportReport, ...],
        now: float,
        known: frozenset[str] | None = None,
    ) -> tuple[Transport, ...]:
        """Takes a report with the transports of all its pages in; those of this node that it lacks are gone and returned.

        known: the node's transports when the report was asked for; one that was made meanwhile may be missing in it.
        """
        self._nodes[report.node] = Node(report.node, report.boot_id, report.number, report.load, now)
        there = {t.transport_id for t in transports}
        gone = tuple(
            t
            for t in self._transports.values()
            if t.node == report.node and t.transport_id not in there and (known is None or t.transport_id in known)
        )
        for transport in gone:
            self.forget(transport.transport_id)
        for entry in transports:
            self.learned(Transport(entry.transport_id, report.node, entry.owner, entry.app))
        return gone

    def carried_by(self, name: str) -> frozenset[str]:
        """The ids of a node's transports."""
        return frozenset(t.transport_id for t in self._transports.values() if t.node == name)

    def deaf(self, now: float) -> None:
        """We could not hear until now: every node has its full time again."""
        for node in self._nodes.values():
            node.heard = now

    def silent(self, now: float) -> tuple[str, ...]:
        """Nodes not heard for `SILENT_S`; they are struck off with their transports by `strike`."""
        return tuple(name for name, node in self._nodes.items() if now - node.heard > SILENT_S)

    def strike(self, name: str) -> tuple[Transport, ...]:
        """Forgets a node; what it carried."""
        self._nodes.pop(name, None)
        gone = tuple(t for t in self._transports.values() if t.node == name)
        for transport in gone:
            self.forget(transport.transport_id)
        return gone

    def place(self, now: float, chance: Chance) -> str | None:
        """The node for a new transport, reserved there; None where there is no node."""
        up = [n for n in self._nodes.values() if now - n.heard <= SILENT_S and not n.load.draining]
        up = [n for n in up if n.load.cpu < BUSY] or up
        if not up:
            return None
        best = min(chance.sample(up, min(2, len(up))), key=lambda n: (n.load.transports + n.reserved, n.load.cpu))
        best.reserved += 1
        return best.name

    def learned(self, transport: Transport) -> None:
        """A transport exists; rooms known before stay known."""
        before = self._transports.get(transport.transport_id)
        if before is not None:
            transport = msgspec.structs.replace(transport, rooms=before.rooms | transport.rooms)
        self._transports[transport.transport_id] = transport
        self._by_session.setdefault(transport.session_id, {})[transport.transport_id] = transport

    def forget(self, transport_id: str) -> None:
        """A transport is no more."""
        transport = self._transports.pop(transport_id, None)
        if transport is None:
            return
        own = self._by_session.get(transport.session_id, {})
        own.pop(transport_id, None)
        if not own:
            self._by_session.pop(transport.session_id, None)

    def find(self, transport_id: str) -> Transport | None:
        """The transport of that id."""
        return self._transports.get(transport_id)

    def resources(self) -> tuple[Transport, ...]:
        """All transports that stand for themselves."""
        return tuple(t for t in self._transports.values() if t.resource)

    def of_session(self, session_id: str) -> tuple[Transport, ...]:
        """All transports of a session."""
        return tuple(self._by_session.get(session_id, {}).values())
