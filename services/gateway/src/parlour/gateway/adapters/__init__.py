"""The other services and the log's readers, over the bus."""
