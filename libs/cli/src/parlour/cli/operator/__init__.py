"""What an operator sends to the services of a running suite: commands, and queries of rooms and of the record's proofs, over NATS."""
