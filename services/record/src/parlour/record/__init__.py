"""Tails the event log: head beacons, repair, projections and history queries.

It accepts no command that changes a room.
"""
