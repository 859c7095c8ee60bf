"""From a room's state over a decision to an acknowledged fact."""
