"""Questions about one room, answered from the log itself: where it stands, its events, its state at any moment."""
