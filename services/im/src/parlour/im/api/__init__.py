"""What reaches the service over NATS: commands that send messages."""
