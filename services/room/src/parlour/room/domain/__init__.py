"""A room's life and its members, and who of them is connected, as rules without I/O."""
