"""Exports of a room's record: written from a running suite, checked with nothing but a public key."""
