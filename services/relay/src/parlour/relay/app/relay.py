"""Carries out the relay's commands: negotiate, stop, close, report. Each may be repeated; a refusal changes nothing.

The registry sends them and sees to it that a session names its own transports. Where a command hands out or changes credentials
(`Negotiate`, `RenewIce`), the owner is checked here once more; stopping and closing carry no owner.
"""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from parlour.contracts import relay as contract
from parlour.contracts.commands import MediaSections
from parlour.media_core import Core
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.forwarding import Forwarding
from parlour.relay.app.limits import RelayLimits
from parlour.relay.app.ports import RelayIds
from parlour.relay.app.transport_lifecycle import TransportLifecycle
from parlour.relay.domain import rejections
from parlour.relay.domain.negotiation import Plan, check_offer, plan
from parlour.relay.domain.sdp.answer import LocalTransport, candidate_lines, write_answer
from parlour.relay.domain.sdp.model import Fingerprint, SessionDescription, TransportAttributes
from parlour.relay.domain.sdp.parse import BadSdp, parse
from parlour.relay.domain.session import KINDS, SessionTable, Sink, Slot, StreamKey, Track, Transport, streams_of
from parlour.runtime.cache import Cache

TRANSPORTS_PER_REPORT = 100
"""Transports in one report: with 32 streams each, their text still fits NATS's largest message."""


Part = TypeVar("Part", Track, Sink)


@dataclass(eq=False)
class Relay:
    """Carries out one node's commands on the session table and the packet core."""

    _table: SessionTable
    _core: Core
    _forwarding: Forwarding
    _lifecycle: TransportLifecycle
    _facts: FactPublisher
    _ids: RelayIds
    _fingerprint: Fingerprint
    _limits: RelayLimits

    def __post_init__(self) -> None:
        self._answers = Cache[tuple[int, str, str], contract.Negotiated](self._limits.remembered_answers)

    # negotiate

    def negotiate(self, command: contract.Negotiate) -> contract.Negotiated:
        """Answers an offer. There is no await between the decision and its last effect: commands cannot interleave."""
        repeated = (command.app, command.owner, command.command_id)
        known = self._answers.get(repeated)
        if command.command_id and known is not None and known.transport_id in self._table.transports:
            return known
        offer = _parse(command.sdp)
        remote = check_offer(offer).transport
        transport = self._transport_for(command, remote)
        decided = plan(
            self._table, transport.transport_id, command.app, offer, command.publish, command.play, self._ids
        )
        transport = self._start_or_update(transport, remote)
        self._forwarding.carry_out(decided)
        publishes = _bound(self._table.tracks_on(transport.transport_id))
        answer = contract.Negotiated(transport.transport_id, self._answer(offer, decided, transport), publishes)
        if command.command_id:
            self._answers.put(repeated, answer)
        return answer

    def _transport_for(self, command: contract.Negotiate, remote: TransportAttributes) -> Transport:
        if command.transport_id:
            return self._require_transport(command.transport_id, command.app, command.owner)
        ids = self._ids
        transport = Transport(
            transport_id=ids.transport_id(), number=ids.number(), app=command.app, owner=command.owner, remote=remote,
            ufrag=ids.ufrag(), pwd=ids.pwd(), description_id=ids.description_id(), user=command.user,
        )  # fmt: skip
        self._check_limits(transport)
        return transport

    def _check_limits(self, transport: Transport) -> None:
        usage, limits = self._table.usage, self._limits
        for what, count, limit in (
            ("transports of one session", usage.count("owner", transport), limits.max_transports_per_session),
            ("transports of one user", usage.count("user", transport), limits.max_transports_per_user),
            ("unconnected transports of one user", usage.count("half open", transport), limits.max_half_open_per_user),
            ("transports of one app on this node", usage.count("app", transport), limits.max_transports_per_app),
        ):
            if count >= limit:
                raise rejections.too_many_transports(what, limit)
        if len(self._table.transports) >= limits.max_transports:
            raise rejections.node_full(limits.max_transports)

    def _require_transport(self, transport_id: str, app: int, owner: str) -> Transport:
        transport = self._table.transports.get(transport_id)
        if transport is None or (transport.app, transport.owner) != (app, owner):
            raise rejections.transport_not_found(transport_id)
        return transport

    def _start_or_update(self, transport: Transport, remote: TransportAttributes) -> Transport:
        """Starts a new transport, or restarts ICE when the offer has new credentials (RFC 8839 §4.4.3)."""
        transport = msgspec.structs.replace(transport, answers=transport.answers + 1)
        if transport.transport_id not in self._table.transports:
            self._lifecycle.start(transport)
            return transport
        if set(remote.fingerprints) != set(transport.remote.fingerprints):
            raise rejections.unusable_offer(
                "a=fingerprint", "the certificate may not change", hint="make a new transport"
            )
        if (remote.ufrag, remote.pwd) != (transport.remote.ufrag, transport.remote.pwd):
            return self._restart(transport, remote)
        self._table.put_transport(transport)
        return transport

    def _answer(self, offer: SessionDescription, decided: Plan, transport: Transport) -> str:
        candidates = tuple(self._core.local_candidates())
        local = LocalTransport(transport.ufrag, transport.pwd, self._fingerprint, candidates)
        return write_answer(
            offer, decided.answers, local, session_id=transport.description_id, version=transport.answers
        )

    def renew_ice(self, command: contract.RenewIce) -> contract.IceRenewed:
        """Restarts ICE with new credentials of the peer (RFC 8445 §9); media goes on over the old path meanwhile."""
        transport = self._require_transport(command.transport_id, command.app, command.owner)
        if command.match not in ("", transport.ufrag):
            return self._ice(transport, "stale")
        remote = msgspec.structs.replace(transport.remote, ufrag=command.ufrag, pwd=command.pwd)
        if not command.ufrag or remote == transport.remote:
            return self._ice(transport, "same")
        return self._ice(self._restart(transport, remote), "renewed")

    def _ice(self, transport: Transport, outcome: str) -> contract.IceRenewed:
        candidates = tuple(candidate_lines(tuple(self._core.local_candidates())))
        return contract.IceRenewed(outcome, transport.ufrag, transport.pwd, candidates)

    def _restart(self, transport: Transport, remote: TransportAttributes) -> Transport:
        """Restarts ICE with new credentials of our own too."""
        transport = msgspec.structs.replace(transport, remote=remote, ufrag=self._ids.ufrag(), pwd=self._ids.pwd())
        self._core.restart_ice(transport.number, transport.ufrag, transport.pwd, remote.ufrag, remote.pwd)
        self._table.put_transport(transport)
        return transport

    # the other commands

    def stop_publish(self, command: contract.StopPublish) -> contract.Ack:
        """Stops forwarding a stream that comes in on the transport; the answer says whether there was one."""
        tracks = _of_stream(self._table.tracks_on(command.transport_id), command.stream_id)
        for track in tracks:
            self._forwarding.drop_track(track)
        return contract.Ack(bool(tracks))

    def stop_play(self, command: contract.StopPlay) -> contract.Ack:
        """Stops sending a stream on the transport; the answer says whether there was one."""
        sinks = _of_stream(self._table.sinks_on(command.transport_id), command.stream_id)
        for sink in sinks:
            self._forwarding.drop_sink(sink)
        return contract.Ack(bool(sinks))

    async def close_transport(self, command: contract.CloseTransport) -> contract.Ack:
        """Ends a transport with all it carries."""
        transport = self._table.transports.get(command.transport_id)
        return contract.Ack(transport is not None and await self._lifecycle.end(transport.number, "closed"))

    def request_keyframe(self, command: contract.RequestKeyframe) -> contract.Ack:
        """Asks a stream's publisher for a key frame."""
        track = self._table.track(Slot(StreamKey(command.app, command.stream_id), "video"))
        if track is None:
            raise rejections.stream_not_found(command.stream_id)
        self._core.request_keyframe(track.number)
        return contract.Ack(True)

    def report(self, load: contract.NodeLoad, after: str = "") -> contract.NodeReport:
        """One page of the session table as of the last fact, in the order of ids after `after`."""
        ids = sorted(each for each in self._table.transports if each > after)
        page = ids[:TRANSPORTS_PER_REPORT]
        facts, transports = self._facts, tuple(self._transport_report(self._table.transports[each]) for each in page)
        return contract.NodeReport(
            node=facts.node, boot_id=facts.boot_id, number=facts.number, addresses=self.addresses(), load=load,
            transports=transports, after=page[-1] if len(ids) > len(page) else "",
        )  # fmt: skip

    def addresses(self) -> tuple[str, ...]:
        """`ip:port` of each of the node's candidates."""
        return tuple(f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip, port in self._core.local_candidates())

    def _transport_report(self, transport: Transport) -> contract.TransportReport:
        tracks, sinks = self._table.tracks_on(transport.transport_id), self._table.sinks_on(transport.transport_id)
        return contract.TransportReport(
            transport_id=transport.transport_id, app=transport.app, owner=transport.owner, state=transport.state,
            publishes=_bound(tracks), plays=_bound(sinks),
        )  # fmt: skip


def _parse(text: str) -> SessionDescription:
    try:
        return parse(text)
    except BadSdp as flaw:
        raise rejections.bad_sdp(flaw) from flaw


def _of_stream(parts: list[Part], stream_id: str) -> list[Part]:
    return [part for part in parts if part.slot.stream.stream_id == stream_id]


def _bound(parts: list[Track] | list[Sink]) -> tuple[contract.BoundStream, ...]:
    bound: list[contract.BoundStream] = []
    for stream in streams_of(parts):
        mids = {part.slot.kind: part.mid for part in parts if part.slot.stream == stream}
        videos = [part for part in parts if isinstance(part, Track) and part.slot == Slot(stream, "video")]
        codec = videos[0].payload.name if videos else ""
        audio, video = (mids.get(kind, "") for kind in KINDS)
        bound.append(contract.BoundStream(stream.stream_id, MediaSections(audio_mid=audio, video_mid=video), codec))
    return tuple(bound)
