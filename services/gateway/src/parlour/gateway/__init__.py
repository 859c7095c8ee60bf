"""Holds client connections: authenticates, translates and fans out.

It decides nothing and holds no state that a restart would lose.
"""
