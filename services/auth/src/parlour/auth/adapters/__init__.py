"""The stores of secrets and of people's keys, and NATS's system account."""
