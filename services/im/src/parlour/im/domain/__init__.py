"""Who may say what to whom in a room, as rules without I/O."""
