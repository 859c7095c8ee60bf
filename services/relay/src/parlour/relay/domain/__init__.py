"""Session descriptions, negotiation, and the table of transports, tracks and sinks, without I/O."""
