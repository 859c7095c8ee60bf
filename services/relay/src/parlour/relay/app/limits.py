"""The node's limits and time-outs, all named."""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Counts are refused above these; times are seconds."""

    transports: int = 4000
    """Below the core's own table, so that the refusal is ours and has a code."""
    transports_per_owner: int = 8
    """One to publish and one to play, twice over while a client moves, and room for a retry."""
    remembered_answers: int = 1024
    """Answers kept for repeated command ids: a few megabytes of text, seconds of a join storm."""
    connect_timeout_s: float = 30.0
    """From the answer until ICE and DTLS stand."""
    consent_timeout_s: float = 30.0
    """Without an authenticated check for so long, the peer is gone (RFC 7675)."""
    stalled_after_s: float = 5.0
    """A track without a packet for so long is told as stalled."""
