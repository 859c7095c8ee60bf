"""The rules of streams, without I/O."""
