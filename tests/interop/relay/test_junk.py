"""Datagrams from strangers harm nothing and leave nothing behind."""

import os
import resource
import socket
from typing import Any

from parlour.testkit.harness.relay_node import Bench
from parlour.testkit.waiting import eventually

CLIENT_HELLO = bytes.fromhex("16fefd0000000000000000") + b"\x00\x2c\x01\x00\x00\x20" + bytes(38)
BINDING_REQUEST = bytes.fromhex("000100002112a442") + bytes(12)


def strangers(bench: Bench, datagrams: list[bytes]) -> int:
    """Sends them to every candidate from a socket of no session; gives how many left."""
    sent = 0
    for ip, port in bench.node.core.local_candidates():
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as stranger:
            for datagram in datagrams:
                stranger.sendto(datagram, (ip, port))
                sent += 1
    return sent


async def test_junk_harms_no_call(bench: Bench, open_window: Any) -> None:
    ann, bob = await open_window(bench, "ann"), await open_window(bench, "bob")
    await ann.run("relay.publish('a')")
    await bob.run("relay.play('a')")
    await bob.run("relay.until(async () => await relay.frames('a') > 10)")
    before, frames = bench.node.core.stats()["node"]["datagrams"], await bob.run("relay.frames('a')")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    junk = [b"", b"\x00", CLIENT_HELLO, BINDING_REQUEST, b"\x80" + bytes(11), b"\x80\xc8" + bytes(30)]
    for _ in range(20):
        strangers(bench, junk + [os.urandom(1200) for _ in range(100)])
        await bob.run("relay.frames('a')")
    await eventually(lambda: bench.node.core.stats()["node"]["datagrams"] > before + 1000)
    await bob.run(f"relay.until(async () => await relay.frames('a') > {frames} + 30)")
    assert bench.node.table.counts() == (2, 2, 2)
    assert bench.node.core.stats()["node"]["panics"] == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 16 * 1024


async def test_ten_thousand_junk_datagrams_leave_nothing(bench: Bench) -> None:
    node = bench.node.core
    strangers(bench, [b"", CLIENT_HELLO])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(50):
        strangers(bench, [os.urandom(size) for size in range(1, 201)])
    counted = node.stats()["node"]
    assert counted["datagrams"] > 0
    assert bench.node.table.counts() == (0, 0, 0)
    assert node.stats()["transports"] == {}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 8 * 1024
