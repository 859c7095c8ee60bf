"""Handshakes without the core, and the private surface of aiortc that they rest on."""

# What pyright calls private usage is what these tests pin.
# pyright: reportPrivateUsage=false

import asyncio
import inspect
from collections.abc import Callable

import aiortc
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport, State
from OpenSSL import SSL

from parlour.relay.adapters.dtls import (
    CIPHERTEXT_MTU,
    SRTP_PROFILES,
    CoreDatagrams,
    DtlsEndpoint,
    DtlsHandshakes,
    NodeCertificate,
    split_records,
)
from parlour.relay.domain.sdp.model import Fingerprint

NODE = NodeCertificate.generateCertificate()
Keys = tuple[int, bytes, bytes, bytes, bytes]


class Peer:
    """An aiortc DTLS client wired to an endpoint; `mangle` may split, drop or repeat what it sends."""

    def __init__(
        self,
        *,
        timeout_s: float = 5.0,
        handshakes: DtlsHandshakes | None = None,
        owner: str = "1/session",
        mangle: Callable[[bytes], list[bytes]] = lambda data: [data],
    ) -> None:
        self.keys: list[Keys] = []
        self.received: list[bytes] = []
        self.certificate = RTCCertificate.generateCertificate()
        self.handshakes = handshakes or DtlsHandshakes(NODE, timeout_s=timeout_s)
        self.server: DtlsEndpoint = self.handshakes.endpoint(owner, self._to_client, self._agreed)
        self.mangle = mangle
        self.datagrams = CoreDatagrams(self._to_server)
        self.client = RTCDtlsTransport(self.datagrams, [self.certificate])  # pyright: ignore[reportArgumentType] - as the adapter
        self.client._set_role("client")

    def _agreed(self, profile: int, rx_key: bytes, rx_salt: bytes, tx_key: bytes, tx_salt: bytes) -> None:
        self.keys.append((profile, rx_key, rx_salt, tx_key, tx_salt))

    def _to_server(self, datagram: bytes) -> None:
        for part in self.mangle(datagram):
            self.server.deliver(part)

    def _to_client(self, datagram: bytes) -> None:
        self.received.append(datagram)
        self.datagrams.deliver(datagram)

    def fingerprints(self) -> tuple[Fingerprint, ...]:
        return tuple(Fingerprint(each.algorithm, each.value) for each in self.certificate.getFingerprints())

    async def shake(self, fingerprints: tuple[Fingerprint, ...] | None = None) -> bool:
        connected, _ = await asyncio.gather(
            self.server.connect(fingerprints or self.fingerprints()),
            self.client.start(RTCDtlsParameters(NODE.getFingerprints(), "server")),
        )
        return connected

    async def close(self) -> None:
        await self.client.stop()
        await self.server.close()
        self.datagrams.close()


def test_the_surface_of_aiortc_that_we_rest_on() -> None:
    assert aiortc.__version__.startswith("1.16.")
    for name in (
        "_do_handshake",
        "_setup_srtp",
        "_write_ssl",
        "_recv_next",
        "_set_role",
        "_set_state",
        "start",
        "stop",
    ):
        assert callable(getattr(RTCDtlsTransport, name))
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    assert [state.name for state in State] == ["NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"]
    source = inspect.getsource(RTCDtlsTransport)
    for used in (
        "self.transport._recv()",
        "self._srtp_profiles",
        "self._setup_srtp()",
        "self._validate_peer_identity(",
    ):
        assert used in source
    assert source.index("self._validate_peer_identity(") < source.index("self._setup_srtp()")
    assert set(dir(SSL.Connection)) >= {
        "set_ciphertext_mtu",
        "bio_read",
        "get_selected_srtp_profile",
        "export_keying_material",
    }


async def test_keys_of_both_ends_agree_and_gcm128_is_chosen() -> None:
    peer = Peer()
    assert await peer.shake()
    profile, rx_key, rx_salt, _tx_key, tx_salt = peer.keys[0]
    assert profile == 0x0007
    assert (len(rx_key), len(rx_salt), len(tx_salt)) == (16, 12, 12)
    assert all(len(datagram) <= CIPHERTEXT_MTU for datagram in peer.received)
    assert peer.client._ssl is not None
    material = peer.client._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 56)
    assert SRTP_PROFILES[0].get_key_and_salt(material, 0) == rx_key + rx_salt
    await peer.close()


async def test_a_client_hello_in_fragments_is_put_together() -> None:
    peer = Peer(mangle=in_fragments)
    assert await peer.shake()
    await peer.close()


async def test_a_client_hello_in_fragments_out_of_order_is_put_together() -> None:
    peer = Peer(mangle=lambda data: in_fragments(data)[::-1])
    assert await peer.shake()
    await peer.close()


def in_fragments(datagram: bytes) -> list[bytes]:
    """A ClientHello cut in two handshake fragments (RFC 6347 §4.2.3), as browsers' post-quantum ones are; others as they are."""
    if datagram[:1] != b"\x16" or datagram[13:14] != b"\x01":
        return [datagram]
    version, handshake, body = datagram[1:3], datagram[13:19], datagram[25:]
    fragments: list[bytes] = []
    for sequence, (start, end) in ((0, (0, 60)), (16, (60, len(body)))):
        piece = handshake + start.to_bytes(3, "big") + (end - start).to_bytes(3, "big") + body[start:end]
        fragments.append(b"\x16" + version + sequence.to_bytes(8, "big") + len(piece).to_bytes(2, "big") + piece)
    return fragments


async def test_a_wrong_fingerprint_yields_no_keys() -> None:
    peer = Peer()
    assert not await peer.shake((Fingerprint("sha-256", ":".join(["00"] * 32)),))
    assert peer.keys == []
    await peer.close()


HELLO = b"\x16\xfe\xff" + bytes(8) + b"\x00\x20\x01" + bytes(31)
"""The head of a ClientHello, and nothing sensible in it."""


async def test_a_peer_that_says_hello_and_no_more_times_out() -> None:
    peer = Peer(timeout_s=0.2, mangle=lambda data: [in_fragments(data)[0]])
    connecting = asyncio.create_task(peer.server.connect(peer.fingerprints()))
    saying = asyncio.create_task(peer.client.start(RTCDtlsParameters(NODE.getFingerprints(), "server")))
    assert not await connecting
    saying.cancel()
    assert peer.keys == []
    await peer.close()


async def test_a_handshake_begins_with_the_peers_hello() -> None:
    """A peer that is silent, or sends other records, has no OpenSSL object and no time running."""
    peer = Peer(timeout_s=0.001)
    connecting = asyncio.create_task(peer.server.connect(peer.fingerprints()))
    for junk in (b"\x16", b"\x17" + HELLO[1:], b"\x15\xfe\xfd" + bytes(11), HELLO[:13] + b"\x02"):
        peer.server.deliver(junk)
    await asyncio.sleep(0.05)
    assert not connecting.done()
    assert peer.server._transport._ssl is None
    peer.server.deliver(HELLO)
    assert not await connecting
    await peer.close()


async def test_closing_ends_the_wait_for_a_hello() -> None:
    peer = Peer()
    connecting = asyncio.create_task(peer.server.connect(peer.fingerprints()))
    await asyncio.sleep(0)
    await peer.server.close()
    assert not await connecting
    await peer.close()


async def test_silent_and_babbling_peers_of_one_owner_do_not_delay_anothers_handshake() -> None:
    handshakes = DtlsHandshakes(NODE, timeout_s=3600)
    hostile = [Peer(handshakes=handshakes, owner="1/hostile") for _ in range(140)]
    connecting = [asyncio.create_task(peer.server.connect(peer.fingerprints())) for peer in hostile]
    for peer in hostile:
        peer.server.deliver(HELLO)
    await asyncio.sleep(0)
    honest = Peer(handshakes=handshakes, owner="1/honest")
    async with asyncio.timeout(30):
        assert await honest.shake()
    for task in connecting:
        task.cancel()
    await honest.close()


async def test_close_notify_of_the_peer_ends_the_transport() -> None:
    peer = Peer()
    assert await peer.shake()
    await peer.client.stop()
    async with asyncio.timeout(5):
        await peer.server.wait_closed()
    await peer.close()


async def test_junk_between_the_flights_harms_nothing() -> None:
    junk = [b"", b"\x16", b"\x16\xfe\xfd" + bytes(20), b"\x15\xfe\xfd" + bytes(11), b"\x3f" * 1200]
    peer = Peer(mangle=lambda data: [*junk, data, *junk])
    assert await peer.shake()
    await peer.close()


def test_output_is_cut_at_record_borders() -> None:
    def record(size: int) -> bytes:
        return b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size)

    records = [record(size) for size in (700, 400, 90, 1187, 1, 600, 600)]
    datagrams = list(split_records(b"".join(records)))
    assert b"".join(datagrams) == b"".join(records)
    assert [len(datagram) for datagram in datagrams] == [713 + 413, 103, 1200, 14 + 613, 613]
    assert list(split_records(b"")) == []
