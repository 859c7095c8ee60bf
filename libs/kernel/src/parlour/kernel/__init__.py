"""The rules that all services share, without I/O: the log's port, deciding and folding, the room as readers see it."""
