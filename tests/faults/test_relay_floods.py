"""One session's flood, or a stranger's, and what the call of two others on the same relay loses by it."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiortc.rtp import RtpPacket

from parlour.media_core import Core
from parlour.testkit.faults.datagram_flood import Flood
from parlour.testkit.faults.results import ALL, note
from parlour.testkit.media_peer import Peer

SECONDS = 3.0
FLOOD_RATE = 50_000
CALL_RATE = 500
"""Packets a second of the neighbour's video: 4 Mbit/s."""
PLAYERS_OF_ONE_PERSON = 60
"""Nearly as many as the relay's limit of a person's transports."""
LOSS_ALLOWED = 0.01
KEYFRAME = b"\x10\x00"
PUBLISHER, PLAYER, ATTACKER = 1, 2, 3

Datagrams = Callable[[Peer], list[bytes]]


def video(ssrc: int, number: int, payload: bytes) -> RtpPacket:
    """A keyframe of one packet."""
    packet = RtpPacket(payload_type=96, sequence_number=number & 0xFFFF, timestamp=number * 180, ssrc=ssrc)
    packet.payload = KEYFRAME + payload
    return packet


def media(attacker: Peer) -> list[bytes]:
    """Authentic packets, each with its own number."""
    numbers = range(int(FLOOD_RATE * SECONDS))
    return [attacker.protect(video(attacker.transport, number, bytes(200))) for number in numbers]


def checks(attacker: Peer) -> list[bytes]:
    """A valid check, which is answered each time."""
    return [bytes(attacker.request())]


def foreign_checks(attacker: Peer) -> list[bytes]:
    """A check in the name of a session, with a wrong password."""
    return [bytes(attacker.request(password="wrong"))]


def junk(attacker: Peer) -> list[bytes]:
    """Random bytes of each of the three kinds that a port of WebRTC tells apart, and of none."""
    del attacker
    return [first + os.urandom(1000) for first in (b"\x00", b"\x16", b"\x80\x60", b"\xff") for _ in range(250)]


@contextmanager
def call_and_attacker() -> Iterator[tuple[Peer, Peer, Peer]]:
    """A publisher with its player, and another publisher with all the players that one person may have."""
    core = Core([("127.0.0.1", 0)])
    peers = [Peer(core, number) for number in range(PUBLISHER, ATTACKER + PLAYERS_OF_ONE_PERSON + 1)]
    for peer in peers:
        peer.connect()
    publisher, player, attacker, *crowd = peers
    for source, players in ((publisher, [player]), (attacker, crowd)):
        number = source.transport
        core.add_track(
            number, number, "video", mid="0", ssrcs=[number], payloads=[(96, "VP8", 90_000, None)], extensions={}
        )
        for each in players:
            core.add_sink(
                each.transport, number, each.transport, ssrc=1, rtx_ssrc=None, payloads=[(96, 96, None)],
                extensions={}, mid="0",
            )  # fmt: skip
    try:
        yield publisher, player, attacker
    finally:
        core.close()
        for peer in peers:
            peer.close()


def send_call(publisher: Peer) -> int:
    """Sends the call's packets evenly; how many."""
    sent, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < SECONDS:
        for _ in range(int(passed * CALL_RATE) - sent):
            publisher.send_rtp(video(publisher.transport, sent + 1, struct.pack("!I", sent) + bytes(990)))
            sent += 1
        time.sleep(0.001)  # the rate is kept by the clock, this only spares the core
    return sent


@pytest.mark.skipif(not ALL, reason="only by `make faults`: it wants both cores")
@pytest.mark.parametrize("kind", [media, checks, foreign_checks, junk])
def test_a_neighbour_loses_nothing_by_a_flood(tmp_path: Path, kind: Datagrams) -> None:
    with (
        call_and_attacker() as (publisher, player, attacker),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        sender = attacker.socket if kind in (media, checks) else stranger
        flood = Flood(sender, publisher.remote, kind(attacker), tmp_path / "datagrams", FLOOD_RATE, SECONDS)
        try:
            flood.begin()
            sent = send_call(publisher)
            flooded = flood.sent()
        finally:
            flood.stop()
        player.drain(0.5)
        came = {struct.unpack_from("!I", packet.payload, len(KEYFRAME))[0] for packet in player.inbox.rtp}
    lost = sent - len(came)
    note(f"relay_flood_{kind.__name__}", {"flood_per_s": round(flooded / SECONDS), "sent": sent, "lost": lost})
    assert flooded > FLOOD_RATE * SECONDS * 0.8, "the flood was none"
    assert lost <= sent * LOSS_ALLOWED
