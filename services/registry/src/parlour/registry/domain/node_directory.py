"""Which relay nodes there are, what they carry, and where a new transport goes. No I/O: time and chance are arguments.

Rules: 1. A node counts as up while it was heard within `silent_after_s`. 2. Facts of a node are numbered within a boot; a gap, a new boot
or a node heard for the first time asks for a report. 3. Placement draws two nodes at random and takes the emptier; each placement
reserves a transport there until the node's next heartbeat counts it.
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

SILENT_AFTER_S = 10.0
BUSY_CPU = 0.85
"""Share of its packet threads above which a node gets new transports only where all nodes are that busy."""


class NodeSampler(Protocol):
    """The part of `random.Random` that placement needs."""

    def sample(self, population: list["RelayNode"], k: int) -> list["RelayNode"]:
        """Draws `k` different nodes at random."""
        ...


class RelayNode(msgspec.Struct):
    """A relay node as last heard: `heard_at` in monotonic seconds, `number` of its last fact (-1: its report is missing)."""

    name: str
    boot_id: str
    number: int
    load: NodeLoad
    heard_at: float
    reserved: int = 0


class RelayTransport(msgspec.Struct, frozen=True):
    """A transport on a node; `owner` is a session, or `session/resource`. `rooms`: those that it is known to serve."""

    transport_id: str
    node: str
    owner: str
    app: int
    rooms: frozenset[str] = frozenset()

    @property
    def session_id(self) -> str:
        """The session that the transport belongs to."""
        return self.owner.partition("/")[0]

    @property
    def resource(self) -> str:
        """The WHIP or WHEP resource whose transport this is; empty for a client's own."""
        return self.owner.partition("/")[2]


class NodeDirectory:
    """The nodes and transports that one registry process knows; refilled from reports whenever it may have missed something."""

    def __init__(self, silent_after_s: float = SILENT_AFTER_S) -> None:
        self._silent_after_s = silent_after_s
        self._nodes: dict[str, RelayNode] = {}
        self._transports: dict[str, RelayTransport] = {}
        self._by_session: dict[str, dict[str, RelayTransport]] = {}

    def handle_fact(self, fact: AnyRelayFact, now: float) -> bool:
        """Takes a fact in; True where a report must be asked for (rule 2)."""
        node = self._nodes.get(fact.node)
        if node is None or node.boot_id != fact.boot_id:
            stale = True
            node = self._nodes[fact.node] = RelayNode(fact.node, fact.boot_id, fact.number, NodeLoad(0, 0, 0, 0.0), now)
        else:
            expected = node.number if isinstance(fact, NodeUp) else node.number + 1
            stale = fact.number > expected
        node.heard_at, node.number = now, max(node.number, fact.number)
        match fact:
            case NodeUp(load=load):
                node.load, node.reserved = load, 0
            case TransportConnected():
                self.add_transport(RelayTransport(fact.transport_id, fact.node, fact.owner, fact.app))
            case TransportGone():
                self.remove_transport(fact.transport_id)
            case _:
                pass
        return stale

    def is_up(self, name: str) -> bool:
        """Whether the node counts as up."""
        return name in self._nodes

    def is_draining(self, name: str) -> bool:
        """Whether the node said that it is about to stop."""
        node = self._nodes.get(name)
        return node is not None and node.load.draining

    def expect_report(self, name: str) -> None:
        """The node's report did not come: its next fact asks for one again."""
        node = self._nodes.get(name)
        if node is not None:
            node.number = -1

    def handle_report(
        self,
        report: NodeReport,
        transports: tuple[TransportReport, ...],
        now: float,
        known: frozenset[str] | None = None,
    ) -> tuple[RelayTransport, ...]:
        """Takes a report with the transports of all its pages in; forgets and returns those of this node that are not in it.

        known: the node's transports when the report was asked for; one that was made meanwhile may be missing in it.
        """
        self._nodes[report.node] = RelayNode(report.node, report.boot_id, report.number, report.load, now)
        reported = {transport.transport_id for transport in transports}
        gone = tuple(
            transport
            for transport in self._transports.values()
            if transport.node == report.node
            and transport.transport_id not in reported
            and (known is None or transport.transport_id in known)
        )
        for transport in gone:
            self.remove_transport(transport.transport_id)
        for entry in transports:
            self.add_transport(RelayTransport(entry.transport_id, report.node, entry.owner, entry.app))
        return gone

    def transports_on(self, name: str) -> frozenset[str]:
        """The ids of a node's transports."""
        return frozenset(t.transport_id for t in self._transports.values() if t.node == name)

    def restart_silence(self, now: float) -> None:
        """We could not hear until now: the silence of every node counts from here."""
        for node in self._nodes.values():
            node.heard_at = now

    def silent_nodes(self, now: float) -> tuple[str, ...]:
        """Nodes that were not heard for `silent_after_s`."""
        return tuple(name for name, node in self._nodes.items() if now - node.heard_at > self._silent_after_s)

    def remove_node(self, name: str) -> tuple[RelayTransport, ...]:
        """Forgets a node; returns the transports that it carried, which are forgotten too."""
        self._nodes.pop(name, None)
        gone = tuple(transport for transport in self._transports.values() if transport.node == name)
        for transport in gone:
            self.remove_transport(transport.transport_id)
        return gone

    def place_transport(self, now: float, sampler: NodeSampler) -> str | None:
        """Chooses the node for a new transport and reserves it there (rule 3); None where no node is up."""
        up = self._placeable(now)
        up = [node for node in up if node.load.cpu < BUSY_CPU] or up
        if not up:
            return None
        drawn = sampler.sample(up, min(2, len(up)))
        best = min(drawn, key=lambda node: (node.load.transports + node.reserved, node.load.cpu))
        best.reserved += 1
        return best.name

    def can_place(self, now: float) -> bool:
        """Whether a new transport would find a node."""
        return bool(self._placeable(now))

    def _placeable(self, now: float) -> list[RelayNode]:
        heard = (node for node in self._nodes.values() if now - node.heard_at <= self._silent_after_s)
        return [node for node in heard if not node.load.draining]

    def add_transport(self, transport: RelayTransport) -> None:
        """Adds a transport; the rooms of one that is known already are kept."""
        before = self._transports.get(transport.transport_id)
        if before is not None:
            transport = msgspec.structs.replace(transport, rooms=before.rooms | transport.rooms)
        self._transports[transport.transport_id] = transport
        self._by_session.setdefault(transport.session_id, {})[transport.transport_id] = transport

    def remove_transport(self, transport_id: str) -> None:
        """Forgets a transport, if it is known."""
        transport = self._transports.pop(transport_id, None)
        if transport is None:
            return
        own = self._by_session.get(transport.session_id, {})
        own.pop(transport_id, None)
        if not own:
            self._by_session.pop(transport.session_id, None)

    def find_transport(self, transport_id: str) -> RelayTransport | None:
        """The transport of that id, or None."""
        return self._transports.get(transport_id)

    def resource_transports(self) -> tuple[RelayTransport, ...]:
        """All transports of WHIP and WHEP resources."""
        return tuple(transport for transport in self._transports.values() if transport.resource)

    def of_session(self, session_id: str) -> tuple[RelayTransport, ...]:
        """All transports of a session."""
        return tuple(self._by_session.get(session_id, {}).values())
