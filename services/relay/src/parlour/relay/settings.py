"""The relay's settings, `PARLOUR_RELAY_*`."""

from typing import Annotated, ClassVar

from parlour.relay.app.limits import RelayLimits
from parlour.runtime.life.settings import BusSettings, Setting


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
    udp_port: Annotated[int, Setting("The one UDP port; 0 takes a free one.", least=0, most=65535)] = 0
    advertise: Annotated[
        tuple[str, ...], Setting("Addresses that answers show instead of the bound ones (behind 1:1 NAT).")
    ] = ()
    recv_buffer_bytes: Annotated[int, Setting("Receive buffer of each socket.", unit="bytes", least=65536)] = 4 << 20
    max_transports: Annotated[int, Setting("Transports on this node.", least=1, most=65536)] = 4000
    max_transports_per_session: Annotated[int, Setting("Transports of one session.", least=2, most=64)] = 8
    max_transports_per_user: Annotated[
        int, Setting("Transports of one person, WHIP and WHEP resources included.", least=2, most=65536)
    ] = 64
    max_transports_per_app: Annotated[int, Setting("Transports of one app on this node.", least=2, most=65536)] = 3600
    max_half_open_per_user: Annotated[
        int, Setting("Of them, offered and not yet connected: of one person.", least=2, most=65536)
    ] = 16
    max_half_open: Annotated[
        int,
        Setting(
            "Offered and not yet connected: of this node. One more ends the oldest of the person who has the most of them.",
            least=2,
            most=65536,
        ),
    ] = 500
    max_packets_per_s: Annotated[
        int,
        Setting(
            "Taken from one transport; more are dropped. 31 cameras send half of it.",
            unit="1/s",
            least=100,
            most=1_000_000,
        ),
    ] = 10_000
    max_bits_per_s: Annotated[
        int,
        Setting("Taken from one transport; more are dropped.", unit="bit/s", least=1_000_000, most=10_000_000_000),
    ] = 200_000_000
    max_repairs_per_s: Annotated[
        int, Setting("Lost packets that one transport is sent again.", unit="1/s", least=50, most=100_000)
    ] = 1_500
    connect_timeout_s: Annotated[float, Setting("From the answer until ICE and DTLS stand.", unit="s", least=1)] = 15.0
    consent_timeout_s: Annotated[
        float, Setting("A peer without an authenticated check for so long is gone.", unit="s", least=5, most=60)
    ] = 30.0
    stalled_after_s: Annotated[
        float, Setting("A track without a packet for so long is stalled.", unit="s", least=1)
    ] = 5.0
    handshake_timeout_s: Annotated[
        float, Setting("One DTLS handshake, from the peer's first message.", unit="s", least=1, most=60)
    ] = 10.0
    heartbeat_s: Annotated[float, Setting("Between two node_up facts.", unit="s", least=0.1, most=10)] = 2.0

    flight_dir: Annotated[str, Setting("Folder for flight logs of transports that froze; empty: none are stored.")] = ""
    flight_logs: Annotated[int, Setting("Flight logs in that folder; the oldest makes way.", least=1, most=10000)] = 50

    def limits(self) -> RelayLimits:
        """The part that the application counts and waits by."""
        return RelayLimits(
            transports=self.max_transports,
            transports_per_owner=self.max_transports_per_session,
            transports_per_user=self.max_transports_per_user,
            transports_per_app=self.max_transports_per_app,
            half_open_per_user=self.max_half_open_per_user,
            half_open=self.max_half_open,
            connect_timeout_s=self.connect_timeout_s,
            consent_timeout_s=self.consent_timeout_s,
            stalled_after_s=self.stalled_after_s,
        )
