"""Answers questions about the event log and keeps what follows from it: republishing, history, proofs, retention and webhooks.

It accepts no command that changes a room.
"""
