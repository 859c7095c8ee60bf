"""Attacks on a gateway and a relay, each by name: `python -m parlour.testkit.faults.attacks NAME`, with its target as JSON on stdin.

An attack runs in a process of its own, with the lowest priority, since an attacker of the Internet has a machine of its own and takes no
CPU from who is attacked. It goes on for `seconds` and prints counters as JSON: what it sent and how it was answered.
"""

import contextlib
import json
import os
import socket
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

LOWEST_PRIORITY = 19
ANSWER_WITHIN_S = 10.0
HELLO = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
SHAKE_HANDS = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
TEXT, CONTINUATION, PING = 1, 0, 9
FINAL, RSV1 = 0x80, 0x40
SERVER_PING = bytes([FINAL | PING])
GONE = (ConnectionError, TimeoutError, OSError)


class Target(NamedTuple):
    """What is attacked, for how long, and with which rights. `udp`: the relay's port; `offer`: an SDP offer; `crowd`: more
    users with their tokens."""

    url: str
    seconds: float
    app: int = 0
    room: str = ""
    user: str = ""
    token: str = ""
    reader: str = ""
    udp: int = 0
    offer: str = ""
    crowd: tuple[tuple[str, str], ...] = ()

    def connect(self) -> socket.socket:
        """A TCP connection to the gateway."""
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname or "", parts.port or 80), ANSWER_WITHIN_S)

    def open_websocket(self) -> socket.socket:
        """A WebSocket behind its handshake, with `permessage-deflate` offered; ConnectionError where it was refused."""
        client = self.connect()
        client.sendall(SHAKE_HANDS)
        answer = client.recv(4096)
        if not answer.startswith(b"HTTP/1.1 101"):
            client.close()
            raise ConnectionError(answer[:40])
        if b"permessage-deflate" in answer:
            raise AssertionError("compression was agreed on: a small frame may unpack to a large one")
        return client


Counts = Counter[str]
Attack = Callable[[Target], Counts]
ATTACKS: dict[str, Attack] = {}


def _attack(function: Attack) -> Attack:
    ATTACKS[function.__name__] = function
    return function


def _rounds(target: Target) -> Iterator[None]:
    """Until the time is up."""
    until = time.monotonic() + target.seconds
    while time.monotonic() < until:
        yield


def _frame(opcode: int, payload: bytes = b"", flags: int = FINAL) -> bytes:
    """A client's frame under a mask of zeros."""
    size = len(payload)
    if size < 126:
        length = bytes([size | 0x80])
    else:
        length = b"\xfe" + size.to_bytes(2, "big") if size < 1 << 16 else b"\xff" + size.to_bytes(8, "big")
    return bytes([flags | opcode]) + length + bytes(4) + payload


def _ask(client: socket.socket, **fields: Any) -> None:
    client.sendall(_frame(TEXT, json.dumps({"id": str(uuid4()), **fields}).encode()))


def _login(target: Target, client: socket.socket, token: str, user: str = "") -> None:
    named = {"userID": user or target.user, "userName": ""}
    _ask(client, t="login", appID=target.app, roomID=target.room, token=token, user=named, config={})


def _flood_websockets(target: Target, data: bytes) -> Counts:
    """Sends the same bytes as fast as they are taken; a WebSocket that is closed is followed by the next one."""
    counts: Counts = Counter()
    rounds = _rounds(target)
    for _ in rounds:
        with contextlib.suppress(*GONE), target.open_websocket() as client:
            counts["connections"] += 1
            client.settimeout(1.5)
            for _ in rounds:
                client.sendall(data)
                counts["bytes"] += len(data)
    return counts


def _statuses(target: Target, requests: bytes, counts: Counts) -> None:
    """Sends requests on one connection and counts how it was answered, by status."""
    with target.connect() as client:
        with contextlib.suppress(*GONE):
            client.sendall(requests)
        answer = b""
        with contextlib.suppress(*GONE):
            while piece := client.recv(65536):
                answer += piece
        for status in {line.split(b" ")[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")}:
            counts[status.decode()] += 1


def _held_sockets(target: Target, many: int, first: bytes, more: bytes) -> Counts:
    """Opens many sockets, sends a piece on each every second, and counts those that were closed in the end."""
    clients = [target.connect() for _ in range(many)]
    for client in clients:
        client.setblocking(False)
        with contextlib.suppress(*GONE):
            client.send(first)
    closed: set[int] = set()
    for _ in _rounds(target):
        for number, client in enumerate(clients):
            if number in closed:
                continue
            try:
                if client.recv(65536) == b"":
                    closed.add(number)
                elif more:
                    client.send(more)
            except BlockingIOError:
                with contextlib.suppress(*GONE):
                    client.send(more)
            except OSError:
                closed.add(number)
        time.sleep(1)  # a piece a second is the attack
    for client in clients:
        client.close()
    return Counter(opened=many, closed=len(closed))


# connections and heads


@_attack
def slow_heads(target: Target) -> Counts:
    """A request line, and then a byte of a header every second."""
    return _held_sockets(target, 300, HELLO + b"a: ", b"b")


@_attack
def idle_sockets(target: Target) -> Counts:
    """Two thousand sockets that say nothing."""
    return _held_sockets(target, 2000, b"", b"")


@_attack
def huge_heads(target: Target) -> Counts:
    """A head of 40 MB in short headers, and one in a single header, in turn."""
    counts: Counts = Counter()
    for _ in _rounds(target):
        for piece in (b"a: bbbbbbbb\r\n" * 5000, b"b" * 65000):
            with target.connect() as client, contextlib.suppress(*GONE):
                client.sendall(HELLO + b"a: ")
                counts["heads"] += 1
                for _ in range(40_000_000 // len(piece)):
                    client.sendall(piece)
                    counts["bytes"] += len(piece)
    return counts


@_attack
def many_headers(target: Target) -> Counts:
    """A whole head of 1,000 headers on each connection."""
    counts: Counts = Counter()
    for _ in _rounds(target):
        _statuses(target, HELLO + b"a: b\r\n" * 1000 + b"\r\n", counts)
    return counts


@_attack
def pipelined_requests(target: Target) -> Counts:
    """Thousands of requests on one connection, sent before any is answered."""
    counts: Counts = Counter()
    for _ in _rounds(target):
        _statuses(target, (HELLO + b"\r\n") * 5000, counts)
    return counts


# frames


@_attack
def small_frames(target: Target) -> Counts:
    """Frames of one character that is no JSON."""
    return _flood_websockets(target, _frame(TEXT, b"x") * 10_000)


@_attack
def large_unreadable_frames(target: Target) -> Counts:
    """Frames of 60 kB that are no JSON."""
    return _flood_websockets(target, _frame(TEXT, b"{" * 60_000))


@_attack
def repeated_keys(target: Target) -> Counts:
    """Frames with thousands of keys, the last one twice."""
    keys = ",".join(f'"{number:x}":1' for number in range(5_000))
    return _flood_websockets(target, _frame(TEXT, f'{{{keys},"1":1}}'.encode()))


@_attack
def pings(target: Target) -> Counts:
    """Sends empty WebSocket pings as fast as the gateway reads them."""
    return _flood_websockets(target, _frame(PING) * 10_000)


@_attack
def fragments(target: Target) -> Counts:
    """A message in empty pieces without end."""
    return _flood_websockets(target, _frame(TEXT, b"x", 0) + _frame(CONTINUATION, b"", 0) * 10_000)


@_attack
def malformed_frames(target: Target) -> Counts:
    """Reserved opcodes, long control frames, frames without a mask and pieces out of order, each on a connection of its own."""
    counts: Counts = Counter()
    sent = (_frame(3), _frame(PING, b"x" * 126), b"\x81\x01x", _frame(CONTINUATION), b"\x81\xff" + b"\xff" * 8)
    for _ in _rounds(target):
        for one in sent:
            with contextlib.suppress(*GONE), target.open_websocket() as client:
                client.sendall(one)
                client.settimeout(ANSWER_WITHIN_S)
                counts["closed" if _is_closed(client) else "went on"] += 1
    return counts


def _is_closed(client: socket.socket) -> bool:
    """Whether the server closes the connection next. A ping may come before: the server pings all connections at intervals."""
    answer = client.recv(200)
    while answer[:1] == SERVER_PING:
        answer = answer[2:] or client.recv(200)
    return answer[:1] in (b"\x88", b"")


@_attack
def oversize_messages(target: Target) -> Counts:
    """Messages of 10 MB over WebSocket and bodies of 10 MB over HTTP."""
    counts: Counts = Counter()
    frame, body = _frame(TEXT, b"x" * 10_000_000), b"x" * 10_000_000
    head = b"POST /whip/cam HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nConnection: close\r\n"
    for _ in _rounds(target):
        with contextlib.suppress(*GONE), target.open_websocket() as client:
            counts["frames"] += 1
            client.sendall(frame)
        _statuses(target, head + b"Content-Length: %d\r\n\r\n" % len(body) + body, counts)
    return counts


@_attack
def compressed_bombs(target: Target) -> Counts:
    """Fifty megabytes in a compressed frame, and in a compressed body."""
    counts: Counts = Counter()
    packed = zlib.compress(b" " * 50_000_000, 9)
    head = b"POST /v1/dev/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head += b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(packed)
    for _ in _rounds(target):
        with contextlib.suppress(*GONE), target.open_websocket() as client:
            client.sendall(_frame(TEXT, packed, FINAL | RSV1))
            client.settimeout(ANSWER_WITHIN_S)
            counts["closed" if _is_closed(client) else "went on"] += 1
        _statuses(target, head + packed, counts)
    return counts


# rights


@_attack
def guessed_tokens(target: Target) -> Counts:
    """An altered token, over and over, on one WebSocket after the other."""
    counts: Counts = Counter()
    altered = target.token[:-12] + "AAAAAAAAAAA="
    rounds = _rounds(target)
    for _ in rounds:
        with contextlib.suppress(*GONE), target.open_websocket() as client:
            for _ in rounds:
                _login(target, client, altered)
                answer = client.recv(65536)
                if not answer or answer[:1] == b"\x88":
                    counts["closed"] += 1
                    break
                counts["let in" if b'"ok":true' in answer else "refused"] += 1
    return counts


@_attack
def logins_and_logouts(target: Target) -> Counts:
    """A connection for each of a crowd that logs in and out as fast as it is answered."""
    counts: Counts = Counter()
    clients = [(target.open_websocket(), user, token) for user, token in target.crowd]
    with contextlib.suppress(*GONE):
        for _ in _rounds(target):
            for client, user, token in clients:
                _login(target, client, token, user)
                _ask(client, t="logout", roomID=target.room)
            for client, _user, _token in clients:
                counts["answered"] += client.recv(1 << 20).count(b'"ok":true')
    return counts


@_attack
def readers_that_do_not_read(target: Target) -> Counts:
    """Subscribes on one connection after the other and reads nothing; those are kept."""
    counts: Counts = Counter()
    clients: list[socket.socket] = []
    for _ in _rounds(target):
        with contextlib.suppress(*GONE):
            client = target.open_websocket()
            clients.append(client)
            for _ in range(20):
                _ask(client, t="subscribe", roomID=target.room, token=target.reader, appID=target.app)
                counts["asked"] += 1
        time.sleep(0.02)  # the pace at which connections are opened
    return counts


@_attack
def offers_over_http(target: Target) -> Counts:
    """WHIP offers of one user that never connect."""
    counts: Counts = Counter()
    body = target.offer.encode()
    for number, _ in enumerate(_rounds(target)):
        head = f"POST /whip/flood{number}?room={target.room}&app={target.app} HTTP/1.1\r\nHost: localhost\r\n"
        head += f"Authorization: Bearer {target.token}\r\nContent-Type: application/sdp\r\nConnection: close\r\n"
        _statuses(target, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, counts)
    return counts


# the relay


@_attack
def garbage_datagrams(target: Target) -> Counts:
    """Datagrams to the relay as fast as they are taken: empty, random, and with the first bytes of STUN, DTLS, RTP and RTCP."""
    counts: Counts = Counter()
    kinds = (
        b"",
        os.urandom(1200),
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + os.urandom(12),
        b"\x16\xfe\xfd" + os.urandom(200),
    )
    kinds += (b"\x80\x60" + os.urandom(200), b"\x80\xc8" + os.urandom(60))
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
    for number, client in enumerate(clients):
        client.bind((f"127.0.0.{2 + number}", 0))
        client.connect(("127.0.0.1", target.udp))
    for _ in _rounds(target):
        for client in clients:
            for kind in kinds:
                with contextlib.suppress(OSError):
                    client.send(kind)
                    counts["sent"] += 1
    for client in clients:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            counts["answered"] += len(client.recv(2000)) > 0
    return counts


if __name__ == "__main__":
    os.nice(LOWEST_PRIORITY)
    sys.stdout.write(json.dumps(ATTACKS[sys.argv[1]](Target(**json.load(sys.stdin)))))
