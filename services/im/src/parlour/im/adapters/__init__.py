"""How messages are counted."""
