"""Where questions arrive and where events are heard."""
