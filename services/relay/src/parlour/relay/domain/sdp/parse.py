"""Reads a session description: lenient in what it keeps, strict in what it trusts.

A description comes from a stranger. Whatever it holds, `parse` returns a `SessionDescription` or raises `BadSdp`, which
names the field; sizes are bounded before anything is split.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from parlour.relay.domain.sdp.model import (
    Codec,
    Direction,
    Fingerprint,
    HeaderExtension,
    Media,
    SessionDescription,
    SsrcGroup,
    TransportAttributes,
)

MAX_SDP_BYTES = 64 * 1024
"""Same as the largest client frame: a longer one cannot have come through a gateway."""
MAX_MEDIA = 64
"""M-lines of one transport, stopped ones included: 32 streams of audio and video."""
MAX_MID_CHARS = 64
"""RFC 5888 sets no limit; the longest in use are UUIDs of 36."""
EVERY_PAYLOAD = "*"
"""In the place of a payload type: feedback that holds for all of the m-line's (RFC 4585 §4.2)."""
RTCP_TYPES = range(64, 96)
"""Payload types that look like RTCP beside RTP on one port (RFC 5761 §4): a codec under one of them is not taken."""
MAX_LINES = 8192
"""Far above what 64 m-lines of a browser hold within the byte limit."""

T = TypeVar("T")
_OCTETS = re.compile("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2})*")
_KINDS = frozenset({"audio", "video", "application", "text", "message", "image"})


class BadSdp(ValueError):
    """The description is malformed; `field` says where, the text says why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class _Section:
    """The lines from one m-line (or the top) to the next, attributes gathered by name."""

    def __init__(self, label: str, head: str) -> None:
        self.label = label
        self.head = head
        self.attributes: dict[str, list[str]] = {}

    def add(self, line: str) -> None:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            self.attributes.setdefault(name, []).append(value)

    def all(self, name: str) -> Sequence[str]:
        return self.attributes.get(name, ())

    def first(self, name: str) -> str:
        values = self.attributes.get(name)
        return values[0] if values else ""

    def has(self, name: str) -> bool:
        return name in self.attributes

    def bad(self, name: str, why: str) -> BadSdp:
        return BadSdp(f"{self.label} a={name}", why)


def parse(text: str) -> SessionDescription:
    """The description in `text`, or `BadSdp`."""
    top, sections = _split(text)
    inherited = _transport(top, TransportAttributes())
    media = tuple(_media(section, inherited) for section in sections)
    mids = [line.mid for line in media if line.mid]
    if len(set(mids)) != len(mids):
        raise BadSdp("a=mid", "two m-lines have the same mid")
    return SessionDescription(
        media=media,
        bundle=_bundle(top),
        extmap_allow_mixed=top.has("extmap-allow-mixed"),
        ice_lite=top.has("ice-lite"),
    )


def _split(text: str) -> tuple[_Section, list[_Section]]:
    if len(text) > MAX_SDP_BYTES or len(text.encode("utf-8", "replace")) > MAX_SDP_BYTES:
        raise BadSdp("sdp", f"longer than {MAX_SDP_BYTES} bytes")
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise BadSdp("sdp", f"more than {MAX_LINES} lines")
    if lines[0].strip() != "v=0":
        raise BadSdp("v", "a description begins with v=0")
    top = current = _Section("session", "")
    sections: list[_Section] = []
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip()
        if not line:
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            raise BadSdp(f"line {number}", "not of the form x=value")
        if line[0] == "m":
            if len(sections) == MAX_MEDIA:
                raise BadSdp("m", f"more than {MAX_MEDIA} m-lines")
            current = _Section(f"m[{len(sections)}]", line[2:])
            sections.append(current)
        else:
            current.add(line)
    return top, sections


def _bundle(top: _Section) -> tuple[str, ...]:
    for group in top.all("group"):
        semantics, *mids = group.split() or [""]
        if semantics == "BUNDLE":
            return tuple(mids)
    return ()


def _transport(section: _Section, inherited: TransportAttributes) -> TransportAttributes:
    fingerprints = tuple(_fingerprint(section, value) for value in section.all("fingerprint"))
    return TransportAttributes(
        ufrag=_credential(section, "ice-ufrag", 4, 256) or inherited.ufrag,
        pwd=_credential(section, "ice-pwd", 22, 256) or inherited.pwd,
        fingerprints=fingerprints or inherited.fingerprints,
        setup=section.first("setup") or inherited.setup,
    )


def _credential(section: _Section, name: str, low: int, high: int) -> str:
    value = section.first(name)
    if value and not (low <= len(value) <= high and value.isascii() and value.isprintable() and " " not in value):
        raise section.bad(name, f"must be {low} to {high} printable characters")
    return value


def _fingerprint(section: _Section, value: str) -> Fingerprint:
    algorithm, _, digest = value.partition(" ")
    if not algorithm or not _OCTETS.fullmatch(digest.strip()):
        raise section.bad("fingerprint", "must be an algorithm and octets in hex")
    return Fingerprint(algorithm=algorithm.lower(), value=digest.strip().upper())


def _media(section: _Section, inherited: TransportAttributes) -> Media:
    kind, port, protocol, formats = _head(section)
    ssrcs = dict.fromkeys(_number(section, "ssrc", v.partition(" ")[0], 0xFFFFFFFF) for v in section.all("ssrc"))
    return Media(
        kind=kind,
        port=port,
        protocol=protocol,
        formats=formats,
        mid=_mid(section, port),
        direction=_direction(section),
        transport=_transport(section, inherited),
        codecs=_codecs(section, formats) if kind in ("audio", "video") else (),
        extensions=_extensions(section),
        ssrcs=tuple(ssrcs),
        ssrc_groups=tuple(_ssrc_group(section, value) for value in section.all("ssrc-group")),
        bundle_only=section.has("bundle-only"),
        rtcp_mux=section.has("rtcp-mux"),
        rtcp_rsize=section.has("rtcp-rsize"),
    )


def _head(section: _Section) -> tuple[str, int, str, tuple[str, ...]]:
    parts = section.head.split()
    if len(parts) < 4 or parts[0] not in _KINDS:
        raise BadSdp(section.label, "must be a known kind, port, protocol and at least one format")
    kind, port, protocol, *formats = parts
    if not (port.isascii() and port.isdigit() and int(port[:6]) <= 65535):
        raise BadSdp(section.label, "port must be 0 to 65535")
    if len(formats) > 128:
        raise BadSdp(section.label, "more than 128 formats")
    return kind, int(port), protocol, tuple(formats)


def _mid(section: _Section, port: int) -> str:
    mid = section.first("mid")
    if not mid and port == 0:
        return ""
    if not mid or len(mid) > MAX_MID_CHARS or not mid.isascii() or not mid.isprintable() or " " in mid:
        raise section.bad("mid", f"a live m-line needs a mid of 1 to {MAX_MID_CHARS} printable characters")
    return mid


def _direction(section: _Section) -> Direction:
    found = [direction for direction in Direction if section.has(direction.value)]
    if len(found) > 1:
        raise section.bad("direction", "more than one direction")
    return found[0] if found else Direction.SENDRECV


def _number(section: _Section, name: str, text: str, high: int, low: int = 0) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        raise section.bad(name, f"must begin with a number from {low} to {high}")
    return int(text)


def _codecs(section: _Section, formats: tuple[str, ...]) -> tuple[Codec, ...]:
    fmtp = _by_payload(section, "fmtp", lambda lines: lines[0])
    feedback = _by_payload(section, "rtcp-fb", tuple)
    for_all = tuple(rest.strip() for kind, _, rest in _words(section, "rtcp-fb") if kind == EVERY_PAYLOAD)
    maps = _by_payload(section, "rtpmap", lambda lines: lines[0])
    codecs: list[Codec] = []
    for payload in dict.fromkeys(formats):
        number = _number(section, "rtpmap", payload, 127)
        if number in maps and number not in RTCP_TYPES:
            name, rate, channels = _rtpmap(section, maps[number])
            lines = tuple(dict.fromkeys((*feedback.get(number, ()), *for_all)))
            codecs.append(Codec(number, name, rate, channels, fmtp.get(number, ""), lines))
    return tuple(codecs)


def _by_payload(section: _Section, name: str, keep: Callable[[list[str]], T]) -> dict[int, T]:
    gathered: dict[int, list[str]] = {}
    for payload, _, rest in _words(section, name):
        if payload == EVERY_PAYLOAD:
            continue
        gathered.setdefault(_number(section, name, payload, 127), []).append(rest.strip())
    return {payload: keep(lines) for payload, lines in gathered.items()}


def _words(section: _Section, name: str) -> Iterator[tuple[str, str, str]]:
    """Each attribute of the name, its first word apart."""
    return (line.partition(" ") for line in section.all(name))


def _rtpmap(section: _Section, value: str) -> tuple[str, int, int]:
    name, _, rest = value.partition("/")
    rate, _, channels = rest.partition("/")
    if not name or not name.isascii() or not name.isprintable():
        raise section.bad("rtpmap", "must be name/rate[/channels]")
    return name, _number(section, "rtpmap", rate, 1_000_000, 1), _number(section, "rtpmap", channels or "1", 255, 1)


def _extensions(section: _Section) -> tuple[HeaderExtension, ...]:
    found: list[HeaderExtension] = []
    for value in section.all("extmap"):
        number, _, rest = value.partition(" ")
        uri = rest.strip().split(" ", 1)[0]
        if not uri:
            raise section.bad("extmap", "must be id and uri")
        found.append(HeaderExtension(_number(section, "extmap", number.partition("/")[0], 4351, 1), uri))
    if len({extension.id for extension in found}) != len(found):
        raise section.bad("extmap", "two extensions have the same id")
    return tuple(found)


def _ssrc_group(section: _Section, value: str) -> SsrcGroup:
    semantics, *ssrcs = value.split() or [""]
    return SsrcGroup(semantics, tuple(_number(section, "ssrc-group", ssrc, 0xFFFFFFFF) for ssrc in ssrcs))
