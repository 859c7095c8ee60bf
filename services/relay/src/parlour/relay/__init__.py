"""Owns transports, packet forwarding and quality, and reports facts about them.

It refuses to decide who may do what, and writes no room events.
"""
