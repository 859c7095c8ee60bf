"""Tokens, privileges and the life of an application, as rules without I/O."""
