"""Types of the native half; see `Core` for the contract."""

from collections.abc import Mapping, Sequence
from typing import Any

class Core:
    """One UDP port and its packet thread.

    Commands return at once and are carried out in order. Unknown ids raise `KeyError`, contradictions `ValueError`,
    a closed core `RuntimeError`. Ids are the caller's: non-negative, below 2**64, unique while they live.
    """

    def __init__(
        self,
        bind: Sequence[tuple[str, int]],
        *,
        advertise: Sequence[str] | None = None,
        recv_buffer_bytes: int = 4 << 20,
        max_transports: int = 4096,
        local_only: bool = False,
        max_packets: int = 10_000,
        max_bits: int = 200_000_000,
        max_repairs: int = 1_500,
    ) -> None:
        """Binds one UDP port on each address (port 0: any) and starts the packet thread; `OSError` if it cannot.

        With `local_only` the kernel lets nothing from other machines reach the port, whatever addresses are bound.
        The last three hold for each transport and second: packets and bits taken from the peer, packets sent again to it.
        """

    def local_candidates(self) -> list[tuple[str, int]]:
        """Address and port for each candidate: `advertise` if given, else what is bound (a wildcard is expanded)."""

    def event_fd(self) -> int:
        """A descriptor that is readable while events wait."""

    def poll_events(self, limit: int = 256) -> list[tuple[Any, ...]]:
        """Takes events in order; the first item of each is its kind.

        `("ice_connected" | "ice_moved", transport, ip, port)`, `("ice_timeout", transport)`,
        `("dtls", transport, datagram)`, `("srtp_ready", transport)`, `("media_started" | "bye", transport, track)`,
        `("overflow", dropped)`, `("panic", transport, message)` (that transport is gone).
        """

    def close(self) -> None:
        """Ends the packet thread; idempotent."""

    def add_transport(
        self,
        transport: int,
        local_ufrag: str,
        local_pwd: str,
        remote_ufrag: str,
        remote_pwd: str,
        *,
        consent_timeout_s: float = 30.0,
    ) -> None:
        """Begins to answer ICE checks under these credentials (ICE-lite, RFC 8445), and to check each new path back."""

    def restart_ice(self, transport: int, local_ufrag: str, local_pwd: str, remote_ufrag: str, remote_pwd: str) -> None:
        """Takes new ICE credentials; media continues on the old path meanwhile."""

    def remove_transport(self, transport: int) -> None:
        """Ends a transport with its tracks (and their sinks) and its sinks."""

    def send_dtls(self, transport: int, datagram: bytes) -> None:
        """Sends one datagram to the peer, or keeps it until there is a path (at most 32)."""

    def install_srtp(
        self, transport: int, profile: int, rx_key: bytes, rx_salt: bytes, tx_key: bytes, tx_salt: bytes
    ) -> None:
        """Sets the master keys of a DTLS-SRTP protection profile (IANA id 1, 7 or 8)."""

    def add_track(
        self,
        transport: int,
        track: int,
        kind: str,
        *,
        mid: str | None,
        ssrcs: Sequence[int],
        payloads: Sequence[tuple[int, str, int, int | None]],
        extensions: Mapping[str, int],
    ) -> None:
        """Expects an incoming medium ("audio" or "video").

        Its packets are known by SSRC (`ssrcs`: primary, then RTX), else by the MID extension, else by a payload type
        that only this track of the transport has. `payloads`: payload type, codec, clock rate in Hz, RTX payload type.
        `extensions`: URI to id.
        """

    def remove_track(self, track: int) -> None:
        """Forgets a track and its sinks."""

    def add_sink(
        self,
        sink: int,
        track: int,
        transport: int,
        *,
        ssrc: int,
        rtx_ssrc: int | None,
        payloads: Sequence[tuple[int, int, int | None]],
        extensions: Mapping[str, int],
        mid: str | None,
    ) -> None:
        """Forwards a track on a transport.

        `payloads`: the publisher's payload type, the player's, the player's for RTX; what is not listed is not
        forwarded. Video starts with a keyframe, which the publisher is asked for at once.
        """

    def remove_sink(self, sink: int) -> None:
        """Stops forwarding."""

    def pause_sink(self, sink: int, paused: bool) -> None:
        """Holds or resumes forwarding; the player sees no gap in sequence numbers."""

    def request_keyframe(self, track: int) -> None:
        """Asks the publisher for a keyframe; requests less than 500 ms apart are merged."""

    def set_max_bitrate(self, transport: int, bps: int) -> None:
        """Caps what the publisher on this transport is told to send."""

    def flight(self, transport: int) -> list[tuple[int, int, str, int, int, int, int, int]]:
        """The flight recorder of a transport: what was decided about its packets in the last 10 s, oldest first.

        Each is a run of like decisions, at most 100 ms long: (ms ago, ms long, what, medium, first and last sequence
        number, packets, bytes). `medium` is a track, a sink, or 0. Of a publisher: received, discarded, refused,
        requested, keyframe_requested. Of a player: forwarded; left out as paused, unwanted, awaited_keyframe, late,
        unsealed; asked for again and repaired, unrepairable, repair_ignored; keyframe_wanted. What is left out has the
        publisher's numbers, everything else those of the transport's peer.
        """

    def stats(self) -> dict[str, Any]:
        """A snapshot: `transports`, `tracks` and `sinks` by id, and `node`.

        Of the node: `receive_buffer_bytes` is what the system granted, `kernel_drops` what was lost because it was full.
        """
