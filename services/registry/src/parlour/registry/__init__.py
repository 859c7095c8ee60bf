"""Owns which streams exist, who publishes and plays them, and which relay carries what.

It refuses to know packets.
"""
