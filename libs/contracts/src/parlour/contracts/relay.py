"""What a relay node is asked and what it tells: `parlour.v1.relay.<node>.cmd.<kind>` and `….fact.<kind>`.

The registry decides who may publish or play; a relay does as told and knows a stream by (app, stream id), a transport's owner by an
opaque text. Every command may be repeated: what already holds is answered again. A refusal comes as `Reply.problem`
(`contracts.commands.Reply`); nothing has changed then.
"""

import msgspec

from .commands import MediaSections


class RelayCommand(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do"):
    """Base of a relay's commands; the tag is also the subject's last token."""


class PublishMedia(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stream and the offer's m-lines that carry it; without any mid, its first free ones of each kind (WHIP). `codec` (VP8 or
    H264) pins the video codec; empty takes the first that every browser decodes. A stream id that another transport publishes moves
    here, and its players keep playing."""

    stream_id: str
    media: MediaSections
    codec: str = ""
    room_uid: str = ""
    """The call of the room that it is published in: nothing to the relay but a label of its quality samples (none without it)."""


class PlayMedia(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stream that is on this node and the offer's m-lines that shall carry it; without any mid, its first free ones of each kind
    (WHEP). An m-line whose track is not there yet stays silent until the publisher adds it."""

    stream_id: str
    media: MediaSections
    room_uid: str = ""
    """As `PublishMedia` has it."""


class Negotiate(RelayCommand, frozen=True, tag="negotiate"):
    """An offer, first or renewed, of one transport; answered by `Negotiated`.

    `publish` and `play` name what is new or rebound. What is bound already stays as long as its m-lines live: one that turns inactive
    holds its stream until it is active again, one that the offer stops or recycles lets go of it. (Browsers end their whole transport
    when the first m-line of a bundle is stopped: turn m-lines inactive and use them again.) New ICE credentials in the offer restart
    ICE, so an offer without anything new is an ICE restart. `owner` is the session, or `session/resource`; for limits and reports.
    """

    app: int
    owner: str
    sdp: str
    transport_id: str = ""
    publish: tuple[PublishMedia, ...] = ()
    play: tuple[PlayMedia, ...] = ()
    command_id: str = ""
    """The same id again returns the first answer, so that a lost reply leaves no second transport behind."""
    user: str = ""
    """An opaque text that all sessions of one person share: the relay limits what one person takes of a node."""


class BoundStream(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stream on a transport with its m-lines; `codec` is the video codec of a published one."""

    stream_id: str
    media: MediaSections
    codec: str = ""


class Negotiated(msgspec.Struct, frozen=True, omit_defaults=True):
    """The relay's answer to an offer, and what the transport publishes by it: what was negotiated, not what was asked for."""

    transport_id: str
    sdp: str
    publishes: tuple[BoundStream, ...] = ()


class TransportCommand(RelayCommand, frozen=True):
    """Base of what is asked about one transport."""

    transport_id: str


class StreamCommand(TransportCommand, frozen=True):
    """Base of what is asked about a stream on one transport."""

    stream_id: str


class StopPublish(StreamCommand, frozen=True, tag="stop_publish"):
    """Stops forwarding a stream. Its players stay bound and resume when it is published here again. Answered by `Ack`."""


class StopPlay(StreamCommand, frozen=True, tag="stop_play"):
    """Stops sending a stream on this transport. Answered by `Ack`."""


class CloseTransport(TransportCommand, frozen=True, tag="close_transport"):
    """End a transport with all it carries. Answered by `Ack`, and by a `TransportGone` fact if it was there."""


class RequestKeyframe(RelayCommand, frozen=True, tag="keyframe"):
    """Ask a stream's publisher for a key frame. Answered by `Ack`."""

    app: int
    stream_id: str


class RenewIce(RelayCommand, frozen=True, tag="renew_ice"):
    """New ICE credentials of the peer, without an offer (RFC 9725 §4.3.2); without them only the question how it stands. `match` is the
    relay's ufrag that the asker knows, empty for any. Answered by `IceRenewed`."""

    app: int
    owner: str
    transport_id: str
    ufrag: str = ""
    pwd: str = ""
    match: str = ""


class Report(RelayCommand, frozen=True, tag="report"):
    """Ask for the session table after transport `after` (empty: from its beginning); answered by `NodeReport`."""

    after: str = ""


class ReadFlight(TransportCommand, frozen=True, tag="flight"):
    """Ask for a transport's flight recorder; answered by `FlightLog`. The relay keeps a copy in its own folder too."""


class MoveTransports(RelayCommand, frozen=True, tag="move_transports"):
    """The registry's answer to a heartbeat with `draining`: another node takes new transports, so the node asks its clients to move theirs.
    Answered by `Ack`; `changed` is false where the node asks them already, or does not drain."""


AnyRelayCommand = (
    Negotiate
    | StopPublish
    | StopPlay
    | CloseTransport
    | RequestKeyframe
    | RenewIce
    | Report
    | ReadFlight
    | MoveTransports
)


class Ack(msgspec.Struct, frozen=True):
    """The command's outcome holds; `changed` is false if it held before."""

    changed: bool


class IceRenewed(msgspec.Struct, frozen=True):
    """How the relay's side of ICE stands. outcome: renewed; same (the peer's credentials were these, or none were given); stale (the
    relay's ufrag is not the one asked for, nothing changed). `candidates` are lines of SDP."""

    outcome: str
    ufrag: str
    pwd: str
    candidates: tuple[str, ...]


class FlightRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """Equal decisions about consecutive packets, within 100 ms. `what` is one of the packet core's words (`Core.flight`);
    `at` is in unix microseconds. A player's dropped packets have the publisher's numbers."""

    at: int
    took_ms: int
    what: str
    stream_id: str
    kind: str
    first: int
    last: int
    packets: int
    bytes: int


class FlightLog(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last ten seconds of one transport, oldest first. `reason` is stalled, repairs_missed or asked."""

    node: str
    transport_id: str
    app: int
    owner: str
    reason: str
    runs: tuple[FlightRun, ...]


class TransportReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """One transport: state is new, connecting or connected."""

    transport_id: str
    app: int
    owner: str
    state: str
    publishes: tuple[BoundStream, ...] = ()
    plays: tuple[BoundStream, ...] = ()


class NodeLoad(msgspec.Struct, frozen=True):
    """What placement weighs. `cpu` is the packet threads' share of their cores since the last heartbeat, 0 … 1. A node that is `draining`
    is about to stop: placement avoids it, and it asks its clients to move."""

    transports: int
    tracks: int
    sinks: int
    cpu: float
    draining: bool = False


class NodeReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is on the node as of fact `number` of boot `boot_id`, a page of it; `after` is what to ask for next, empty at the end.
    Pages with different numbers do not make one picture: ask again from the beginning."""

    node: str
    boot_id: str
    number: int
    addresses: tuple[str, ...]
    load: NodeLoad
    transports: tuple[TransportReport, ...]
    after: str = ""


class RelayFact(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="fact"):
    """Base of facts. `number` counts 1, 2, 3 … within a boot; who misses one asks for a `Report`."""

    node: str
    boot_id: str
    number: int


class NodeUp(RelayFact, frozen=True, tag="node_up"):
    """The heartbeat, every two seconds. It repeats the last fact's number, so that a lost last fact is noticed too."""

    addresses: tuple[str, ...]
    load: NodeLoad


class TransportFact(RelayFact, frozen=True):
    """Base of what a transport as a whole does."""

    transport_id: str
    owner: str
    app: int


class TransportConnected(TransportFact, frozen=True, tag="transport_connected"):
    """ICE and DTLS are established; media may flow."""

    took_ms: int
    """From the answer to here."""


class TransportGone(TransportFact, frozen=True, tag="transport_gone"):
    """reason: closed (by command), peer_closed, ice_timeout, connect_timeout, dtls_failed, fault, shutdown;
    lost: said by the registry of a node that died and began anew."""

    reason: str
    streams: tuple[str, ...] = ()
    """What it published until now."""


class TransportMove(TransportFact, frozen=True, tag="transport_move"):
    """The node drains: the transport's owner shall build a new one on another node, and leave this one once media flows there. It repeats
    the last fact's number, since nothing has changed on the node."""


class MediaFact(RelayFact, frozen=True):
    """Base of what a stream's audio or video does."""

    transport_id: str
    app: int
    stream_id: str
    kind: str


class MediaStarted(MediaFact, frozen=True, tag="media_started"):
    """The first packet of a stream's audio or video came, or the first after a stall."""


class MediaStalled(MediaFact, frozen=True, tag="media_stalled"):
    """No packet of a stream's audio or video for `silent_ms`, or its publisher said goodbye."""

    silent_ms: int


AnyRelayFact = NodeUp | TransportConnected | TransportGone | TransportMove | MediaStarted | MediaStalled
