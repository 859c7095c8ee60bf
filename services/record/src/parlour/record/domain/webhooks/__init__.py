"""What webhooks decide without I/O: whom an event concerns, where it may go, how it is signed, when it is tried again."""
