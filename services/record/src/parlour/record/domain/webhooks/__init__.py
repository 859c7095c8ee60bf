"""What webhooks decide without I/O: which events an endpoint gets, which addresses are allowed, how requests are signed and retried."""
