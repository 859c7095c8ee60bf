"""Which suite a verb asks: the one that runs here, or the one that the environment names."""

import os

from ..operator.failures import NATS_VARIABLE, NotRunning
from ..supervise.bring_up import running
from ..supervise.plan import DEFAULT_APP
from ..supervise.state import StateFolder
from .failures import BadVariable

APP_VARIABLE = "PARLOUR_APP"


def nats_url() -> str:
    """Where to ask. NotRunning says how to start."""
    if NATS_VARIABLE in os.environ:
        return os.environ[NATS_VARIABLE]
    run = running(StateFolder.here())
    if run is None or not run.nats:
        raise NotRunning(f"Parlour does not run here. Start it with: make up (or name a server in {NATS_VARIABLE})")
    return run.nats


def default_app() -> int:
    """The app that a verb means when none is named: PARLOUR_APP, or the one that `up` makes."""
    named = os.environ.get(APP_VARIABLE, "")
    if not named:
        return DEFAULT_APP
    if not (named.isascii() and named.isdigit()):
        raise BadVariable(f"{APP_VARIABLE} is {named!r}: it must be an application id (parlour apps list)")
    return int(named)
