"""What reaches the service over NATS: commands and gateways' beats."""
