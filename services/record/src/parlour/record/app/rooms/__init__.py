"""Questions about one room, answered from the log itself: its head, its events, its state at any moment."""
