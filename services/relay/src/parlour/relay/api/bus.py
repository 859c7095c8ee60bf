"""Serves the node's commands on `parlour.v1.relay.<node>.cmd.<kind>`."""

import inspect
from collections.abc import Callable
from typing import Any

from parlour.contracts import relay as cmd
from parlour.contracts import subjects
from parlour.relay.app.drain import NodeDrain
from parlour.relay.app.flight_logs import FlightLogReader
from parlour.relay.app.relay import Relay
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers

VERSION = "1.0.0"


class RelayApi:
    """The node's endpoints: one for each kind of command, whose handler returns the answer or raises `Rejection`."""

    def __init__(
        self, relay: Relay, flight_logs: FlightLogReader, load: Callable[[], cmd.NodeLoad], drain: NodeDrain
    ) -> None:
        self._handlers: dict[type[Any], Callable[[Any], Any]] = {
            cmd.Negotiate: relay.negotiate,
            cmd.StopPublish: relay.stop_publish,
            cmd.StopPlay: relay.stop_play,
            cmd.CloseTransport: relay.close_transport,
            cmd.RequestKeyframe: relay.request_keyframe,
            cmd.RenewIce: relay.renew_ice,
            cmd.Report: lambda command: relay.report(load(), command.after),
            cmd.ReadFlight: lambda command: flight_logs.read(command.transport_id, "asked"),
            cmd.MoveTransports: lambda _: drain.move_transports(),
        }

    async def serve(self, bus: Bus, node: str) -> None:
        """Answers this node's commands; no other node shares its subjects."""
        endpoints = {
            kind: Endpoint(subjects.relay_command(node, kind), command, self._handle)
            for command in self._handlers
            for kind in [str(command.__struct_config__.tag)]
        }
        await bus.serve("relay", VERSION, endpoints, queue=f"relay-{subjects.encode_id(node)}")

    async def _handle(self, to: Address, command: Any, headers: Headers) -> Any:
        answer = self._handlers[type(command)](command)
        return await answer if inspect.isawaitable(answer) else answer
