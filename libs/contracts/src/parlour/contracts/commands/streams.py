"""Commands on streams and their transports, answered by the registry."""

import msgspec

from parlour.contracts.spelling import wire_name

from .caller import Command, SessionCommand


class MediaSections(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """The mids of an offer's media sections (RFC 8843) that carry one stream; "" where there is none."""

    audio_mid: str = ""
    video_mid: str = ""


class StreamCommand(SessionCommand, frozen=True):
    """Base of what a session asks about a stream."""

    stream_id: str


class Publish(StreamCommand, frozen=True, tag="registry.publish"):
    """Offer to send a stream on the session's publishing transport (`transport_id` empty: a new one)."""

    sdp: str
    media: MediaSections
    transport_id: str = ""
    extra_info: str = ""
    codec: str = ""
    resource: str = ""
    """Names a transport that stands for itself (WHIP), apart from the session's others and their limit."""


class StopPublish(StreamCommand, frozen=True, tag="registry.stop_publish"):
    """Remove an own stream; `close_transport`: the transport carries nothing else and ends too."""

    close_transport: bool = False


class Play(StreamCommand, frozen=True, tag="registry.play"):
    """Offer to receive a stream on the session's playing transport (`transport_id` empty: a new one)."""

    sdp: str
    media: MediaSections
    transport_id: str = ""
    resource: str = ""
    """As in `Publish` (WHEP)."""


class StopPlay(StreamCommand, frozen=True, tag="registry.stop_play"):
    """Stop receiving a stream: on one transport, which then ends with it, or (`transport_id` empty) on all of the session's."""

    transport_id: str = ""


class SetStreamExtraInfo(StreamCommand, frozen=True, tag="registry.set_extra_info"):
    """Sets a stream's extra information, at most 1,024 bytes."""

    extra_info: str


class SetMutes(StreamCommand, frozen=True, tag="registry.set_mutes"):
    """Mutes or unmutes the microphone and camera of an own stream, both at once."""

    audio_muted: bool
    video_muted: bool


class RestartIce(SessionCommand, frozen=True, tag="registry.restart_ice"):
    """Offers new ICE credentials for a transport that exists."""

    transport_id: str
    sdp: str


class EndResource(StreamCommand, frozen=True, tag="registry.end_resource"):
    """End what a WHIP (`publishes`) or WHEP resource carries, and its transport; a stream that has moved to another transport stays.

    Answered by `ResourceEnded`. Any gateway may ask, with what the resource's address says."""

    transport_id: str
    publishes: bool


class RenewIce(SessionCommand, frozen=True, tag="registry.renew_ice"):
    """New ICE credentials of the peer for a resource's transport; without them only the question how it stands.

    `match`: the relay's ufrag that the asker knows, empty for any. Answered by `relay.IceRenewed`."""

    transport_id: str
    ufrag: str = ""
    pwd: str = ""
    match: str = ""


class DescribeStreams(Command, frozen=True, tag="registry.describe"):
    """Operator's question to the registry: what it holds in memory at this moment."""


class Published(msgspec.Struct, frozen=True):
    """The answer to `Publish` and `Play`: the relay's SDP answer."""

    transport_id: str
    sdp: str
    node: str


class ResourceEnded(msgspec.Struct, frozen=True):
    """The answer to `EndResource`: whether the resource was there, and how many other transports its session has."""

    found: bool
    remaining: int
