"""`parlour up` before the supervisor: is one running, which port, and waiting until the one that was started is ready."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from ..embedded.launch import free_port
from ..failures import PortTaken, Unusable
from .checkout import ROOT
from .plan import DEFAULT_PORT
from .processes import alive, holder_of_port
from .state import StateFolder, SuiteStatus

POLL_S = 0.02
UP_WITHIN_S = 120.0
DOWN_WITHIN_S = 30.0
OnChange = Callable[[SuiteStatus], None]


def choose_port(wanted: int | None, host: str, before: SuiteStatus | None) -> int:
    """The port asked for, or last time's, or the default, or (nobody asked for a certain one) any free one."""
    bound = host if host not in {"localhost", ""} else "127.0.0.1"
    if wanted:
        if free_port(wanted, bound) != wanted:
            holder = holder_of_port(wanted)
            raise PortTaken(
                f"port {wanted} is taken{f' by {holder}' if holder else ''}. End that program, or choose another port "
                f"with --port (0 takes a free one)."
            )
        return wanted
    last = int(before.url.rpartition(":")[2]) if before and before.url else DEFAULT_PORT
    return free_port(0 if wanted == 0 else last, bound)


def running(folder: StateFolder) -> SuiteStatus | None:
    """What a living supervisor of this folder says; None when there is none."""
    run = folder.run()
    return run if run is not None and alive(run.supervisor) and folder.is_locked() else None


def start_detached(
    folder: StateFolder, host: str, port: int, environ: Mapping[str, str], replicas: int = 1
) -> "subprocess.Popen[bytes]":
    """A supervisor that outlives this terminal."""
    with open(folder.logs / "supervisor.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "parlour.cli.supervise", host, str(port), str(replicas)],
            cwd=ROOT,
            env={**environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until_ready(
    folder: StateFolder, started: "subprocess.Popen[bytes] | None", on_change: OnChange
) -> SuiteStatus:
    """Follow a supervisor until it is ready: the one started here, or the one of another `up` that was quicker.

    Unusable with its own words when it gave up.
    """
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        ended = started is not None and started.poll() is not None  # asked first: its last word is in the file then
        run = folder.run()
        if run is not None and (run.supervisor.pid == started.pid if started else alive(run.supervisor)):
            on_change(run)
            if run.state == "ready":
                return run
            if run.state == "failed":
                raise Unusable(run.failure)
        if ended or started is None:
            if not folder.is_locked():
                raise Unusable(f"the supervisor ended at once; {folder.logs / 'supervisor.log'} says why")
            started = None
        time.sleep(POLL_S)
    raise Unusable(f"not ready within {UP_WITHIN_S:.0f} s; the logs are in {folder.logs}")


def bring_down(folder: StateFolder) -> bool:
    """End the supervisor and all that it runs; False when nothing ran."""
    run = folder.run()
    if run is None or not alive(run.supervisor):
        return False
    os.kill(run.supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_WITHIN_S
    while alive(run.supervisor):
        if time.monotonic() > deadline:
            raise Unusable(f"the supervisor (pid {run.supervisor.pid}) does not end; its log is in {folder.logs}")
        time.sleep(POLL_S)
    return True
