"""The node's limits and time-outs, all named."""

import msgspec


class RelayLimits(msgspec.Struct, frozen=True):
    """Counts are refused above these; times are seconds."""

    max_transports: int = 4000
    """Below the core's own table, so that the refusal is ours and has a code."""
    max_transports_per_session: int = 8
    """Of one connection: one to publish and one to play, twice over while a client moves, and room for a retry."""
    max_transports_per_user: int = 64
    """Of one person, in all sessions and with every WHIP and WHEP resource: 31 streams each way and the transports of a connection."""
    max_transports_per_app: int = 3600
    """Nine tenths of a node, so that one application never shuts out the others."""
    max_half_open_per_user: int = 16
    """Offered and not yet connected: what one person may hold without ever sending a packet."""
    max_half_open: int = 500
    """Of the whole node: with the time-out of a connection, some 30 new transports a second. One more ends the oldest of whoever has
    the most of them."""
    remembered_answers: int = 1024
    """Answers remembered for repeated command ids: a few megabytes of text, seconds of a join storm."""
    connect_timeout_s: float = 15.0
    """From the answer until ICE and DTLS stand."""
    consent_timeout_s: float = 30.0
    """Without an authenticated check for so long, the peer is gone (RFC 7675)."""
    stalled_after_s: float = 5.0
    """A track without a packet for so long has stalled."""
