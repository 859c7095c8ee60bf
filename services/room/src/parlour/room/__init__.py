"""Owns the calls of rooms and who is in them.

It does not know streams beyond their ids, and never touches media.
"""
