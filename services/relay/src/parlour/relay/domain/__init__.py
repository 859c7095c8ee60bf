"""What a relay node knows without any I/O: session descriptions, and the table of transports, tracks and sinks."""
