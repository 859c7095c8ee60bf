"""Starts and stops an embedded server without a supervisor."""

import contextlib
import subprocess
from pathlib import Path

from parlour.cli.embedded.launch import Launch, die_with_parent, identity


def spawn(launch: Launch, log: Path) -> subprocess.Popen[bytes]:
    """Start it with both outputs appended to `log`."""
    with open(log, "ab") as output:
        return subprocess.Popen(
            launch.argv,
            env=launch.environment,
            cwd=launch.cwd or "/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent(launch.death_signal),
            **identity(launch.account),
        )


def stop(process: subprocess.Popen[bytes], launch: Launch, grace_s: float = 10.0) -> None:
    """Ask, wait, then kill."""
    if process.poll() is None:
        process.send_signal(launch.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    if process.poll() is None:
        process.kill()
        process.wait()
