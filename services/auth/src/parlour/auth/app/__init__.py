"""Handlers of the commands about apps, tokens, bans and erasures, and the NATS sessions of readers."""
