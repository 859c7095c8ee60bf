"""The node's session table: transports, the tracks that come in on them, the sinks that go out on them.

Pure state, changed by `app` in step with the packet core. Invariants:

1. A stream has at most one track of a kind on the node; publishing it elsewhere moves it.
2. An m-line of a transport carries at most one track and at most one sink.
3. A sink names the stream it carries, not a track: it outlives its publisher and meets the next one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from parlour.relay.domain.sdp.codecs import Payload
from parlour.relay.domain.sdp.model import HeaderExtension, TransportAttributes

KINDS = ("audio", "video")
CONNECTED = "connected"
"""The state of a transport whose ICE and DTLS are established."""


class StreamKey(msgspec.Struct, frozen=True, order=True):
    """A stream's name on the node: ids are unique within an app only."""

    app: int
    stream_id: str


class Slot(msgspec.Struct, frozen=True, order=True):
    """One kind of one stream: where its track and its sinks meet."""

    stream: StreamKey
    kind: str


class Track(msgspec.Struct, frozen=True):
    """Media of one slot coming in on one m-line. `number` is the core's id; `ssrcs` are announced ones, media first."""

    number: int
    transport_id: str
    slot: Slot
    mid: str
    payload: Payload
    extensions: tuple[HeaderExtension, ...]
    ssrcs: tuple[int, ...]
    room_uid: str = ""
    """A label for quality samples, as the command had it."""


class Sink(msgspec.Struct, frozen=True):
    """One slot going out on one m-line, as the player numbers its payloads."""

    number: int
    transport_id: str
    slot: Slot
    mid: str
    ssrc: int
    rtx_ssrc: int | None
    payloads: tuple[Payload, ...]
    extensions: tuple[HeaderExtension, ...]
    paused: bool = False
    """The player turned the m-line inactive: nothing is sent until it is active again."""
    room_uid: str = ""
    """A label for quality samples, as a track has."""


class Transport(msgspec.Struct, frozen=True):
    """One client's bundle: who owns it and both ends' credentials. `number` is the core's id."""

    transport_id: str
    number: int
    app: int
    owner: str
    remote: TransportAttributes
    ufrag: str
    pwd: str
    description_id: int
    answers: int = 0
    state: str = "new"
    user: str = ""
    """Whom it belongs to, as the registry named them; sessions of one person share it."""

    @property
    def half_open(self) -> bool:
        """Whether ICE or DTLS is not established yet."""
        return self.state != CONNECTED


class Usage:
    """Counts transports by owner, person and app as they come, connect and go, so that a limit costs a look-up."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int, str]] = Counter()

    def replace(self, old: Transport | None, new: Transport | None) -> None:
        """Takes `old` out of the counts and `new` in."""
        for transport, step in ((old, -1), (new, 1)):
            for key in self._keys(transport) if transport else ():
                self._counts[key] += step
                if not self._counts[key]:
                    del self._counts[key]

    def _keys(self, transport: Transport) -> list[tuple[str, int, str]]:
        counted = ("owner", "user", "app", *(("half open",) if transport.half_open else ()))
        return [self._key(what, transport) for what in counted]

    @staticmethod
    def _key(what: str, transport: Transport) -> tuple[str, int, str]:
        user = transport.user or transport.owner
        named = {"owner": transport.owner, "user": user, "app": "", "half open": user}
        return what, transport.app, named[what]

    def count(self, what: str, transport: Transport) -> int:
        """How many transports the transport's `owner`, `user` or `app` has, or how many of its user's are `half open`."""
        return self._counts[self._key(what, transport)]


class SessionTable:
    """The transports, tracks and sinks of the node, with the look-ups that commands and events need."""

    def __init__(self) -> None:
        self.transports: dict[str, Transport] = {}
        self._tracks: dict[Slot, Track] = {}
        self._tracks_by_number: dict[int, Track] = {}
        self._sinks: dict[tuple[str, str], Sink] = {}
        self._sinks_of_slot: dict[Slot, dict[tuple[str, str], None]] = {}
        self.usage = Usage()

    # transports

    def put_transport(self, transport: Transport) -> None:
        """Adds a transport or replaces its description."""
        self.usage.replace(self.transports.get(transport.transport_id), transport)
        self.transports[transport.transport_id] = transport

    def drop_transport(self, transport_id: str) -> None:
        """Forgets a transport; its tracks and sinks must be gone."""
        self.usage.replace(self.transports.pop(transport_id), None)

    # tracks

    def put_track(self, track: Track) -> None:
        """Adds a track; the slot must be free."""
        self._tracks[track.slot] = track
        self._tracks_by_number[track.number] = track

    def drop_track(self, track: Track) -> None:
        """Removes a track, if it is there."""
        if self._tracks_by_number.pop(track.number, None) is not None:
            del self._tracks[track.slot]

    def track(self, slot: Slot) -> Track | None:
        """The track of a slot, or None while nobody publishes it."""
        return self._tracks.get(slot)

    def track_numbered(self, number: int) -> Track | None:
        """The track with the core's id, or None."""
        return self._tracks_by_number.get(number)

    def tracks_of_stream(self, stream: StreamKey) -> list[Track]:
        """The stream's tracks on this node: audio, then video."""
        found = (self._tracks.get(Slot(stream, kind)) for kind in KINDS)
        return [track for track in found if track is not None]

    def tracks_on(self, transport_id: str) -> list[Track]:
        """The tracks that come in on a transport."""
        return [track for track in self._tracks.values() if track.transport_id == transport_id]

    def all_tracks(self) -> Iterator[Track]:
        """Every track of the node."""
        return iter(self._tracks.values())

    # sinks

    def put_sink(self, sink: Sink) -> None:
        """Adds a sink; its m-line must be free."""
        key = (sink.transport_id, sink.mid)
        self._sinks[key] = sink
        self._sinks_of_slot.setdefault(sink.slot, {})[key] = None

    def drop_sink(self, sink: Sink) -> None:
        """Removes a sink, if it is there."""
        key = (sink.transport_id, sink.mid)
        if self._sinks.pop(key, None) is None:
            return
        siblings = self._sinks_of_slot[sink.slot]
        del siblings[key]
        if not siblings:
            del self._sinks_of_slot[sink.slot]

    def sink_numbered(self, number: int) -> Sink | None:
        """The sink with the core's id, or None."""
        return next((sink for sink in self._sinks.values() if sink.number == number), None)

    def all_sinks(self) -> Iterator[Sink]:
        """Every sink of the node."""
        return iter(self._sinks.values())

    def sinks_of(self, slot: Slot) -> list[Sink]:
        """The sinks of all players of a slot."""
        return [self._sinks[key] for key in self._sinks_of_slot.get(slot, ())]

    def sinks_on(self, transport_id: str) -> list[Sink]:
        """The sinks that go out on a transport."""
        return [sink for sink in self._sinks.values() if sink.transport_id == transport_id]

    def counts(self) -> tuple[int, int, int]:
        """How many transports, tracks and sinks the node has."""
        return len(self.transports), len(self._tracks), len(self._sinks)


def streams_of(parts: Iterable[Track] | Iterable[Sink]) -> list[StreamKey]:
    """The streams that these tracks or sinks carry, each once, in order."""
    return sorted({part.slot.stream for part in parts})
