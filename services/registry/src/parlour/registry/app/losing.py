"""What follows when a relay loses a transport: its plays end, and its streams do unless they are published anew within the grace.

Relays tell by numbered facts. A gap, a new boot or a node heard for the first time asks for the node's report; a node that falls silent
has lost everything it carried.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.relay import AnyRelayFact, NodeReport, Report, TransportGone, TransportReport
from parlour.kernel.log import Deadline, DueDeadline, EventLog, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as rules
from parlour.registry.domain.nodes import Nodes, Transport
from parlour.registry.domain.state import Stream, Streams
from parlour.runtime.deciding.commit import Call, Change, Committer, Draft
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.life.clock import SystemClock, SystemIds, due_id
from parlour.runtime.messaging.bus import Unavailable
from parlour.runtime.telemetry.logging import logger

from . import claims
from .ports import Relays
from .publishing import change_of

SERVICE = "registry"
LOST = "lost"
"""Why a transport is gone that its node does not know any more: the node died and began anew."""
PAGES = 3
"""How often a report whose pages do not fit together is asked for anew before the next heartbeat gets its turn."""

LOOK_S = 1.0
DEAF_S = 3.0
"""A look that comes so late means that this process stood still, and what it was told meanwhile still waits."""
AGAIN_S = 0.5
"""After which a consequence is tried again that the record could not take."""

WAITING = 65_536
"""Consequences that wait their turn: more than a node has transports."""

log = logger(__name__)


class Gone(msgspec.Struct, frozen=True):
    """A deadline's body: this stream ends if it still lives on this transport."""

    app: int
    room: str
    stream_id: str
    transport_id: str

    @property
    def key(self) -> str:
        """Unique for a stream on a transport."""
        return f"{self.app}/{self.stream_id}/{self.transport_id}"


class Losing:
    """Keeps the directory of nodes, and ends what they lost."""

    def __init__(
        self,
        log: EventLog,
        cache: StateCache[Streams],
        committer: Committer,
        nodes: Nodes,
        relays: Relays,
        news: Callable[[], None],
        grace_s: float,
    ) -> None:
        self._log = log
        self._cache = cache
        self._committer = committer
        self._nodes = nodes
        self._relays = relays
        self._news = news
        self._grace_us = int(grace_s * 1e6)
        self._clock = SystemClock()
        self._ids = SystemIds()
        self._asking: set[str] = set()
        self._todo: asyncio.Queue[Callable[[], Awaitable[object]]] = asyncio.Queue(WAITING)

    def fact(self, fact: AnyRelayFact) -> None:
        """One fact of any node. What follows from it waits its turn in `work`, so that heartbeats are never heard late."""
        if isinstance(fact, TransportGone) and fact.reason == LOST:
            return  # a registry's own word
        before = self._nodes.find(fact.transport_id) if isinstance(fact, TransportGone) else None
        if self._nodes.heard(fact, time.monotonic()):
            self._todo.put_nowait(functools.partial(self.ask, fact.node))
        if isinstance(fact, TransportGone) and fact.reason != "closed":
            transport = before or Transport(fact.transport_id, fact.node, fact.owner, fact.app)
            self._todo.put_nowait(functools.partial(self.lost, transport, fact.streams))

    async def work(self) -> None:
        """Does what follows from facts, one after the other, for ever."""
        while True:
            step = await self._todo.get()
            try:
                await step()
            except (LogUnavailable, Unavailable) as error:
                log.warning("loss_waits", error=str(error))
                asyncio.get_running_loop().call_later(AGAIN_S, self._todo.put_nowait, step)
            except Rejection as error:
                log.warning("loss_not_recorded", error=str(error))
            except Exception as error:
                log.error("fault", where="losing", error=repr(error), exc_info=error)

    async def ask(self, node: str) -> bool:
        """Brings the directory up to date with a node's report; False where none came, or one is being waited for."""
        if node in self._asking:
            return False
        self._asking.add(node)
        try:
            known = self._nodes.carried_by(node)
            report, transports = await self._report(node)
            gone = self._nodes.reported(report, transports, time.monotonic(), known)
            self._news()
            for transport in gone:  # forgotten by now: each is tried until the record has it
                self._todo.put_nowait(functools.partial(self.lost, transport))
            for transport in gone:
                await self._tell(transport, report.boot_id)
        except Rejection as rejection:
            self._nodes.doubt(node)
            log.warning("relay_report_failed", node=node, code=rejection.problem.code)
            return False
        finally:
            self._asking.discard(node)
        return True

    async def lose(self, transport: Transport) -> None:
        """A transport that its node does not know: what follows waits its turn, and its client is told."""
        self._todo.put_nowait(functools.partial(self.lost, transport))
        await self._tell(transport, "")

    async def _tell(self, transport: Transport, boot_id: str) -> None:
        gone = TransportGone(transport.node, boot_id, 0, transport.transport_id, transport.owner, transport.app, LOST)
        await self._relays.tell(gone)

    def silent_nodes(self) -> None:
        """Nodes that are not heard any more have lost everything."""
        for node in self._nodes.silent(time.monotonic()):
            log.warning("relay_silent", node=node)
            for gone in self._nodes.strike(node):
                self._todo.put_nowait(functools.partial(self.lost, gone))

    async def watch(self, hears: Callable[[], Awaitable[bool]]) -> None:
        """Looks for silent nodes once a second, for ever. Time in which we could not hear is no node's silence."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            heard, now = await hears(), time.monotonic()
            if not heard or now - looked > DEAF_S:
                self._nodes.deaf(now)
            looked = now
            self.silent_nodes()

    async def lost(self, transport: Transport, streams: tuple[str, ...] = ()) -> None:
        """A transport is gone: the plays on it end, its streams get their grace."""
        rooms = set(transport.rooms)
        for stream_id in streams:
            holder = await claims.holder_of(self._log, transport.app, stream_id)
            head = await self._log.head(UUID(holder.room_uid)) if holder else None
            if head is not None:
                rooms.add(head.log.room)
        for room in rooms:
            await self._lost_in(transport, room)

    async def due(self, deadline: DueDeadline) -> None:
        """A grace is over."""
        gone = msgspec.json.decode(deadline.body, type=Gone)
        call = Call(gone.app, gone.room, due_id(SERVICE, deadline.key, deadline.due_at), "service:", b"")
        cleared = (Deadline(SERVICE, deadline.key, None),)

        def decide(loaded: Loaded[Streams]) -> Draft:
            stream = loaded.state.streams.get(gone.stream_id)
            change = change_of(loaded, rules.EndTransport(gone.stream_id, gone.transport_id))
            if not change or stream is None or loaded.key is None:
                return call.draft(deadlines=cleared)
            free = claims.release_stream(loaded.key, stream.session_id, stream.actor, stream.stream_id)
            return call.draft(*change, claims=(free,), deadlines=cleared)

        await decide_and_commit(self._cache, self._committer, call, decide)

    async def _lost_in(self, transport: Transport, room: str) -> None:
        call = Call(transport.app, room, self._ids.uuid7(), "service:", b"")

        def decide(loaded: Loaded[Streams]) -> Draft:
            on_it = [s for s in loaded.state.streams.values() if s.transport_id == transport.transport_id]
            ends = [
                rules.EndPlay(p.session_id, p.stream_id, transport.transport_id, "disconnected")
                for p in loaded.state.plays.values()
                if transport.transport_id in p.transports
            ]
            stopped = tuple(event for end in ends for event in rules.decide(loaded.state, end))
            graces = tuple(self._grace(transport.app, room, stream) for stream in on_it if loaded.state.open)
            changes = (Change(loaded.key, "streams", loaded.version, stopped),) if stopped and loaded.key else ()
            return call.draft(*changes, deadlines=graces)

        await decide_and_commit(self._cache, self._committer, call, decide)

    def _grace(self, app: int, room: str, stream: Stream) -> Deadline:
        gone = Gone(app, room, stream.stream_id, stream.transport_id)
        return Deadline(SERVICE, gone.key, self._clock.at() + self._grace_us, msgspec.json.encode(gone))

    async def _report(self, node: str) -> tuple[NodeReport, tuple[TransportReport, ...]]:
        """All pages of one report."""
        for _ in range(PAGES):
            first = await self._relays.call(node, Report(), NodeReport)
            transports, page = first.transports, first
            while page.after and page.number == first.number:
                page = await self._relays.call(node, Report(page.after), NodeReport)
                transports += page.transports
            if page.number == first.number:
                return first, transports
        raise Rejection.of(Code.RELAY_UNAVAILABLE, "the node changes faster than it reports")
