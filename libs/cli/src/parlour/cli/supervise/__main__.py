"""The supervisor as a process of its own: `python -m parlour.cli.supervise HOST PORT REPLICAS` (used by `parlour up --detach`)."""

import asyncio
import os
import sys

from ..failures import CommandFailed
from .state import StateFolder
from .supervisor import Supervisor


def main() -> int:
    """Hold the state folder and run the suite until it is asked to stop; the exit code says whether it started."""
    folder = StateFolder.here()
    try:
        folder.prepare()
        folder.lock()
        host, port, replicas = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        supervisor = Supervisor(
            folder, host=host, port=port, replicas=replicas, environ=os.environ, on_change=lambda _run: None
        )
        asyncio.run(supervisor.run())
    except CommandFailed as problem:
        print(problem, file=sys.stderr, flush=True)  # noqa: T201 its output is its log
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
