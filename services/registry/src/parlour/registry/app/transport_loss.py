"""Ends what a lost relay transport carried: its plays at once, its streams unless they are published anew within the grace.

Relays publish numbered facts. A gap, a new boot or a node heard for the first time asks for the node's report; a node that falls silent
has lost everything that it carried.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.relay import (
    Ack,
    AnyRelayFact,
    MoveTransports,
    NodeReport,
    NodeUp,
    Report,
    TransportGone,
    TransportReport,
)
from parlour.kernel.log import AppendUnit, Deadline, DueDeadline, EventLog, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as domain
from parlour.registry.domain.node_directory import NodeDirectory, RelayTransport
from parlour.runtime.clock import due_id
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import RoomSnapshot
from parlour.runtime.messaging.bus import Unavailable
from parlour.runtime.telemetry.logging import logger

from . import stream_units
from .ports import MonotonicClock, RelayClient
from .stream_units import SERVICE_PRINCIPAL, StreamDecider

SERVICE = "registry"
REASON_LOST = "lost"
"""The reason of a `transport_gone` that a registry publishes for a transport which its node does not know any more."""
REPORT_TRIES = 3
"""How often a report whose pages do not fit together is asked for anew before the next heartbeat asks again."""
CHECK_INTERVAL_S = 1.0
STALL_S = 3.0
"""A check that comes this late means that our own process stood still: what the nodes said meanwhile still waits to be handled."""
RETRY_S = 0.5
"""After which a step that the log could not take is tried again."""
STEPS_WAITING = 65_536
"""Losses that wait to be handled: more than a node has transports."""

log = logger(__name__)


class StreamGrace(msgspec.Struct, frozen=True):
    """A deadline's body: the stream ends if it is still on this transport then."""

    app: int
    room: str
    stream_id: str
    transport_id: str

    @property
    def key(self) -> str:
        """The deadline's key, unique for a stream on a transport."""
        return f"{self.app}/{self.stream_id}/{self.transport_id}"


@dataclass(eq=False)
class TransportLossHandler:
    """Keeps the directory of nodes up to date, and ends what they lost. `now` is monotonic seconds, `grace_s` seconds."""

    _log: EventLog
    _decider: StreamDecider
    _nodes: NodeDirectory
    _relays: RelayClient
    _notify: Callable[[], None]
    _now: MonotonicClock
    grace_s: float
    check_interval_s: float = CHECK_INTERVAL_S
    retry_s: float = RETRY_S
    _reporting: set[str] = field(init=False, default_factory=set)
    _steps: asyncio.Queue[Callable[[], Awaitable[object]]] = field(
        init=False, default_factory=lambda: asyncio.Queue(STEPS_WAITING)
    )

    def handle_fact(self, fact: AnyRelayFact) -> None:
        """Takes one fact of any node; never waits, so that heartbeats are not heard late. What follows from it is done by `run_steps`."""
        if isinstance(fact, TransportGone) and fact.reason == REASON_LOST:
            return  # published by a registry, which has handled it
        before = self._nodes.find_transport(fact.transport_id) if isinstance(fact, TransportGone) else None
        if self._nodes.handle_fact(fact, self._now()):
            self._steps.put_nowait(functools.partial(self.refresh_node, fact.node))
        if isinstance(fact, NodeUp) and fact.load.draining and self._nodes.can_place(self._now()):
            self._steps.put_nowait(functools.partial(self._relays.request, fact.node, MoveTransports(), Ack))
        if isinstance(fact, TransportGone) and fact.reason != "closed":
            transport = before or RelayTransport(fact.transport_id, fact.node, fact.owner, fact.app)
            self._steps.put_nowait(functools.partial(self.end_transport, transport, fact.streams))

    async def run_steps(self) -> None:
        """Does what follows from facts, one after the other, until cancelled; what the log can't take is tried again."""
        while True:
            step = await self._steps.get()
            try:
                await step()
            except (LogUnavailable, Unavailable) as error:
                log.warning("loss_retried", error=str(error))
                asyncio.get_running_loop().call_later(self.retry_s, self._steps.put_nowait, step)
            except Rejection as error:
                log.warning("loss_rejected", error=str(error))
            except Exception as error:
                log.error("fault", where="transport loss", error=repr(error), exc_info=error)

    async def refresh_node(self, node: str) -> bool:
        """Brings the directory up to date with a node's report; False where none came, or one is being waited for."""
        if node in self._reporting:
            return False
        self._reporting.add(node)
        try:
            known = self._nodes.transports_on(node)
            report, transports = await self._load_report(node)
            gone = self._nodes.handle_report(report, transports, self._now(), known)
            self._notify()
            for transport in gone:  # the directory has forgotten them: each is tried until the log has it
                self._steps.put_nowait(functools.partial(self.end_transport, transport))
            for transport in gone:
                await self._publish_loss(transport, report.boot_id)
        except Rejection as rejection:
            self._nodes.expect_report(node)
            log.warning("relay_report_failed", node=node, code=rejection.problem.code)
            return False
        finally:
            self._reporting.discard(node)
        return True

    async def lose_transport(self, transport: RelayTransport) -> None:
        """Queues the end of a transport that its node does not know, and informs its client."""
        self._steps.put_nowait(functools.partial(self.end_transport, transport))
        await self._publish_loss(transport, "")

    async def _publish_loss(self, transport: RelayTransport, boot_id: str) -> None:
        gone = TransportGone(
            transport.node, boot_id, 0, transport.transport_id, transport.owner, transport.app, REASON_LOST
        )
        await self._relays.publish_loss(gone)

    async def watch_silence(self, is_reachable: Callable[[], Awaitable[bool]]) -> None:
        """Checks once a second, until cancelled, for nodes that fell silent: they have lost everything.

        `is_reachable` asks whether NATS delivers to us. Time in which it did not, or in which we stood still, is no node's silence.
        """
        checked_at = self._now()
        while True:
            await asyncio.sleep(self.check_interval_s)
            reachable, now = await is_reachable(), self._now()
            if not reachable or now - checked_at > STALL_S:
                self._nodes.restart_silence(now)
            checked_at = now
            for node in self._nodes.silent_nodes(self._now()):
                log.warning("relay_silent", node=node)
                for gone in self._nodes.remove_node(node):
                    self._steps.put_nowait(functools.partial(self.end_transport, gone))

    async def end_transport(self, transport: RelayTransport, streams: tuple[str, ...] = ()) -> None:
        """Ends the plays on a lost transport and starts the grace of its streams, in each room that it served.

        `streams` are those that the relay named; their rooms are looked up, since the directory may not know them.
        """
        rooms = set(transport.rooms)
        for stream_id in streams:
            holder = await stream_units.load_holder(self._log, transport.app, stream_id)
            head = await self._log.head(UUID(holder.room_uid)) if holder else None
            if head is not None:
                rooms.add(head.log.room)
        for room in rooms:
            await self._end_in_room(transport, room)

    async def handle_deadline(self, deadline: DueDeadline) -> None:
        """The deadline loop's handler: the grace of a stream is over."""
        grace = msgspec.json.decode(deadline.body, type=StreamGrace)
        context = CommandContext(
            grace.app, grace.room, due_id(SERVICE, deadline.key, deadline.due_at), SERVICE_PRINCIPAL, b""
        )
        end = domain.EndTransport(grace.stream_id, grace.transport_id)
        await self._decider.commit(context, end, deadlines=(Deadline(SERVICE, deadline.key, None),))

    async def _end_in_room(self, transport: RelayTransport, room: str) -> None:
        context = CommandContext(transport.app, room, self._decider.ids.uuid7(), SERVICE_PRINCIPAL, b"")
        transport_id = transport.transport_id

        def decide(loaded: RoomSnapshot[domain.State]) -> AppendUnit:
            ends = [
                domain.EndPlay(play.session_id, play.stream_id, transport_id, "disconnected")
                for play in loaded.state.plays.values()
                if transport_id in play.transports
            ]
            graces = tuple(
                self._start_grace(transport.app, room, stream)
                for stream in loaded.state.streams.values()
                if stream.transport_id == transport_id and isinstance(loaded.state, domain.Open)
            )
            return context.make_unit(*self._decider.decide(loaded, *ends).changes, deadlines=graces)

        await self._decider.rooms.decide_and_commit(context, decide)

    def _start_grace(self, app: int, room: str, stream: domain.Stream) -> Deadline:
        grace = StreamGrace(app, room, stream.stream_id, stream.transport_id)
        at = self._decider.clock.at() + int(self.grace_s * 1e6)
        return Deadline(SERVICE, grace.key, at, msgspec.json.encode(grace))

    async def _load_report(self, node: str) -> tuple[NodeReport, tuple[TransportReport, ...]]:
        """The first page of a node's report, and the transports of all its pages, which must be of one moment."""
        for _ in range(REPORT_TRIES):
            first = await self._relays.request(node, Report(), NodeReport)
            transports, page = first.transports, first
            while page.after and page.number == first.number:
                page = await self._relays.request(node, Report(page.after), NodeReport)
                transports += page.transports
            if page.number == first.number:
                return first, transports
        raise Rejection(Code.RELAY_UNAVAILABLE, "the node changes faster than it reports")
