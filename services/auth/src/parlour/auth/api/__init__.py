"""What reaches the service over NATS: commands, and NATS's own questions about connections."""
