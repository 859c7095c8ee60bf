"""Which codecs and header extensions the relay speaks, and how two peers' payload numbers meet.

Forwarding without decoding means that a publisher's codec reaches every player: a publisher is answered with exactly one
audio and one video codec, a player with every supported codec that it offered, so that a stream may change its codec
under it.
"""

import re

import msgspec

from parlour.relay.domain.sdp.model import Codec, HeaderExtension, Media

VIDEO_PREFERENCE = ("VP8", "H264")
"""What a publisher is given when it does not ask: every browser decodes VP8, some have no H.264."""
AUDIO_PREFERENCE = ("opus",)

_RATES = {"opus": 48000, "VP8": 90000, "H264": 90000}
_CONSTRAINED_BASELINE = ((0x42, 0x4F, 0x40), (0x4D, 0x8F, 0x80), (0x58, 0xCF, 0xC0))
_BASELINE = ((0x42, 0x4F, 0x00), (0x58, 0xCF, 0x80))
"""Rows of RFC 6184 table 5: profile_idc, a mask of profile-iop, and the bits of it that make the profile. One profile has several
spellings; the level (the third octet) need not match."""
PROFILE_LEVEL_ID = re.compile("[0-9a-fA-F]{6}", re.ASCII)
DEFAULT_PROFILE_LEVEL_ID = "420010"
"""What an offer without the parameter means (RFC 6184 §8.1): baseline."""

_PUBLISH_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"})
_PLAY_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir"})
"""No bandwidth estimation towards players yet: asking them for reports that nobody reads would only cost packets."""

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

_FORWARDED_EXTENSIONS = frozenset({MID, AUDIO_LEVEL, VIDEO_ORIENTATION, PLAYOUT_DELAY})
_PUBLISH_EXTENSIONS = _FORWARDED_EXTENSIONS | {ABS_SEND_TIME, TRANSPORT_CC}
_MAX_EXTENSION_ID = 255
"""Two-byte headers (RFC 8285) hold no more; larger ids are renumbering room for offers only."""


class Payload(msgspec.Struct, frozen=True):
    """One codec as one peer numbers it, with the number of its retransmissions."""

    codec: Codec
    rtx: Codec | None = None

    @property
    def name(self) -> str:
        """The codec's canonical name: `opus`, `VP8` or `H264`."""
        return canonical(self.codec) or self.codec.name

    @property
    def key(self) -> tuple[str, int, int | None]:
        """The attributes on which forwarding depends; a renewed offer may have others changed."""
        return self.name, self.codec.payload_type, self.rtx_payload_type

    @property
    def rtx_payload_type(self) -> int | None:
        """The payload type of retransmissions, or None when lost packets are simply sent again."""
        return self.rtx.payload_type if self.rtx else None


def canonical(codec: Codec) -> str | None:
    """The relay's name of a codec that it forwards, or None."""
    for name, rate in _RATES.items():
        if codec.name.lower() == name.lower() and codec.clock_rate == rate:
            return name if name != "H264" or _h264_rank(codec) is not None else None
    return None


def _h264_rank(codec: Codec) -> int | None:
    """0 for constrained baseline, 1 for baseline; None for what cannot be forwarded to every player."""
    if codec.parameter("packetization-mode") != "1":
        return None
    text = codec.parameter("profile-level-id") or DEFAULT_PROFILE_LEVEL_ID
    if not PROFILE_LEVEL_ID.fullmatch(text):
        return None
    profile_idc, profile_iop = int(text[:2], 16), int(text[2:4], 16)
    for rank, rows in enumerate((_CONSTRAINED_BASELINE, _BASELINE)):
        if any(profile_idc == idc and profile_iop & mask == bits for idc, mask, bits in rows):
            return rank
    return None


def supported(media: Media) -> tuple[Payload, ...]:
    """The offered codecs that the relay forwards, one for each name, in the offer's order."""
    retransmissions = {codec.parameter("apt"): codec for codec in media.codecs if codec.name.lower() == "rtx"}
    best: dict[str, tuple[int, Payload]] = {}
    for codec in media.codecs:
        name = canonical(codec)
        if name is None or (name in ("VP8", "H264")) != (media.kind == "video"):
            continue
        rank = (_h264_rank(codec) or 0) if name == "H264" else 0
        if name not in best or rank < best[name][0]:
            best[name] = (rank, Payload(codec, retransmissions.get(str(codec.payload_type))))
    return tuple(payload for _, payload in best.values())


def choose(media: Media, name: str | None) -> Payload | None:
    """The one codec that a publisher shall send: the one named, else the first of our preference; None: not offered."""
    offered = {payload.name: payload for payload in supported(media)}
    if name is not None and media.kind == "video":
        return offered.get(name)
    preference = VIDEO_PREFERENCE if media.kind == "video" else AUDIO_PREFERENCE
    return next((offered[name] for name in preference if name in offered), None)


def ordered(payloads: tuple[Payload, ...], first: str | None) -> tuple[Payload, ...]:
    """The same payloads with the codec named `first` in front."""
    return tuple(sorted(payloads, key=lambda payload: payload.name != first))


def answered(payload: Payload, *, publishes: bool) -> tuple[Codec, ...]:
    """The codec lines of an answer: feedback reduced to what the relay reads or sends."""
    known = _PUBLISH_FEEDBACK if publishes else _PLAY_FEEDBACK
    feedback = tuple(line for line in payload.codec.feedback if line in known)
    codec = msgspec.structs.replace(payload.codec, feedback=feedback)
    return (codec,) if payload.rtx is None else (codec, msgspec.structs.replace(payload.rtx, feedback=()))


def extensions(media: Media, *, publishes: bool) -> tuple[HeaderExtension, ...]:
    """The offered header extensions that the answer keeps."""
    known = _PUBLISH_EXTENSIONS if publishes else _FORWARDED_EXTENSIONS
    return tuple(ext for ext in media.extensions if ext.uri in known and ext.id <= _MAX_EXTENSION_ID)


def payload_map(sent: Payload, player: tuple[Payload, ...]) -> list[tuple[int, int, int | None]]:
    """(publisher's number, player's number, player's retransmission number) of the codec that is sent, if the player has it."""
    number = sent.codec.payload_type
    return [(number, each.codec.payload_type, each.rtx_payload_type) for each in player if each.name == sent.name]
