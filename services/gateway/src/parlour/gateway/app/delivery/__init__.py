"""Event delivery: each reader of a room gets every event after its position once and in order, or is told to start again."""
