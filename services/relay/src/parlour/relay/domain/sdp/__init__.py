"""The relay's own SDP layer: any browser's offer in, an ICE-lite answer out; pure functions over frozen structs."""

from parlour.relay.domain.sdp.answer import AnswerMedia, LocalTransport, Outgoing, candidate_lines, write_answer
from parlour.relay.domain.sdp.codecs import Payload, answered, choose, extensions, ordered, payload_map, supported
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
from parlour.relay.domain.sdp.parse import MAX_MEDIA, MAX_SDP_BYTES, BadSdp, parse

__all__ = [
    "MAX_MEDIA",
    "MAX_SDP_BYTES",
    "AnswerMedia",
    "BadSdp",
    "Codec",
    "Direction",
    "Fingerprint",
    "HeaderExtension",
    "LocalTransport",
    "Media",
    "Outgoing",
    "Payload",
    "SessionDescription",
    "SsrcGroup",
    "TransportAttributes",
    "answered",
    "candidate_lines",
    "choose",
    "extensions",
    "ordered",
    "parse",
    "payload_map",
    "supported",
    "write_answer",
]
