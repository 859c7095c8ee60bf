"""Postgres and NATS from their wheels, as ordinary processes with their state in one folder.

Each server is described, not run: `launch()` says what to start and as whom, `ready()` says whether it answers. The
supervisor and the tests' fixtures start them in their own ways.
"""

from .account import Account, readable, state_folder, unprivileged
from .launch import Launch, free_port, spawn, stop
from .nats import NatsServer
from .permissions import USERS, Grant, grants
from .postgres import Postgres

__all__ = [
    "USERS",
    "Account",
    "Grant",
    "Launch",
    "NatsServer",
    "Postgres",
    "free_port",
    "grants",
    "readable",
    "spawn",
    "state_folder",
    "stop",
    "unprivileged",
]
