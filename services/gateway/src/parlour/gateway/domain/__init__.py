"""Frames, secrets of sessions, limits, and rooms as clients and readers see them, without I/O."""
