"""The packet core on real sockets, against peers made of other people's protocol code."""

import contextlib
import resource
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aioice import stun
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
)

from parlour.media_core import SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80, Core
from parlour.testkit.media_peer import WAIT_S, Peer, wait_event

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VP8_KEYFRAME = b"\x10\x00"
VP8_INTERFRAME = b"\x10\x01"
KEYFRAME_FRESH_S = 0.5
"""As long as asking for another keyframe would be put off, the last one is shown instead (`REQUEST_INTERVAL_US`)."""
PUBLISHER, PLAYER, TRACK, SINK = 1, 2, 10, 20
PUBLISHER_SSRC, PUBLISHER_RTX_SSRC, PLAYER_SSRC, PLAYER_RTX_SSRC = 1001, 1002, 2001, 2002

NewPeer = Callable[..., Peer]


@pytest.fixture
def core() -> Iterator[Core]:
    core = Core([("127.0.0.1", 0)])
    yield core
    core.close()


@pytest.fixture
def new_peer(core: Core) -> Iterator[NewPeer]:
    peers: list[Peer] = []

    def make(transport: int, profile: int = SRTP_AEAD_AES_128_GCM) -> Peer:
        peers.append(Peer(core, transport, profile))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


def configure(peer: Peer, ids: dict[str, int]) -> dict[str, int]:
    """Lets the peer read and write these header extensions."""
    extensions = [RTCRtpHeaderExtensionParameters(id=id_, uri=uri) for uri, id_ in ids.items()]
    peer.extensions.configure(RTCRtpParameters(headerExtensions=extensions))
    return ids


def publish(peer: Peer, *, ssrcs: list[int] | None = None, extensions: dict[str, int] | None = None) -> None:
    peer.core.add_track(
        peer.transport,
        TRACK,
        "video",
        mid="0",
        ssrcs=[] if ssrcs is None else ssrcs,
        payloads=[(96, "VP8", 90_000, 97)],
        extensions=configure(peer, extensions or {}),
    )


def play(peer: Peer, *, rtx: bool = True, extensions: dict[str, int] | None = None) -> None:
    peer.core.add_sink(
        SINK,
        TRACK,
        peer.transport,
        ssrc=PLAYER_SSRC,
        rtx_ssrc=PLAYER_RTX_SSRC if rtx else None,
        payloads=[(96, 102, 103 if rtx else None)],
        extensions=configure(peer, extensions or {}),
        mid="7",
    )


def video(seq: int, payload: bytes = VP8_KEYFRAME, *, ssrc: int = PUBLISHER_SSRC) -> RtpPacket:
    packet = RtpPacket(payload_type=96, marker=1, sequence_number=seq % 65_536, timestamp=seq * 3_000, ssrc=ssrc)
    packet.payload = payload + struct.pack("!L", seq) + bytes(1_000)
    return packet


def numbers(packets: list[RtpPacket]) -> list[int]:
    """What `video` numbered, as it came out."""
    return [struct.unpack_from("!L", packet.payload, 2)[0] for packet in packets]


@pytest.fixture
def call(new_peer: NewPeer) -> tuple[Peer, Peer]:
    """A publisher and a player of its video, both connected."""
    publisher, player = new_peer(PUBLISHER), new_peer(PLAYER)
    publisher.connect()
    player.connect()
    publish(publisher)
    play(player)
    return publisher, player


def packets_at(peer: Peer, count: int) -> list[RtpPacket]:
    """The packets that came to a peer, once there are so many."""
    peer.wait(lambda inbox: len(inbox.rtp) >= count)
    assert len(peer.inbox.rtp) == count
    return peer.inbox.rtp


def waiting(victim: socket.socket) -> list[bytes]:
    """The datagrams that lie at a socket now."""
    victim.setblocking(False)
    found: list[bytes] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(victim.recv(2048))
    return found


def stats_until(core: Core, found: Callable[[dict[str, Any]], bool]) -> None:
    """Waits until the core's statistics look as wanted."""
    deadline = time.monotonic() + 5
    while not found(core.stats()):
        assert time.monotonic() < deadline, core.stats()


def test_a_check_is_answered_and_nothing_else_is(core: Core, new_peer: NewPeer) -> None:
    peer = new_peer(PUBLISHER)
    peer.send(bytes(peer.request(password="wrong")))
    peer.send(b"\x16\xfe\xfd too early")
    request = peer.request()
    peer.send(bytes(request))
    peer.wait(lambda inbox: inbox.checks)
    (answer,) = peer.inbox.checks
    assert answer.message_class == stun.Class.RESPONSE
    assert answer.transaction_id == request.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == peer.socket.getsockname()
    assert wait_event(core, "ice_connected") == ("ice_connected", PUBLISHER, *peer.socket.getsockname())
    node = core.stats()["node"]
    assert (node["dropped_unauthenticated"], node["dropped_unknown"]) == (1, 1)


def test_dtls_passes_both_ways_and_waits_for_a_path(core: Core, new_peer: NewPeer) -> None:
    peer = new_peer(PUBLISHER)
    core.send_dtls(PUBLISHER, b"\x16waited")
    peer.connect(keys=False)
    peer.wait(lambda inbox: inbox.dtls == [b"\x16waited"])
    peer.send(b"\x16first")
    peer.send(b"\x17second")
    assert wait_event(core, "dtls") == ("dtls", PUBLISHER, b"\x16first")
    core.send_dtls(PUBLISHER, b"\x16back")
    peer.wait(lambda inbox: inbox.dtls[1:] == [b"\x16back"])


def test_a_client_that_moves_is_followed(core: Core, new_peer: NewPeer, call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    old, player.socket = player.socket, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    player.socket.bind(("127.0.0.1", 0))
    player.send(bytes(player.request()))
    player.wait(lambda inbox: len(inbox.asked) == 2)
    assert wait_event(core, "ice_moved") == ("ice_moved", PLAYER, *player.socket.getsockname())
    publisher.send_rtp(video(1))
    player.wait(lambda inbox: inbox.rtp)
    old.close()


def test_an_address_that_answers_nothing_is_sent_no_media(
    core: Core, new_peer: NewPeer, call: tuple[Peer, Peer]
) -> None:
    publisher, player = call
    forged = bytes(player.request())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.settimeout(WAIT_S)
        victim.sendto(forged, player.remote)
        first = [victim.recv(2048), victim.recv(2048)]
        assert [stun.parse_message(each).message_class for each in first] == [stun.Class.REQUEST, stun.Class.RESPONSE]
        for seq in range(1, 101):
            publisher.send_rtp(video(seq))
        player.wait(lambda inbox: len(inbox.rtp) == 100)
        player.drain(0.5)
        rest = waiting(victim)
    assert all(datagram[0] < 4 for datagram in rest), "media went to an address that had proved nothing"
    assert sum(map(len, first + rest)) <= 3 * len(forged)


def test_a_stranger_s_check_takes_no_path_that_is_in_use(
    core: Core, new_peer: NewPeer, call: tuple[Peer, Peer]
) -> None:
    publisher, player = call
    stranger = new_peer(9)
    for seq in range(1, 21):
        # As if sent by the stranger with the address of another for a source.
        publisher.send(bytes(stranger.request()))
        player.send(bytes(stranger.request()))
        publisher.send_rtp(video(seq))
    player.wait(lambda inbox: len(inbox.rtp) == 20)
    assert core.stats()["transports"][9]["selected"] is None


@pytest.mark.parametrize("profile", [SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80])
def test_packets_are_forwarded_under_the_players_names(core: Core, new_peer: NewPeer, profile: int) -> None:
    publisher, player = new_peer(PUBLISHER, profile), new_peer(PLAYER, profile)
    publisher.connect()
    player.connect()
    publish(publisher, extensions={MID: 4, AUDIO_LEVEL: 1})
    play(player, extensions={MID: 9, AUDIO_LEVEL: 3})
    for seq in range(65_500, 65_600):
        packet = video(seq)
        packet.extensions.mid = "0"
        packet.extensions.audio_level = (True, 42)
        publisher.send_rtp(packet)
    received = packets_at(player, 100)
    assert numbers(received) == list(range(65_500, 65_600))
    first = received[0]
    assert [packet.sequence_number for packet in received] == [(first.sequence_number + i) % 65_536 for i in range(100)]
    assert {packet.ssrc for packet in received} == {PLAYER_SSRC}
    assert {packet.payload_type for packet in received} == {102}
    assert {(packet.extensions.mid, packet.extensions.audio_level) for packet in received} == {("7", (True, 42))}
    assert received[0].payload == video(65_500).payload
    assert wait_event(core, "media_started") == ("media_started", PUBLISHER, TRACK)


def test_video_starts_with_a_keyframe(call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    for seq in range(5):
        publisher.send_rtp(video(seq, VP8_INTERFRAME))
    publisher.send_rtp(video(5))
    publisher.send_rtp(video(6, VP8_INTERFRAME))
    received = packets_at(player, 2)
    assert numbers(received) == [5, 6]


def test_keyframe_requests_are_merged(call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    publisher.send_rtp(video(1))
    player.wait(lambda inbox: inbox.rtp)
    began = time.monotonic()
    for _ in range(20):
        player.send_rtcp(RtcpRrPacket(ssrc=1), RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=PLAYER_SSRC))
    publisher.wait(lambda _: picture_losses(publisher))
    publisher.drain(0.2)
    assert picture_losses(publisher) <= 1 + (time.monotonic() - began) / 0.5
    assert publisher.core.stats()["transports"][PLAYER]["pli_rx"] == 20


def picture_losses(peer: Peer) -> int:
    return sum(
        isinstance(packet, RtcpPsfbPacket) and (packet.fmt, packet.media_ssrc) == (1, PUBLISHER_SSRC)
        for packet in peer.inbox.rtcp
    )


@pytest.mark.parametrize("rtx", [True, False])
def test_a_nack_is_answered_from_the_ring(core: Core, new_peer: NewPeer, rtx: bool) -> None:
    publisher, player = new_peer(PUBLISHER), new_peer(PLAYER)
    publisher.connect()
    player.connect()
    publish(publisher)
    play(player, rtx=rtx)
    for seq in range(50):
        publisher.send_rtp(video(seq))
    received = packets_at(player, 50)
    lost = received[10]
    nack = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=PLAYER_SSRC, lost=[lost.sequence_number, 65_000])
    if rtx:
        player.send_rtcp(RtcpRrPacket(ssrc=1), nack)
        again = player.wait(lambda inbox: inbox.rtp[50:])[0]
        assert (again.ssrc, again.payload_type) == (PLAYER_RTX_SSRC, 103)
        assert again.payload == struct.pack("!H", lost.sequence_number) + lost.payload
    else:
        # libsrtp refuses the very same packet as a replay, so the core's own count must do.
        player.send_rtcp(RtcpRrPacket(ssrc=1), nack)
        stats_until(core, lambda stats: stats["sinks"][SINK]["nack_hits"] == 1)
    assert core.stats()["sinks"][SINK]["nack_misses"] == 1


def test_a_loss_is_asked_for_and_its_retransmission_takes_its_place(call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    for seq in (1, 2, 4, 5):
        publisher.send_rtp(video(seq))
    nack = publisher.wait(lambda inbox: [packet for packet in inbox.rtcp if isinstance(packet, RtcpRtpfbPacket)])[0]
    assert (nack.fmt, nack.media_ssrc, nack.lost) == (1, PUBLISHER_SSRC, [3])
    repair = RtpPacket(payload_type=97, sequence_number=900, timestamp=9_000, ssrc=PUBLISHER_RTX_SSRC)
    repair.payload = struct.pack("!H", 3) + video(3).payload
    publisher.send_rtp(repair)
    received = packets_at(player, 5)
    assert numbers(received) == [1, 2, 4, 5, 3]
    assert received[4].sequence_number == (received[0].sequence_number + 2) % 65_536


def test_a_publisher_is_told_arrivals_and_reception(core: Core, new_peer: NewPeer) -> None:
    publisher = new_peer(PUBLISHER)
    publisher.connect()
    publish(publisher, extensions={TRANSPORT_CC: 5})
    for seq in range(10):
        packet = video(seq)
        packet.extensions.transport_sequence_number = 500 + seq
        publisher.send_rtp(packet)
    feedback = publisher.wait(lambda inbox: [raw for raw in inbox.rtcp_bytes if b"\x8f\xcd" in raw])[0]
    base, count = struct.unpack_from("!HH", feedback, feedback.index(b"\x8f\xcd") + 12)
    assert base == 500
    assert 1 <= count <= 10
    report = publisher.wait(
        lambda inbox: [block for packet in inbox.rtcp if isinstance(packet, RtcpRrPacket) for block in packet.reports]
    )[0]
    assert (report.ssrc, report.packets_lost) == (PUBLISHER_SSRC, 0)


def test_without_transport_feedback_a_bitrate_is_told(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, _ = call
    core.set_max_bitrate(PUBLISHER, 300_000)
    publisher.send_rtp(video(1))
    publisher.wait(lambda inbox: [raw for raw in inbox.rtcp_bytes if b"REMB" in raw])
    assert core.stats()["transports"][PUBLISHER]["remb_bps"] == 300_000


def test_a_player_gets_the_publishers_clock(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    clock = RtcpSenderInfo(ntp_timestamp=5 << 32, rtp_timestamp=3_000, packet_count=1, octet_count=1)
    publisher.send_rtp(video(1))
    publisher.send_rtcp(RtcpSrPacket(ssrc=PUBLISHER_SSRC, sender_info=clock))
    report = player.wait(lambda inbox: [packet for packet in inbox.rtcp if isinstance(packet, RtcpSrPacket)])[0]
    assert report.ssrc == PLAYER_SSRC
    elapsed_s = (report.sender_info.ntp_timestamp - (5 << 32)) / (1 << 32)
    assert 0 <= elapsed_s < 2
    assert report.sender_info.rtp_timestamp == pytest.approx(3_000 + elapsed_s * 90_000, abs=2)
    assert report.sender_info.packet_count == 1


def test_goodbye_is_told(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, _ = call
    publisher.send_rtp(video(1))
    wait_event(core, "media_started")
    publisher.send_rtcp(RtcpRrPacket(ssrc=1), RtcpByePacket(sources=[PUBLISHER_SSRC]))
    assert wait_event(core, "bye") == ("bye", PUBLISHER, TRACK)


def test_a_pause_leaves_no_gap(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    publisher.send_rtp(video(1))
    player.wait(lambda inbox: inbox.rtp)
    core.pause_sink(SINK, True)
    for seq in range(2, 9):
        publisher.send_rtp(video(seq))
    stats_until(core, lambda stats: stats["tracks"][TRACK]["packets"] == 8)
    began = time.monotonic()
    publisher.send_rtp(video(9))
    stats_until(core, lambda stats: stats["tracks"][TRACK]["packets"] == 9)
    core.pause_sink(SINK, False)
    elapsed_s = time.monotonic() - began
    publisher.send_rtp(video(10))
    player.wait(lambda inbox: numbers(inbox.rtp)[-1] == 10)
    received = player.inbox.rtp
    at_once = [9] if elapsed_s < KEYFRAME_FRESH_S else []
    assert numbers(received) == [1, *at_once, 10], "the keyframe at hand is shown at once"
    assert_no_gap(received)


def test_a_keyframe_from_before_is_not_shown_late(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    publisher.send_rtp(video(1))
    player.wait(lambda inbox: inbox.rtp)
    core.pause_sink(SINK, True)
    publisher.send_rtp(video(2))
    stats_until(core, lambda stats: stats["tracks"][TRACK]["packets"] == 2)
    time.sleep(KEYFRAME_FRESH_S)
    core.pause_sink(SINK, False)
    publisher.send_rtp(video(3))
    player.wait(lambda inbox: numbers(inbox.rtp)[-1] == 3)
    assert numbers(player.inbox.rtp) == [1, 3]
    assert_no_gap(player.inbox.rtp)


def assert_no_gap(received: list[RtpPacket]) -> None:
    """The player's own sequence numbers follow each other."""
    called = [packet.sequence_number for packet in received]
    assert called == [(called[0] + place) % 65_536 for place in range(len(called))]


def test_a_sink_that_comes_again_continues_its_numbers(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    publisher.send_rtp(video(1))
    player.wait(lambda inbox: inbox.rtp)
    core.remove_sink(SINK)
    play(player)
    publisher.send_rtp(video(2))
    received = packets_at(player, 2)
    assert received[1].sequence_number == (received[0].sequence_number + 1) % 65_536


def test_replays_and_forgeries_are_counted_and_dropped(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    sent: list[bytes] = []
    plain_send, publisher.send = publisher.send, sent.append  # type: ignore[method-assign]
    publisher.send_rtp(video(1))
    publisher.send = plain_send  # type: ignore[method-assign]
    for datagram in (sent[0], sent[0], sent[0][:-1] + bytes([sent[0][-1] ^ 1]), sent[0][:20]):
        publisher.send(datagram)
    stats_until(core, lambda stats: stats["node"]["datagrams"] >= 6)
    transport = core.stats()["transports"][PUBLISHER]
    assert (transport["rx_packets"], transport["rx_replayed"] + transport["rx_dropped_auth"]) == (1, 3)
    player.wait(lambda inbox: inbox.rtp)


def test_junk_harms_no_call_and_grows_no_memory(core: Core, call: tuple[Peer, Peer]) -> None:
    publisher, player = call
    publisher.send_rtp(video(1))
    player.wait(lambda inbox: inbox.rtp)
    client_hello = b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x01" + bytes(32)
    junk = [
        b"",
        client_hello,
        b"\x80",
        b"\x80\xc8\x00\x01",
        bytes(1_400),
        b"\x90" * 1_200,
        b"\x00\x01\x00\x00\x21\x12\xa4\x42",
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for i in range(1_000):
            stranger.sendto(junk[i % len(junk)], publisher.remote)
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for i in range(10_000):
            stranger.sendto(junk[i % len(junk)], publisher.remote)
            if i % 100 == 0:
                core.stats()  # keeps in step with the packet thread, so that the kernel drops nothing
        for datagram in junk:
            publisher.send(datagram)
    publisher.send_rtp(video(2))
    player.wait(lambda inbox: len(inbox.rtp) == 2)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    assert grown_kb < 1_024
    assert core.stats()["node"]["panics"] == 0
    assert not [
        event for event in core.poll_events() if event[0] in {"dtls", "panic", "overflow"} and event[1] == PLAYER
    ]


def test_mistakes_are_told_at_once(core: Core, new_peer: NewPeer) -> None:
    peer = new_peer(PUBLISHER)
    with pytest.raises(KeyError):
        core.remove_transport(99)
    with pytest.raises(KeyError):
        core.request_keyframe(TRACK)
    with pytest.raises(ValueError, match="exists"):
        core.add_transport(PUBLISHER, "other", "pwd", "remote", "remote-pwd")
    with pytest.raises(ValueError, match="ufrag"):
        core.add_transport(5, peer.local_ufrag, "pwd", "remote", "remote-pwd")
    with pytest.raises(ValueError, match="length"):
        core.install_srtp(PUBLISHER, SRTP_AEAD_AES_128_GCM, b"short", b"s" * 12, b"k" * 16, b"s" * 12)
    with pytest.raises(ValueError, match="profile"):
        core.install_srtp(PUBLISHER, 2, b"k" * 16, b"s" * 14, b"k" * 16, b"s" * 14)
    core.close()
    with pytest.raises(RuntimeError):
        core.remove_transport(PUBLISHER)


def test_silence_loses_consent(core: Core) -> None:
    core.add_transport(3, "ufrag3", "password", "remote", "remote-pwd", consent_timeout_s=0.2)
    assert wait_event(core, "ice_timeout") == ("ice_timeout", 3)


def test_candidates_are_what_a_peer_can_reach() -> None:
    both = Core([("127.0.0.1", 0), ("::1", 0)])
    told = Core([("0.0.0.0", 0)], advertise=["203.0.113.5", "2001:db8::1"])
    found = Core([("0.0.0.0", 0)])
    try:
        assert [ip for ip, _ in both.local_candidates()] == ["127.0.0.1", "::1"]
        assert [ip for ip, _ in told.local_candidates()] == ["203.0.113.5"]
        assert found.local_candidates()
        assert all(ip != "0.0.0.0" and port > 0 for ip, port in found.local_candidates())
        with pytest.raises(OSError, match="in use"):
            Core([both.local_candidates()[0]])
        with pytest.raises(ValueError, match="not an IP address"):
            Core([("localhost", 0)])
    finally:
        for core in (both, told, found):
            core.close()
