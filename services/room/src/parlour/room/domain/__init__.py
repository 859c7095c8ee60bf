"""The rules of a room's call, of memberships and of presence, without I/O."""
