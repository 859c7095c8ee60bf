"""A session description (RFC 8866, RFC 8829) as frozen structs, session-level transport attributes already inherited.

Only what a relay decides by is represented: an offer's other lines are read, checked for their form and dropped.
"""

from enum import StrEnum

import msgspec


class Direction(StrEnum):
    """Which way media flows, seen from who wrote the description (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """True when the writer of the description sends."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """True when the writer of the description receives."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @classmethod
    def from_flags(cls, *, sends: bool, receives: bool) -> "Direction":
        """The direction of these two flags."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE


class Codec(msgspec.Struct, frozen=True):
    """One payload type: its rtpmap, its raw fmtp and its rtcp-fb lines."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    feedback: tuple[str, ...] = ()

    def parameter(self, name: str) -> str | None:
        """One `name=value` of the fmtp line, or None."""
        for part in self.fmtp.split(";"):
            key, _, value = part.strip().partition("=")
            if key.lower() == name:
                return value
        return None


class HeaderExtension(msgspec.Struct, frozen=True):
    """One RTP header extension (RFC 8285): its local id and what it means."""

    id: int
    uri: str


class SsrcGroup(msgspec.Struct, frozen=True):
    """SSRCs that belong together (RFC 5576), e.g. FID: media and its retransmission."""

    semantics: str
    ssrcs: tuple[int, ...]


class Fingerprint(msgspec.Struct, frozen=True):
    """Digest of the certificate that the DTLS handshake must show (RFC 8122)."""

    algorithm: str
    value: str


class TransportAttributes(msgspec.Struct, frozen=True):
    """ICE credentials and DTLS identity of one bundle."""

    ufrag: str = ""
    pwd: str = ""
    fingerprints: tuple[Fingerprint, ...] = ()
    setup: str = ""


class Media(msgspec.Struct, frozen=True):
    """One m-line with its attributes."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: Direction
    transport: TransportAttributes
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[HeaderExtension, ...] = ()
    ssrcs: tuple[int, ...] = ()
    ssrc_groups: tuple[SsrcGroup, ...] = ()
    bundle_only: bool = False
    rtcp_mux: bool = False
    rtcp_rsize: bool = False

    @property
    def stopped(self) -> bool:
        """Whether the offerer stopped this m-line: port 0, unless it merely rides on the bundle (RFC 9143 §6)."""
        return self.port == 0 and not self.bundle_only

    @property
    def primary_and_rtx(self) -> tuple[int, ...]:
        """The announced media SSRC with its retransmission SSRC, or just the first, or nothing."""
        for group in self.ssrc_groups:
            if group.semantics == "FID" and len(group.ssrcs) == 2:
                return group.ssrcs
        return self.ssrcs[:1]


class SessionDescription(msgspec.Struct, frozen=True):
    """A parsed offer or answer."""

    media: tuple[Media, ...]
    bundle: tuple[str, ...] = ()
    extmap_allow_mixed: bool = False
    ice_lite: bool = False

    def find(self, mid: str) -> Media | None:
        """The m-line with this mid, or None."""
        return next((media for media in self.media if media.mid == mid), None)
