"""Commands over NATS."""
