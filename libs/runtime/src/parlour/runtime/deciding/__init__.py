"""From a room's state over a decision to a committed unit."""
