"""Checks, counts and appends messages."""
