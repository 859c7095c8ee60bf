"""What reaches the service over NATS: commands, events and heartbeats."""
