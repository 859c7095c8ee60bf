"""DTLS-SRTP handshakes (RFC 5764) over datagrams that the packet core carries.

`CoreDtlsTransport` keeps aiortc's handshake and replaces what a relay needs differently: the datagrams come from the core and go
back to it, SRTP keys are handed to the core instead of a session in Python, and what OpenSSL writes is cut at record borders. The
private surface it rests on is pinned by a contract test.

A handshake begins with the peer's ClientHello: a peer that connects by ICE and stays silent has no OpenSSL object and takes no step.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL

from parlour.relay.domain.sdp.model import Fingerprint

SRTP_PROFILES = (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80)
"""As DTLS server our order wins: the cheapest cipher first."""


class NodeCertificate(RTCCertificate):
    """ECDSA P-256, self-signed, made anew by each process; peers learn its digest from the answer."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: Sequence[SRTPProtectionProfile]) -> SSL.Context:
        """The context that all connections share; making one costs about as much as a quarter of a handshake."""
        if self._context is None:
            self._context = super()._create_ssl_context(list(srtp_profiles))
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    @property
    def fingerprint(self) -> Fingerprint:
        """The SHA-256 digest, as an answer shows it."""
        found = next(print_ for print_ in self.getFingerprints() if print_.algorithm == "sha-256")
        return Fingerprint(algorithm=found.algorithm, value=found.value)


class HandshakeScheduler:
    """Grants one step at a time: round-robin over owners, in order of arrival within an owner."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._granting = False

    async def wait_step(self, owner: str) -> None:
        """Returns when this owner may do one step; the caller does it before its next await."""
        step: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(step)
        if not self._granting:
            self._granting = True
            self._grant()
        await step

    def _grant(self) -> None:
        """Grants the next step, and looks again when the loop has done everything else that was ready."""
        while self._waiting:
            owner, steps = self._waiting.popitem(last=False)
            step = steps.popleft()
            if steps:
                self._waiting[owner] = steps
            if not step.cancelled():
                step.set_result(None)
                asyncio.get_running_loop().call_soon(self._grant)
                return
        self._granting = False


CIPHERTEXT_MTU = 1200
"""Fits every path that carries WebRTC; browsers assume the same."""
RECORD_HEADER = 13
"""DTLS 1.2: type, version, epoch, sequence number, length (RFC 6347 §4.1)."""
MAX_QUEUED_DATAGRAMS = 64
"""A flight is a handful; the core bounds its own queue to 32."""
HANDSHAKE, CLIENT_HELLO = 22, 1
"""Content type of the record, and type of the handshake message in it (RFC 6347 §4.3.2)."""
PROFILE_IDS = {b"SRTP_AEAD_AES_128_GCM": 0x0007, b"SRTP_AEAD_AES_256_GCM": 0x0008, b"SRTP_AES128_CM_SHA1_80": 0x0001}


SrtpKeys = Callable[[int, bytes, bytes, bytes, bytes], None]
"""Takes a finished handshake's keys: profile id (RFC 5764, RFC 7714), received key and salt, sent key and salt."""


async def _no_wait() -> None:
    """For an end that shares no event loop with others."""


class CoreDatagrams:
    """What aiortc takes for an ICE transport: a queue filled from the core's events, and the core's send.

    `wait_step` is awaited before each datagram is handed to OpenSSL.
    """

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None], wait_step: Callable[[], Awaitable[None]] = _no_wait) -> None:
        self._send_now = send
        self._wait_step = wait_step
        self._waiting: deque[bytes] = deque(maxlen=MAX_QUEUED_DATAGRAMS)
        self._arrived = asyncio.Event()
        self.closed = False

    def deliver(self, datagram: bytes) -> None:
        """One datagram from the peer; empty ones carry nothing."""
        if datagram:
            self._waiting.append(datagram)
            self._arrived.set()

    async def wait_client_hello(self) -> None:
        """Returns when a ClientHello is the next datagram, or raises ConnectionError; what comes before it is dropped."""
        while True:
            await self._wait_datagram()
            if starts_client_hello(self._waiting[0]):
                return
            self._waiting.popleft()

    def close(self) -> None:
        """Whoever waits for a datagram gets ConnectionError."""
        self.closed = True
        self._arrived.set()

    async def _wait_datagram(self) -> None:
        while not self._waiting:
            if self.closed:
                raise ConnectionError("the transport is closed")
            self._arrived.clear()
            await self._arrived.wait()

    async def _recv(self) -> bytes:
        await self._wait_datagram()
        await self._wait_step()
        return self._waiting.popleft()

    async def send(self, datagram: bytes) -> None:
        """One datagram to the peer, or ConnectionError once closed."""
        if self.closed:
            raise ConnectionError("the transport is closed")
        self._send_now(datagram)

    _send = send


class CoreDtlsTransport(RTCDtlsTransport):
    """A DTLS server whose keys go to the packet core. No pylibsrtp session is made, so aiortc ignores RTP."""

    def __init__(self, datagrams: CoreDatagrams, certificate: NodeCertificate, keys: SrtpKeys) -> None:
        super().__init__(datagrams, [certificate])  # pyright: ignore[reportArgumentType] - of ICE it uses these three names
        self._srtp_profiles = list(SRTP_PROFILES)
        self._datagrams = datagrams
        self._keys = keys
        self._set_role("server")

    async def _do_handshake(self) -> None:
        assert self._ssl is not None
        self._ssl.set_ciphertext_mtu(CIPHERTEXT_MTU)
        await super()._do_handshake()

    def _setup_srtp(self) -> None:
        """Hands keys and salts to the core; the client's come first (RFC 5764 §4.2) and are what we receive with."""
        assert self._ssl is not None
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((each for each in SRTP_PROFILES if each.openssl_profile == chosen), None)
        if profile is None:
            self._set_state(State.FAILED)
            return
        key, salt = profile.key_length, profile.salt_length
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        rx, tx = (profile.get_key_and_salt(material, index) for index in (0, 1))
        self._keys(PROFILE_IDS[chosen], rx[:key], rx[key:], tx[:key], tx[key:])

    async def _write_ssl(self) -> None:
        """Sends all that OpenSSL has written, whole records in datagrams of at most the MTU."""
        for datagram in split_records(self._pending_output()):
            await self._datagrams.send(datagram)

    def _pending_output(self) -> bytes:
        assert self._ssl is not None
        parts: list[bytes] = []
        while True:
            try:
                parts.append(self._ssl.bio_read(65536))
            except SSL.Error:
                return b"".join(parts)


def starts_client_hello(datagram: bytes) -> bool:
    """Whether the datagram's first record carries a ClientHello or a fragment of one."""
    return len(datagram) > RECORD_HEADER and (datagram[0], datagram[RECORD_HEADER]) == (HANDSHAKE, CLIENT_HELLO)


def split_records(output: bytes) -> Iterator[bytes]:
    """Splits OpenSSL's output into datagrams of whole records: the memory BIO does not say where they end, the record headers do."""
    datagram = b""
    while output:
        size = RECORD_HEADER + int.from_bytes(output[RECORD_HEADER - 2 : RECORD_HEADER], "big")
        record, output = output[:size], output[size:]
        if datagram and len(datagram) + len(record) > CIPHERTEXT_MTU:
            yield datagram
            datagram = b""
        datagram += record
    if datagram:
        yield datagram


class DtlsHandshakes:
    """Makes the DTLS ends of transports, whose handshakes share the loop's time by owner; a handshake may take `timeout_s`."""

    def __init__(self, certificate: NodeCertificate, *, timeout_s: float) -> None:
        self._certificate = certificate
        self._scheduler = HandshakeScheduler()
        self._timeout_s = timeout_s

    def endpoint(self, owner: str, send: Callable[[bytes], None], keys: SrtpKeys) -> "DtlsEndpoint":
        """The DTLS end of one transport; `owner` is who its share of the loop's time is counted for."""
        datagrams = CoreDatagrams(send, lambda: self._scheduler.wait_step(owner))
        return DtlsEndpoint(datagrams, CoreDtlsTransport(datagrams, self._certificate, keys), self._timeout_s)


class DtlsEndpoint:
    """One transport's DTLS: `connect` once ICE is established, `deliver` datagrams, `wait_closed`, `close`."""

    def __init__(self, datagrams: CoreDatagrams, transport: CoreDtlsTransport, timeout_s: float) -> None:
        self._datagrams = datagrams
        self._transport = transport
        self._timeout_s = timeout_s
        self._closed = asyncio.Event()
        self._transport.on("statechange", self._state_changed)

    def deliver(self, datagram: bytes) -> None:
        """One datagram from the peer."""
        self._datagrams.deliver(datagram)

    async def connect(self, fingerprints: tuple[Fingerprint, ...]) -> bool:
        """The handshake with a peer whose certificate has these digests; False when it failed or took too long.

        It begins when the peer says hello; how long to wait for that is the caller's to decide.
        """
        peer = RTCDtlsParameters([RTCDtlsFingerprint(each.algorithm, each.value) for each in fingerprints])
        try:
            await self._datagrams.wait_client_hello()
            async with asyncio.timeout(self._timeout_s):
                await self._transport.start(peer)
        except (TimeoutError, ConnectionError):
            return False
        return self._transport.state == "connected"

    async def wait_closed(self) -> None:
        """Returns when the peer has said close_notify or the transport was closed."""
        await self._closed.wait()

    async def close(self) -> None:
        """Says close_notify and lets go."""
        if not self._datagrams.closed:
            await self._transport.stop()
            self._datagrams.close()
        self._closed.set()

    def _state_changed(self) -> None:
        if self._transport.state in ("closed", "failed"):
            self._closed.set()
