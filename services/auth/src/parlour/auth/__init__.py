"""Owns apps and their secrets, tokens, privileges and revocation.

It refuses to know rooms.
"""
