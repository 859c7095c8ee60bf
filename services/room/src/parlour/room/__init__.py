"""Owns a room's life and who is in it.

It refuses to know streams and never touches media.
"""
