"""The record on NATS: questions and commands are decoded, passed to `app`, and answered."""
