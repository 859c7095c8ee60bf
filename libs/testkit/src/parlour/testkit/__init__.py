"""Tools for tests only: given/when/then, virtual time, a memory log and bus, and strategies.

No production module imports it.
"""
