"""Owns broadcast, barrage and custom messages, their limits and their delivery.

It keeps no history outside the event log.
"""
