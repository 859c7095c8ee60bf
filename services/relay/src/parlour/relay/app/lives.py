"""The life of each transport: ICE connects, DTLS shakes hands, media flows, and one of many ends comes.

new ──ICE──▶ connecting ──DTLS──▶ connected ──▶ gone (closed, peer_closed, ice_timeout, connect_timeout, dtls_failed, fault)
"""

import asyncio
from functools import partial

import msgspec

from parlour.relay.app.fact_book import FactBook
from parlour.relay.app.forwarding import Forwarding
from parlour.relay.app.half_open import HalfOpen
from parlour.relay.app.limits import Limits
from parlour.relay.app.ports import Clock, Endpoint, Handshakes, PacketCore
from parlour.relay.domain.session import SessionTable, Transport, streams_of
from parlour.runtime.telemetry.logging import logger

log = logger(__name__)


class _Life:
    """One transport's running parts."""

    def __init__(self, transport_id: str, endpoint: Endpoint, since: float) -> None:
        self.transport_id = transport_id
        self.endpoint = endpoint
        self.since = since
        self.ice = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.Timeout | None = None

    def give_up(self) -> None:
        """The time to connect ends now."""
        if self.deadline is not None:
            self.deadline.reschedule(0)


class Lives:
    """Starts, follows and ends transports."""

    def __init__(
        self,
        table: SessionTable,
        core: PacketCore,
        forwarding: Forwarding,
        handshakes: Handshakes,
        book: FactBook,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._table = table
        self._core = core
        self._forwarding = forwarding
        self._handshakes = handshakes
        self._book = book
        self._clock = clock
        self._limits = limits
        self._lives: dict[int, _Life] = {}
        self._half_open = HalfOpen(limits.half_open)

    def begin(self, transport: Transport) -> None:
        """Opens the transport in the core and waits for its peer."""
        core, number = self._core, transport.number
        core.add_transport(
            number, transport.ufrag, transport.pwd, transport.remote.ufrag, transport.remote.pwd,
            consent_timeout_s=self._limits.consent_timeout_s,
        )  # fmt: skip
        self._table.put_transport(transport)
        owner = _holder(transport)
        endpoint = self._handshakes.endpoint(
            owner, lambda datagram: self._send(number, datagram), partial(core.install_srtp, number)
        )
        life = self._lives[number] = _Life(transport.transport_id, endpoint, self._clock())
        surplus = self._lives.get(self._half_open.add(number, owner) or 0)
        if surplus is not None:
            surplus.give_up()
        life.task = asyncio.create_task(self._live(life, number), name=f"transport {transport.transport_id}")

    def _send(self, number: int, datagram: bytes) -> None:
        if number in self._lives:
            self._core.send_dtls(number, datagram)

    async def _live(self, life: _Life, number: int) -> None:
        try:
            reason = await self._until_the_end(life)
        except Exception as error:
            log.error("transport_fault", transport_id=life.transport_id, error=repr(error), exc_info=error)
            reason = "fault"
        await self._end(number, reason)

    async def _until_the_end(self, life: _Life) -> str:
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s) as life.deadline:
                await life.ice.wait()
                self._set_state(life, "connecting")
                if not await life.endpoint.connect(self._table.transports[life.transport_id].remote.fingerprints):
                    return "dtls_failed"
        except TimeoutError:
            return "connect_timeout"
        connected = self._set_state(life, "connected")
        self._half_open.discard(connected.number)
        self._book.connected(connected, round((self._clock() - life.since) * 1000))
        await life.endpoint.wait_closed()
        return "peer_closed"

    def _set_state(self, life: _Life, state: str) -> Transport:
        changed = msgspec.structs.replace(self._table.transports[life.transport_id], state=state)
        self._table.put_transport(changed)
        return changed

    # from the core

    def ice_connected(self, number: int) -> None:
        """The first authenticated check came."""
        if life := self._lives.get(number):
            life.ice.set()

    def datagram(self, number: int, datagram: bytes) -> None:
        """A DTLS datagram from an admitted peer; a browser may say hello on a valid path before it nominates one."""
        if life := self._lives.get(number):
            life.ice.set()
            life.endpoint.deliver(datagram)

    async def end(self, number: int, reason: str) -> bool:
        """Ends a transport from outside its own life; False when it is gone already."""
        life = self._lives.get(number)
        if life is None:
            return False
        if life.task is not None:
            life.task.cancel()
        await self._end(number, reason)
        return True

    async def end_all(self, reason: str) -> None:
        """Ends every transport."""
        for number in list(self._lives):
            await self.end(number, reason)

    async def _end(self, number: int, reason: str) -> None:
        """Says goodbye first, so that the peer does not wait for its consent to run out."""
        life = self._lives.get(number)
        if life is None:
            return
        try:
            await life.endpoint.close()
        except (ConnectionError, KeyError):
            log.debug("close_notify_unsent", transport_id=life.transport_id)
        if self._lives.pop(number, None) is None:
            return
        self._half_open.discard(number)
        self._forget(self._table.transports[life.transport_id], reason)

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
            log.debug("core_dropped_it_first", transport_id=transport.transport_id)
        self._book.gone(transport, reason, tuple(stream.stream_id for stream in streams_of(tracks)))


def _holder(transport: Transport) -> str:
    """Whom a transport counts for: the person, whatever sessions and resources it belongs to."""
    return f"{transport.app}/{transport.user or transport.owner}"
