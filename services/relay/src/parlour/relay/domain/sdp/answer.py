"""Writes the relay's answer: ICE-lite, passive DTLS, one bundle, the offer's m-lines in the offer's order (RFC 8829, RFC 9143)."""

from collections.abc import Sequence

import msgspec

from parlour.relay.domain.sdp.model import Codec, Direction, Fingerprint, HeaderExtension, Media, SessionDescription

_SAFE = frozenset("!#$&'*+-.^_`{|}~")


class LocalTransport(msgspec.Struct, frozen=True):
    """The relay's end of a transport, as every m-line of the bundle repeats it."""

    ufrag: str
    pwd: str
    fingerprint: Fingerprint
    candidates: tuple[tuple[str, int], ...]


class Outgoing(msgspec.Struct, frozen=True):
    """What the relay sends on an m-line: `stream` and `track` become its msid."""

    stream: str
    track: str
    ssrc: int
    rtx_ssrc: int | None = None


class AnswerMedia(msgspec.Struct, frozen=True):
    """The answer to one m-line; no codecs means that it is refused with port 0."""

    direction: Direction = Direction.INACTIVE
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[HeaderExtension, ...] = ()
    outgoing: Outgoing | None = None


def write_answer(
    offer: SessionDescription, answers: Sequence[AnswerMedia], local: LocalTransport, *, session_id: int, version: int
) -> str:
    """The answer's text. `answers` are in the order of the offer's m-lines; `version` grows with each answer of a session."""
    accepted = [media.mid for media, answer in zip(offer.media, answers, strict=True) if answer.codecs]
    lines = ["v=0", f"o=- {session_id} {version} IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    bundled = [mid for mid in offer.bundle if mid in accepted]
    if bundled:
        lines.append("a=group:BUNDLE " + " ".join(bundled))
    if offer.extmap_allow_mixed:
        lines.append("a=extmap-allow-mixed")
    lines.append("a=msid-semantic: WMS *")
    for media, answer in zip(offer.media, answers, strict=True):
        if answer.codecs:
            lines += _accepted(media, answer, local)
        else:
            lines += _refused(media)
    return "\r\n".join(lines) + "\r\n"


def _refused(media: Media) -> list[str]:
    head = f"m={media.kind} 0 {media.protocol} {' '.join(media.formats[:1])}"
    return [head, "c=IN IP4 0.0.0.0", *([f"a=mid:{media.mid}"] if media.mid else []), "a=inactive"]


def _accepted(media: Media, answer: AnswerMedia, local: LocalTransport) -> list[str]:
    payloads = " ".join(str(codec.payload_type) for codec in answer.codecs)
    lines = [f"m={media.kind} 9 {media.protocol} {payloads}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0"]
    lines += [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.pwd}", *candidate_lines(local.candidates)]
    lines += [f"a=fingerprint:{local.fingerprint.algorithm} {local.fingerprint.value}", "a=setup:passive"]
    lines += [f"a=mid:{media.mid}", *(f"a=extmap:{ext.id} {ext.uri}" for ext in answer.extensions)]
    lines.append(f"a={answer.direction.value}")
    if answer.outgoing:
        lines.append(f"a=msid:{_token(answer.outgoing.stream)} {_token(answer.outgoing.track)}")
    lines.append("a=rtcp-mux")
    if media.rtcp_rsize:
        lines.append("a=rtcp-rsize")
    for codec in answer.codecs:
        lines += _codec(codec)
    return lines + (_sources(answer.outgoing) if answer.outgoing else [])


def candidate_lines(candidates: tuple[tuple[str, int], ...]) -> list[str]:
    """On every m-line: some clients look at the first of a bundle, aiortc at the last. Never ended, as a renewed answer
    repeats them, which aiortc would then refuse."""
    lines: list[str] = []
    for index, (ip, port) in enumerate(candidates):
        priority = (126 << 24) | ((65535 - index) << 8) | 255
        lines.append(f"a=candidate:{index + 1} 1 udp {priority} {ip} {port} typ host")
    return lines


def _codec(codec: Codec) -> list[str]:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    number = codec.payload_type
    lines = [f"a=rtpmap:{number} {codec.name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in codec.feedback]
    return lines + ([f"a=fmtp:{number} {codec.fmtp}"] if codec.fmtp else [])


def _sources(outgoing: Outgoing) -> list[str]:
    """RFC 5576 lines: browsers then know the stream's SSRCs before its first packet comes."""
    stream, track = _token(outgoing.stream), _token(outgoing.track)
    ssrcs = [outgoing.ssrc] if outgoing.rtx_ssrc is None else [outgoing.ssrc, outgoing.rtx_ssrc]
    lines = [f"a=ssrc-group:FID {ssrcs[0]} {ssrcs[1]}"] if len(ssrcs) == 2 else []
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{stream}", f"a=ssrc:{ssrc} msid:{stream} {track}"]
    return lines


def _token(text: str) -> str:
    """`text` as a token (RFC 8866 §9), everything else percent-encoded, so that no id can break a line."""
    safe = (char if char.isascii() and (char.isalnum() or char in _SAFE) else _percent(char) for char in text)
    return "".join(safe) or "-"


def _percent(char: str) -> str:
    return "".join(f"%{octet:02X}" for octet in char.encode("utf-8", "surrogatepass"))
