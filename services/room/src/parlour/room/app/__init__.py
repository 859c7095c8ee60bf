"""Commands and reactions: load, decide, append."""
