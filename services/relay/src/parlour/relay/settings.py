"""The relay's settings, `PARLOUR_RELAY_*`."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from parlour.relay.app.limits import RelayLimits
from parlour.runtime.settings import BusSettings, Setting


class RelaySettings(BusSettings, frozen=True, kw_only=True):
    """Each variable with its unit, its default and a sentence."""

    SERVICE: ClassVar[str] = "relay"

    node: Annotated[str, Setting("The node's id in subjects and events; empty: the name of this replica.")] = ""
    bind: Annotated[
        tuple[str, ...], Setting("Local addresses to bind, comma separated; empty: all of this machine, loopback last.")
    ] = ()
    local_only: Annotated[
        bool,
        Setting("Takes nothing from other machines, on whatever addresses; `parlour up` without --public sets it."),
    ] = False
    udp_port: Annotated[int, Setting("The one UDP port; 0 takes a free one."), Meta(ge=0, le=65535)] = 0
    advertise: Annotated[
        tuple[str, ...], Setting("Addresses that answers show instead of the bound ones (behind 1:1 NAT).")
    ] = ()
    recv_buffer_bytes: Annotated[int, Setting("Receive buffer of each socket.", unit="bytes"), Meta(ge=65536)] = 4 << 20
    max_transports: Annotated[int, Setting("Transports that this node has at most."), Meta(ge=1, le=65536)] = 4000
    max_transports_per_session: Annotated[
        int, Setting("Transports that one session has at most."), Meta(ge=2, le=64)
    ] = 8
    max_transports_per_user: Annotated[
        int, Setting("Transports of one person, WHIP and WHEP resources included."), Meta(ge=2, le=65536)
    ] = 64
    max_transports_per_app: Annotated[int, Setting("Transports of one app on this node."), Meta(ge=2, le=65536)] = 3600
    max_half_open_per_user: Annotated[
        int, Setting("Transports of one person that are offered and not connected yet."), Meta(ge=2, le=65536)
    ] = 16
    max_half_open: Annotated[
        int,
        Setting(
            "Transports of this node that are offered and not connected yet; one more ends the oldest of the person with the most."
        ),
        Meta(ge=2, le=65536),
    ] = 500
    max_packets_per_s: Annotated[
        int,
        Setting("Packets taken from one transport; more are dropped. 31 cameras send half of it.", unit="1/s"),
        Meta(ge=100, le=1_000_000),
    ] = 10_000
    max_bits_per_s: Annotated[
        int,
        Setting("Bits taken from one transport; more are dropped.", unit="bit/s"),
        Meta(ge=1_000_000, le=10_000_000_000),
    ] = 200_000_000
    max_repairs_per_s: Annotated[
        int, Setting("Lost packets that are sent again to one transport.", unit="1/s"), Meta(ge=50, le=100_000)
    ] = 1_500
    connect_timeout_s: Annotated[
        float, Setting("How long ICE and DTLS may take, from the answer on.", unit="s"), Meta(ge=1)
    ] = 15.0
    consent_timeout_s: Annotated[
        float,
        Setting("How long a transport lasts without an authenticated check of its peer.", unit="s"),
        Meta(ge=5, le=60),
    ] = 30.0
    stalled_after_s: Annotated[
        float, Setting("How long a track is without a packet until it counts as stalled.", unit="s"), Meta(ge=1)
    ] = 5.0
    handshake_timeout_s: Annotated[
        float,
        Setting("How long one DTLS handshake may take, from the peer's first message on.", unit="s"),
        Meta(ge=1, le=60),
    ] = 10.0
    heartbeat_s: Annotated[
        float, Setting("Interval between two heartbeats (`node_up`).", unit="s"), Meta(ge=0.1, le=10)
    ] = 2.0

    drain_s: Annotated[
        float,
        Setting(
            "How long clients have to move to another node after SIGTERM; the orchestrator must wait longer.", unit="s"
        ),
        Meta(ge=0, le=3600),
    ] = 30.0
    drain_moves_per_s: Annotated[
        float,
        Setting("Transports that a draining node asks to move in a second, at most.", unit="1/s"),
        Meta(ge=0.1, le=1000),
    ] = 20.0

    flight_dir: Annotated[str, Setting("Folder for flight logs of transports that froze; empty: none are stored.")] = ""
    flight_logs: Annotated[
        int, Setting("Flight logs in that folder; more than that, and the oldest is deleted."), Meta(ge=1, le=10000)
    ] = 50

    def limits(self) -> RelayLimits:
        """The part that the application counts and waits by."""
        return msgspec.convert(self, RelayLimits, from_attributes=True)
