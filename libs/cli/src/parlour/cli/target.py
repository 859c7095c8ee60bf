"""Which suite a verb asks: the one that runs here, or the one that the environment names."""

import os

from .failures import NotRunning
from .supervise.bring_up import running
from .supervise.plan import DEFAULT_APP, NATS_VARIABLE
from .supervise.state import StateFolder


def nats_url() -> str:
    """Where to ask. NotRunning says how to start."""
    if NATS_VARIABLE in os.environ:
        return os.environ[NATS_VARIABLE]
    run = running(StateFolder.here())
    if run is None or not run.nats:
        raise NotRunning(f"Parlour does not run here. Start it with: make up (or name a server in {NATS_VARIABLE})")
    return run.nats


def default_app() -> int:
    """The app that a verb means when none is named."""
    return DEFAULT_APP
