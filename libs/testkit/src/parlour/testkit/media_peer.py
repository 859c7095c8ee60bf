"""A WebRTC peer small enough to steer by hand: ICE checks by aioice, SRTP by libsrtp, RTP and RTCP by aiortc.

None of its code is ours, so the packet core is held to what others understand.
"""

# libsrtp's constants come from C without types:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from aioice import stun
from aiortc.rtp import AnyRtcpPacket, HeaderExtensionsMap, RtcpPacket, RtpPacket, is_rtcp
from pylibsrtp import Policy, Session

from parlour.media_core import SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80, Core

WAIT_S = 5.0
T = TypeVar("T")
KEY_LENGTHS = {SRTP_AES128_CM_SHA1_80: (16, 14), SRTP_AEAD_AES_128_GCM: (16, 12), SRTP_AEAD_AES_256_GCM: (32, 12)}
LIBSRTP_PROFILES: dict[int, int] = {
    SRTP_AES128_CM_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SRTP_AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


@dataclass
class Inbox:
    """What a peer received, by kind."""

    checks: list[stun.Message] = field(default_factory=list[stun.Message])
    """Answers to the peer's checks."""
    asked: list[stun.Message] = field(default_factory=list[stun.Message])
    """The core's own checks."""
    dtls: list[bytes] = field(default_factory=list[bytes])
    rtp: list[RtpPacket] = field(default_factory=list[RtpPacket])
    rtcp: list[AnyRtcpPacket] = field(default_factory=list[AnyRtcpPacket])
    rtcp_bytes: list[bytes] = field(default_factory=list[bytes])


class Peer:
    """One transport's other end."""

    def __init__(self, core: Core, transport: int, profile: int = SRTP_AEAD_AES_128_GCM) -> None:
        self.core = core
        self.transport = transport
        self.profile = profile
        self.remote = core.local_candidates()[0]
        self.local_ufrag = f"core{transport}"
        self.local_pwd = f"password-of-transport-{transport}"
        self.remote_ufrag = f"peer{transport}"
        self.remote_pwd = f"password-of-peer-{transport}"
        self.inbox = Inbox()
        self.extensions = HeaderExtensionsMap()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A test sends a whole burst before it reads.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self._tx: Session | None = None
        self._rx: Session | None = None
        core.add_transport(transport, self.local_ufrag, self.local_pwd, self.remote_ufrag, self.remote_pwd)

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()

    def send(self, datagram: bytes) -> None:
        """Sends bytes as they are."""
        self.socket.sendto(datagram, self.remote)

    def request(self, *, nominate: bool = True, password: str | None = None) -> stun.Message:
        """An ICE check, not sent."""
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.local_ufrag}:{self.remote_ufrag}"
        message.attributes["PRIORITY"] = 1
        message.attributes["ICE-CONTROLLING"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self.local_pwd).encode())
        message.add_fingerprint()
        return message

    def connect(self, *, keys: bool = True) -> None:
        """One nominating check and, unless `keys` is false, the SRTP keys of both ends."""
        request = self.request()
        self.send(bytes(request))
        self.wait(lambda inbox: inbox.checks)
        if keys:
            self.install_keys()

    def install_keys(self) -> None:
        """Sets keys as a DTLS handshake would."""
        key_len, salt_len = KEY_LENGTHS[self.profile]
        ours, theirs = bytes([self.transport]) * key_len, bytes([self.transport + 100]) * key_len
        salt = b"s" * salt_len
        profile = LIBSRTP_PROFILES[self.profile]
        self._tx = Session(Policy(key=ours + salt, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._rx = Session(Policy(key=theirs + salt, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.core.install_srtp(self.transport, self.profile, ours, salt, theirs, salt)

    def protect(self, packet: RtpPacket) -> bytes:
        """The packet as it goes over the wire."""
        assert self._tx
        return self._tx.protect(packet.serialize(self.extensions))

    def send_rtp(self, packet: RtpPacket) -> None:
        """Protects and sends a packet."""
        self.send(self.protect(packet))

    def send_rtcp(self, *packets: AnyRtcpPacket) -> None:
        """Protects and sends a compound."""
        assert self._tx
        self.send(self._tx.protect_rtcp(b"".join(bytes(packet) for packet in packets)))

    def receive(self, timeout_s: float) -> bool:
        """Takes one datagram in; false if none came."""
        self.socket.settimeout(max(timeout_s, 0.0001))
        try:
            datagram = self.socket.recv(2048)
        except (TimeoutError, BlockingIOError):
            return False
        if datagram[0] < 4:
            self._take_stun(stun.parse_message(datagram))
        elif datagram[0] < 64:
            self.inbox.dtls.append(datagram)
        elif is_rtcp(datagram):
            assert self._rx
            plain = self._rx.unprotect_rtcp(datagram)
            self.inbox.rtcp_bytes.append(plain)
            self.inbox.rtcp.extend(RtcpPacket.parse(plain))
        else:
            assert self._rx
            self.inbox.rtp.append(RtpPacket.parse(self._rx.unprotect(datagram), self.extensions))
        return True

    def _take_stun(self, message: stun.Message) -> None:
        """Notes an answer or a check that is authentic, and answers the check; others are not for this peer."""
        if message.message_class != stun.Class.REQUEST:
            if message.check_message_integrity(self.local_pwd.encode()):
                self.inbox.checks.append(message)
            return
        if message.attributes["USERNAME"] != f"{self.remote_ufrag}:{self.local_ufrag}":
            return
        assert message.check_message_integrity(self.remote_pwd.encode())
        self.inbox.asked.append(message)
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = self.remote
        answer.add_message_integrity(self.remote_pwd.encode())
        answer.add_fingerprint()
        self.send(bytes(answer))

    def wait(self, found: Callable[[Inbox], T]) -> T:
        """Receives until `found` gives something true."""
        deadline = time.monotonic() + WAIT_S
        while not (result := found(self.inbox)):
            left = deadline - time.monotonic()
            assert left > 0, f"nothing came that fits; there is {self.inbox}"
            self.receive(left)
        return result

    def drain(self, quiet_s: float = 0.1) -> None:
        """Receives until nothing came for `quiet_s`."""
        while self.receive(quiet_s):
            pass


def events(core: Core) -> Iterator[tuple[object, ...]]:
    """Events as they come, without end."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        yield from core.poll_events()
        time.sleep(0.001)
    raise AssertionError("the awaited event did not come")


def wait_event(core: Core, kind: str) -> tuple[object, ...]:
    """The next event of a kind; others are dropped."""
    return next(event for event in events(core) if event[0] == kind)
