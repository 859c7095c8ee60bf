"""Postgres and NATS from their wheels, as ordinary processes with their state in one folder.

Each server is described, not run: `launch()` says what to start and as whom, `ready()` says whether it answers. The
supervisor and the tests' fixtures start them in their own ways.
"""
