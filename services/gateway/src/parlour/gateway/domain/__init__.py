"""Frames, sessions' secrets and the room as its clients see it, without I/O."""
