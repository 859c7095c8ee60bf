"""Decides what an offer changes: which tracks and sinks go, which come, and what each m-line is answered.

`plan` changes nothing; a refusal leaves everything as it was. Rules:

1. A binding (stream on m-line) stays while its m-line is there with the same codec and SSRCs; an inactive m-line pauses it.
2. A binding named in the command replaces what its m-line carried and where its stream was on this transport.
3. An m-line that nothing is bound to is answered inactive; one that the relay has no codec for is refused with port 0.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from parlour.contracts.relay import PlayMedia, PublishMedia
from parlour.relay.domain import rejections
from parlour.relay.domain.sdp.answer import AnswerMedia, Outgoing
from parlour.relay.domain.sdp.codecs import Payload, answered, choose, extensions, ordered, supported
from parlour.relay.domain.sdp.model import Codec, Direction, Media, SessionDescription
from parlour.relay.domain.session import KINDS, SessionTable, Sink, Slot, StreamKey, Track, streams_of

MAX_STREAMS = 32
"""Streams of one transport, published and played together: half of the m-lines."""

Binding = PublishMedia | PlayMedia


class NumberSource(Protocol):
    """Makes new ids and SSRCs."""

    def number(self) -> int:
        """A core id that was never used."""
        ...

    def ssrc(self) -> int:
        """A random SSRC, never 0."""
        ...


class Plan(msgspec.Struct, frozen=True):
    """The changes that an offer brings, in the order in which they are made, and the answer to each of its m-lines."""

    pause_sinks: tuple[Sink, ...]
    drop_sinks: tuple[Sink, ...]
    drop_tracks: tuple[Track, ...]
    add_tracks: tuple[Track, ...]
    add_sinks: tuple[Sink, ...]
    answers: tuple[AnswerMedia, ...]


class _Planner:
    """The working state of one `plan`: the tracks and sinks by mid, before and after."""

    def __init__(
        self, table: SessionTable, transport_id: str, app: int, offer: SessionDescription, numbers: NumberSource
    ):
        self._table = table
        self._transport_id = transport_id
        self._app = app
        self._offer = offer
        self._numbers = numbers
        self._old_tracks = {track.mid: track for track in table.tracks_on(transport_id)}
        self._old_sinks = {sink.mid: sink for sink in table.sinks_on(transport_id)}
        self.tracks = {mid: track for mid, track in self._old_tracks.items() if self._track_stays(track)}
        self.sinks = {mid: self._with_pause(sink) for mid, sink in self._old_sinks.items() if self._sink_stays(sink)}

    # rule 1

    def _track_stays(self, track: Track) -> bool:
        media = self._live(track.mid, track.slot.kind)
        if media is None or track.payload.key not in _keys(supported(media)):
            return False
        return not media.direction.sends or media.primary_and_rtx == track.ssrcs

    def _sink_stays(self, sink: Sink) -> bool:
        media = self._live(sink.mid, sink.slot.kind)
        return media is not None and _keys(supported(media)) == _keys(sink.payloads)

    def _with_pause(self, sink: Sink) -> Sink:
        media = self._live(sink.mid, sink.slot.kind)
        return msgspec.structs.replace(sink, paused=media is not None and not media.direction.receives)

    def _live(self, mid: str, kind: str) -> Media | None:
        media = self._offer.find(mid)
        return media if media is not None and media.kind == kind and not media.stopped else None

    # rule 2

    def publish(self, wanted: PublishMedia) -> None:
        for slot, media in self._sections(wanted, self.tracks):
            payload = choose(media, wanted.codec or None)
            if payload is None:
                raise rejections.codec_unsupported(wanted.codec or "opus, VP8 or H264", media.mid, wanted.stream_id)
            self._bind_track(slot, media, payload, wanted.room_uid)

    def _bind_track(self, slot: Slot, media: Media, payload: Payload, room_uid: str) -> None:
        before = self.tracks.get(media.mid)
        if before is not None and before.slot == slot and before.payload.key == payload.key:
            return
        self.tracks[media.mid] = Track(
            number=self._numbers.number(), transport_id=self._transport_id, slot=slot, mid=media.mid, payload=payload,
            extensions=extensions(media, publishes=True), ssrcs=media.primary_and_rtx, room_uid=room_uid,
        )  # fmt: skip

    def play(self, wanted: PlayMedia) -> None:
        stream = StreamKey(self._app, wanted.stream_id)
        if not self._is_published(stream):
            raise rejections.stream_not_found(wanted.stream_id)
        for slot, media in self._sections(wanted, self.sinks):
            self._bind_sink(slot, media, wanted.room_uid)

    def _is_published(self, stream: StreamKey) -> bool:
        own = any(track.slot.stream == stream for track in self.tracks.values())
        return own or any(track not in self._old_tracks.values() for track in self._table.tracks_of_stream(stream))

    def _bind_sink(self, slot: Slot, media: Media, room_uid: str) -> None:
        payloads = supported(media)
        track = self._track_after(slot)
        if not payloads or (track and track.payload.name not in {payload.name for payload in payloads}):
            needed = track.payload.name if track else "opus, VP8 or H264"
            raise rejections.codec_unsupported(needed, media.mid, slot.stream.stream_id)
        before = self.sinks.get(media.mid)
        if before is not None and before.slot == slot:
            return
        has_rtx = any(payload.rtx for payload in payloads)
        self.sinks[media.mid] = Sink(
            number=self._numbers.number(), transport_id=self._transport_id, slot=slot, mid=media.mid,
            ssrc=self._numbers.ssrc(), rtx_ssrc=self._numbers.ssrc() if has_rtx else None, payloads=payloads,
            extensions=extensions(media, publishes=False), room_uid=room_uid,
        )  # fmt: skip

    def _track_after(self, slot: Slot) -> Track | None:
        """The slot's track as it will be."""
        own = next((track for track in self.tracks.values() if track.slot == slot), None)
        return own or self._table.track(slot)

    def _sections(self, wanted: Binding, parts: dict[str, Track] | dict[str, Sink]) -> Iterator[tuple[Slot, Media]]:
        """The m-lines that the command binds its stream to, once the stream is off the others of this transport."""
        stream = StreamKey(self._app, wanted.stream_id)
        mids = self._mids(wanted, {mid: part.slot.stream for mid, part in parts.items()}, stream)
        for mid in [mid for mid, part in parts.items() if part.slot.stream == stream and mid not in mids.values()]:
            del parts[mid]
        for kind, mid in mids.items():
            media = self._live(mid, kind)
            if media is None:
                raise rejections.unusable_offer(f"mid {mid}", f"it has no live {kind} m-line with that mid")
            if not _flows(wanted, media):
                use, way = ("published", "sendonly") if isinstance(wanted, PublishMedia) else ("played", "recvonly")
                raise rejections.unusable_offer(f"mid {mid}", f"a {use} m-line must be {way} or sendrecv")
            yield Slot(stream, kind), media

    def _mids(self, wanted: Binding, bound: dict[str, StreamKey], stream: StreamKey) -> dict[str, str]:
        """By kind, the m-lines that the command names, or the first of each kind that flows, is free or the stream's own already, and has
        a codec of ours; where none has one, the first of that kind, whose codecs the refusal then names."""
        if wanted.media.audio_mid or wanted.media.video_mid:
            named = {"audio": wanted.media.audio_mid, "video": wanted.media.video_mid}
            return {kind: mid for kind, mid in named.items() if mid}
        live = (media for media in self._offer.media if not media.stopped and _in_bundle(media, self._offer))
        usable = [media for media in live if _flows(wanted, media) and bound.get(media.mid, stream) == stream]
        found: dict[str, str] = {}
        for kind in KINDS:
            of_kind = [media for media in usable if media.kind == kind]
            if of_kind:
                found[kind] = min(of_kind, key=lambda media: not supported(media)).mid
        if not found:
            raise rejections.unusable_offer("m", f"it has no free m-line for stream {wanted.stream_id!r}")
        return found

    # the outcome

    def outcome(self) -> Plan:
        streams = len(streams_of(self.tracks.values())) + len(streams_of(self.sinks.values()))
        if streams > MAX_STREAMS:
            raise rejections.over_limit("streams on one transport", MAX_STREAMS)
        added = tuple(track for track in self.tracks.values() if track not in self._old_tracks.values())
        moved = (self._table.track(track.slot) for track in added)
        gone = [track for track in self._old_tracks.values() if self.tracks.get(track.mid) != track]
        gone += [track for track in moved if track is not None and track not in gone]
        old, new = ({sink.number: sink for sink in sinks.values()} for sinks in (self._old_sinks, self.sinks))
        return Plan(
            pause_sinks=tuple(sink for number, sink in new.items() if number in old and old[number] != sink),
            drop_sinks=tuple(sink for number, sink in old.items() if number not in new),
            drop_tracks=tuple(gone),
            add_tracks=added,
            add_sinks=tuple(sink for number, sink in new.items() if number not in old),
            answers=tuple(self._answer(media) for media in self._offer.media),
        )

    def _answer(self, media: Media) -> AnswerMedia:
        if media.kind not in KINDS or media.stopped or not _in_bundle(media, self._offer):
            return AnswerMedia()
        track, sink = self.tracks.get(media.mid), self.sinks.get(media.mid)
        return AnswerMedia(
            direction=Direction.from_flags(
                sends=sink is not None and media.direction.receives,
                receives=track is not None and media.direction.sends,
            ),
            codecs=tuple(self._codecs(media, track, sink)),
            extensions=extensions(media, publishes=track is not None),
            outgoing=_outgoing(sink) if sink else None,
        )

    def _codecs(self, media: Media, track: Track | None, sink: Sink | None) -> Iterator[Codec]:
        payloads: Sequence[Payload] = supported(media)
        if track is not None:
            payloads = [track.payload]
        elif sink is not None:
            playing = self._track_after(sink.slot)
            payloads = ordered(sink.payloads, playing.payload.name if playing else None)
        for payload in payloads:
            yield from answered(payload, publishes=track is not None)


def plan(
    table: SessionTable, transport_id: str, app: int, offer: SessionDescription, publish: Sequence[PublishMedia],
    play: Sequence[PlayMedia], numbers: NumberSource,
) -> Plan:  # fmt: skip
    """Plans what an offer changes on a transport of `table` (which may not have it yet); `Rejection` where it can not be answered."""
    planner = _Planner(table, transport_id, app, offer, numbers)
    for wanted in publish:
        planner.publish(wanted)
    for wanted in play:
        planner.play(wanted)
    return planner.outcome()


def check_offer(offer: SessionDescription) -> Media:
    """Checks an offer; returns the m-line whose transport attributes hold for the bundle."""
    live = [media for media in offer.media if not media.stopped and media.kind in KINDS]
    if not live:
        raise rejections.unusable_offer("m", "it has no live audio or video m-line")
    if len(live) > 1 and not offer.bundle:
        raise rejections.unusable_offer("a=group", "several m-lines must share one BUNDLE", hint="use max-bundle")
    first = next((media for media in live if _in_bundle(media, offer)), None)
    if first is None:
        raise rejections.unusable_offer("a=group", "no live m-line is in the BUNDLE")
    if not first.rtcp_mux:
        raise rejections.unusable_offer("a=rtcp-mux", "RTCP must share the port")
    if not first.transport.ufrag or not first.transport.pwd:
        raise rejections.unusable_offer("a=ice-ufrag", "ICE credentials are missing")
    if not any(each.algorithm in ("sha-256", "sha-384", "sha-512") for each in first.transport.fingerprints):
        raise rejections.unusable_offer("a=fingerprint", "it needs one by sha-256, sha-384 or sha-512")
    if first.transport.setup not in ("actpass", "active"):
        raise rejections.unusable_offer("a=setup", "it must be actpass or active: a relay is always passive")
    return first


def _in_bundle(media: Media, offer: SessionDescription) -> bool:
    return media.mid in offer.bundle or not offer.bundle


def _keys(payloads: Sequence[Payload]) -> set[tuple[str, int, int | None]]:
    return {payload.key for payload in payloads}


def _flows(wanted: Binding, media: Media) -> bool:
    return media.direction.sends if isinstance(wanted, PublishMedia) else media.direction.receives


def _outgoing(sink: Sink) -> Outgoing:
    stream = sink.slot.stream.stream_id
    return Outgoing(stream=stream, track=f"{stream}-{sink.slot.kind}", ssrc=sink.ssrc, rtx_ssrc=sink.rtx_ssrc)
