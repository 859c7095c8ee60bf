"""Verifies exports, archives and checkpoints of a record from files and public keys alone.

It needs no server, and installs with msgspec and cryptography only.
"""
