"""The rules of apps, tokens, privileges, bans and erasures, without I/O."""
