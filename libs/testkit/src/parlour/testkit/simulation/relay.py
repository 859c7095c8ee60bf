"""A relay node without packets: it keeps transports and streams as it is told, and tells numbered facts as the real one does."""

import asyncio
import random

import msgspec

from parlour.contracts import relay as wire
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers

BEAT_S = 2.0
COMMANDS: dict[str, type[wire.RelayCommand]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        wire.Negotiate,
        wire.StopPublish,
        wire.StopPlay,
        wire.CloseTransport,
        wire.RequestKeyframe,
        wire.Report,
    )
}


class _Transport(msgspec.Struct):
    app: int
    owner: str
    publishes: set[str] = msgspec.field(default_factory=set[str])
    plays: set[str] = msgspec.field(default_factory=set[str])


class RelayNode:
    """One boot of one node."""

    def __init__(self, name: str, boot: str, bus: Bus, chance: random.Random) -> None:
        self.name = name
        self.transports: dict[str, _Transport] = {}
        self._boot = boot
        self._bus = bus
        self._chance = chance
        self._number = 0
        self._answers: dict[str, wire.Negotiated] = {}

    @property
    def up(self) -> bool:
        """Whether its process lives."""
        return self._bus.connected

    async def run(self) -> None:
        """Takes commands and beats, for ever."""
        endpoints = {
            kind: Endpoint(subjects.relay_command(self.name, kind), of, self.handle) for kind, of in COMMANDS.items()
        }
        await self._bus.serve(f"relay-{self.name}", "1.0.0", endpoints)
        while True:
            await self._tell(wire.NodeUp(self.name, self._boot, self._number, ("192.0.2.1:5000",), self._load()))
            await asyncio.sleep(BEAT_S)

    async def handle(self, to: Address, command: wire.AnyRelayCommand, headers: Headers) -> msgspec.Struct:
        """One command."""
        match command:
            case wire.Negotiate():
                fresh = command.transport_id not in self.transports
                answer = self._negotiate(command)
                if fresh:
                    await self._connected(answer.transport_id, command)
                return answer
            case wire.CloseTransport(transport_id):
                return wire.Ack(await self.lose(transport_id, "closed"))
            case wire.StopPublish(transport_id, stream_id):
                return self._let_go(self._held(transport_id).publishes, stream_id)
            case wire.StopPlay(transport_id, stream_id):
                return self._let_go(self._held(transport_id).plays, stream_id)
            case wire.Report():
                return self._report()
            case _:
                return wire.Ack(False)

    async def lose(self, transport_id: str, reason: str) -> bool:
        """A transport ends, and the node says so."""
        gone = self.transports.pop(transport_id, None)
        if gone is None:
            return False
        self._number += 1
        streams = tuple(sorted(gone.publishes))
        await self._tell(
            wire.TransportGone(self.name, self._boot, self._number, transport_id, gone.owner, gone.app, reason, streams)
        )
        return True

    async def _connected(self, transport_id: str, command: wire.Negotiate) -> None:
        self._number += 1
        fact = wire.TransportConnected(self.name, self._boot, self._number, transport_id, command.owner, command.app, 1)
        await self._tell(fact)

    def _negotiate(self, command: wire.Negotiate) -> wire.Negotiated:
        known = self._answers.get(command.command_id)
        if known is not None and known.transport_id in self.transports:
            return known
        transport_id = command.transport_id or f"t-{self._chance.getrandbits(48):012x}"
        if command.transport_id and command.transport_id not in self.transports:
            raise Rejection(Code.NOT_FOUND, "the transport is gone", field="transportID")
        transport = self.transports.setdefault(transport_id, _Transport(command.app, command.owner))
        for media in command.publish:
            for other in self.transports.values():
                other.publishes.discard(media.stream_id)
            transport.publishes.add(media.stream_id)
        transport.plays |= {media.stream_id for media in command.play}
        bound = tuple(
            wire.BoundStream(media.stream_id, media.media, (media.codec or "VP8") if media.media.video_mid else "")
            for media in command.publish
        )
        answer = self._answers[command.command_id] = wire.Negotiated(transport_id, "answer", bound)
        return answer

    def _held(self, transport_id: str) -> _Transport:
        found = self.transports.get(transport_id)
        if found is None:
            raise Rejection(Code.NOT_FOUND, "the transport is gone", field="transportID")
        return found

    @staticmethod
    def _let_go(streams: set[str], stream_id: str) -> wire.Ack:
        changed = stream_id in streams
        streams.discard(stream_id)
        return wire.Ack(changed)

    def _report(self) -> wire.NodeReport:
        transports = tuple(
            wire.TransportReport(transport_id, t.app, t.owner, "connected")
            for transport_id, t in self.transports.items()
        )
        return wire.NodeReport(self.name, self._boot, self._number, ("192.0.2.1:5000",), self._load(), transports)

    def _load(self) -> wire.NodeLoad:
        return wire.NodeLoad(len(self.transports), 0, 0, 0.0)

    async def _tell(self, fact: wire.AnyRelayFact) -> None:
        kind = str(fact.__struct_config__.tag)
        await self._bus.publish(subjects.relay_fact(self.name, kind), msgspec.json.encode(fact))
