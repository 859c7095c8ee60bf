"""Serves the node's commands on `parlour.v1.relay.<node>.cmd.<kind>`."""

from collections.abc import Callable, Mapping
from typing import Any

from parlour.contracts import subjects
from parlour.contracts.relay import (
    CloseTransport,
    Done,
    FlightLog,
    IceRenewed,
    Negotiate,
    Negotiated,
    NodeLoad,
    NodeReport,
    ReadFlight,
    RenewIce,
    Report,
    RequestKeyframe,
    StopPlay,
    StopPublish,
)
from parlour.relay.app.flight_logs import FlightLogReader
from parlour.relay.app.relay import Relay
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Endpoint, Headers

VERSION = "1.0.0"


class RelayApi:
    """The node's endpoints."""

    def __init__(self, relay: Relay, flight_logs: FlightLogReader, load: Callable[[], NodeLoad]) -> None:
        self._relay = relay
        self._flight_logs = flight_logs
        self._load = load

    async def serve(self, bus: Bus, node: str) -> None:
        """Answers this node's commands; no other node shares its subjects."""
        handlers: dict[type[Any], Any] = {
            Negotiate: self.negotiate,
            StopPublish: self.stop_publish,
            StopPlay: self.stop_play,
            CloseTransport: self.close_transport,
            RequestKeyframe: self.keyframe,
            RenewIce: self.renew_ice,
            Report: self.report,
            ReadFlight: self.flight,
        }
        endpoints: Mapping[str, Endpoint] = {
            kind: Endpoint(subjects.relay_command(node, kind), command, handler)
            for command, handler in handlers.items()
            for kind in [str(command.__struct_config__.tag)]
        }
        await bus.serve("relay", VERSION, endpoints, queue=f"relay-{subjects.encode_id(node)}")

    async def negotiate(self, _: Address, command: Negotiate, __: Headers) -> Negotiated:
        """Answers an offer."""
        return self._relay.negotiate(command)

    async def stop_publish(self, _: Address, command: StopPublish, __: Headers) -> Done:
        """Forwards a stream no more."""
        return self._relay.stop_publish(command)

    async def stop_play(self, _: Address, command: StopPlay, __: Headers) -> Done:
        """Sends a stream no more."""
        return self._relay.stop_play(command)

    async def close_transport(self, _: Address, command: CloseTransport, __: Headers) -> Done:
        """Ends a transport."""
        return await self._relay.close_transport(command)

    async def keyframe(self, _: Address, command: RequestKeyframe, __: Headers) -> Done:
        """Asks for a key frame."""
        return self._relay.request_keyframe(command)

    async def renew_ice(self, _: Address, command: RenewIce, __: Headers) -> IceRenewed:
        """Restarts ICE by new credentials alone."""
        return self._relay.renew_ice(command)

    async def report(self, _: Address, command: Report, __: Headers) -> NodeReport:
        """The session table, a page at a time."""
        return self._relay.report(self._load(), command.after)

    async def flight(self, _: Address, command: ReadFlight, __: Headers) -> FlightLog:
        """What was decided lately about a transport's packets."""
        return self._flight_logs.read(command.transport_id, "asked")
