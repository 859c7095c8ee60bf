"""The lifecycle of each transport: ICE connects, DTLS shakes hands, media flows, and one of several ends comes.

new ──ICE──▶ connecting ──DTLS──▶ connected ──▶ gone (closed, peer_closed, ice_timeout, connect_timeout, dtls_failed, fault)
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import msgspec

from parlour.media_core import Core
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.forwarding import Forwarding
from parlour.relay.app.limits import RelayLimits
from parlour.relay.app.ports import DtlsConnection, Handshakes, MonotonicClock
from parlour.relay.domain.session import SessionTable, Transport, streams_of
from parlour.runtime.telemetry.logging import logger


class HalfOpenTransports:
    """The owner of each half-open transport, oldest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._owners: dict[int, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, number: int, owner: str) -> int | None:
        """Adds a new transport; returns the number of the one that must end for it, if any must."""
        surplus = self._surplus(owner) if len(self._owners) >= self._limit else None
        if surplus is not None:
            self.discard(surplus)
        self._owners[number] = owner
        self._counts[owner] += 1
        return surplus

    def discard(self, number: int) -> None:
        """Forgets a transport that is connected or has ended."""
        owner = self._owners.pop(number, None)
        if owner is None:
            return
        self._counts[owner] -= 1
        if not self._counts[owner]:
            del self._counts[owner]

    def _surplus(self, newcomer: str) -> int | None:
        counts = self._counts.copy()
        counts[newcomer] += 1
        largest = max(counts.values())
        return next((number for number, owner in self._owners.items() if counts[owner] == largest), None)


log = logger(__name__)


class _RunningTransport:
    """One transport's DTLS end and task; `since` is monotonic seconds."""

    def __init__(self, transport_id: str, endpoint: DtlsConnection, since: float) -> None:
        self.transport_id = transport_id
        self.endpoint = endpoint
        self.since = since
        self.ice = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.Timeout | None = None

    def expire(self) -> None:
        """Ends the time that the transport has to connect."""
        if self.deadline is not None:
            self.deadline.reschedule(0)


@dataclass(eq=False)
class TransportLifecycle:
    """Starts and ends transports, and publishes what becomes of them. `clock` is monotonic seconds."""

    _table: SessionTable
    _core: Core
    _forwarding: Forwarding
    _handshakes: Handshakes
    _facts: FactPublisher
    _clock: MonotonicClock
    _limits: RelayLimits
    _running: dict[int, _RunningTransport] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._half_open = HalfOpenTransports(self._limits.max_half_open)

    def start(self, transport: Transport) -> None:
        """Opens the transport in the core; a task then waits for its peer."""
        core, number = self._core, transport.number
        core.add_transport(
            number, transport.ufrag, transport.pwd, transport.remote.ufrag, transport.remote.pwd,
            consent_timeout_s=self._limits.consent_timeout_s,
        )  # fmt: skip
        self._table.put_transport(transport)
        owner = _user_key(transport)
        endpoint = self._handshakes.endpoint(
            owner, lambda datagram: self._send(number, datagram), partial(core.install_srtp, number)
        )
        running = self._running[number] = _RunningTransport(transport.transport_id, endpoint, self._clock())
        surplus = self._running.get(self._half_open.add(number, owner) or 0)
        if surplus is not None:
            surplus.expire()
        running.task = asyncio.create_task(self._run(running, number), name=f"transport {transport.transport_id}")

    def _send(self, number: int, datagram: bytes) -> None:
        if number in self._running:
            self._core.send_dtls(number, datagram)

    async def _run(self, running: _RunningTransport, number: int) -> None:
        try:
            reason = await self._wait_end(running)
        except Exception as error:
            log.error("transport_fault", transport_id=running.transport_id, error=repr(error), exc_info=error)
            reason = "fault"
        await self._end(number, reason)

    async def _wait_end(self, running: _RunningTransport) -> str:
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s) as running.deadline:
                await running.ice.wait()
                self._set_state(running, "connecting")
                if not await running.endpoint.connect(self._table.transports[running.transport_id].remote.fingerprints):
                    return "dtls_failed"
        except TimeoutError:
            return "connect_timeout"
        connected = self._set_state(running, "connected")
        self._half_open.discard(connected.number)
        self._facts.publish_connected(connected, round((self._clock() - running.since) * 1000))
        await running.endpoint.wait_closed()
        return "peer_closed"

    def _set_state(self, running: _RunningTransport, state: str) -> Transport:
        changed = msgspec.structs.replace(self._table.transports[running.transport_id], state=state)
        self._table.put_transport(changed)
        return changed

    # from the core

    def handle_ice_connected(self, number: int) -> None:
        """Handles the core's event that the first authenticated check came."""
        if running := self._running.get(number):
            running.ice.set()

    def handle_datagram(self, number: int, datagram: bytes) -> None:
        """Takes a DTLS datagram from an admitted peer; a browser may send a ClientHello on a valid path before it nominates one."""
        if running := self._running.get(number):
            running.ice.set()
            running.endpoint.deliver(datagram)

    async def end(self, number: int, reason: str) -> bool:
        """Ends a transport, with the reason that is published; False when it has ended already."""
        running = self._running.get(number)
        if running is None:
            return False
        if running.task is not None:
            running.task.cancel()
        await self._end(number, reason)
        return True

    async def end_all(self, reason: str) -> None:
        """Ends every transport with one reason."""
        for number in list(self._running):
            await self.end(number, reason)

    async def _end(self, number: int, reason: str) -> None:
        """Closes DTLS first, so that the peer does not wait for its consent to run out."""
        running = self._running.get(number)
        if running is None:
            return
        try:
            await running.endpoint.close()
        except (ConnectionError, KeyError):
            log.debug("close_notify_failed", transport_id=running.transport_id)
        if self._running.pop(number, None) is None:
            return
        self._half_open.discard(number)
        self._forget(self._table.transports[running.transport_id], reason)

    def _forget(self, transport: Transport, reason: str) -> None:
        tracks = self._table.tracks_on(transport.transport_id)
        for sink in self._table.sinks_on(transport.transport_id):
            self._forwarding.drop_sink(sink)
        for track in tracks:
            self._forwarding.drop_track(track)
        self._table.drop_transport(transport.transport_id)
        try:
            self._core.remove_transport(transport.number)
        except KeyError:
            log.debug("core_transport_missing", transport_id=transport.transport_id)
        self._facts.publish_gone(transport, reason, tuple(stream.stream_id for stream in streams_of(tracks)))


def _user_key(transport: Transport) -> str:
    """The person for whom a transport counts, whatever session or resource it belongs to."""
    return f"{transport.app}/{transport.user or transport.owner}"
