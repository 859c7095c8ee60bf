"""coturn on one of the two machines, as `deploy/turn` configures it."""

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .namespaces import Namespace

CONFIGURATION = Path(__file__).resolve().parents[6] / "deploy" / "turn" / "turnserver.conf"
PORT = 3478
READY_WITHIN_S = 15.0


def missing() -> str:
    """Why there is no TURN server to try; empty where there is one."""
    return "" if shutil.which("turnserver") else "turnserver is missing (Debian package coturn)"


@contextmanager
def turn_server(at: Namespace, secret: str, *, relay: str, folder: Path) -> Generator[Path]:
    """Runs while the block does and lets media through to `relay` alone; gives its log."""
    log = folder / "turn.log"
    command = (*at.within, "turnserver", "-c", str(CONFIGURATION), f"--static-auth-secret={secret}")
    addresses = (f"--listening-ip={at.ipv4}", f"--relay-ip={at.ipv4}", f"--allowed-peer-ip={relay}")
    files = (f"--userdb={folder / 'turn.db'}", f"--pidfile={folder / 'turn.pid'}", "--verbose")
    with open(log, "wb") as output:
        process = subprocess.Popen((*command, *addresses, *files), stdout=output, stderr=output, cwd=folder)
    try:
        at.until_listening(PORT, READY_WITHIN_S)
        yield log
    finally:
        process.terminate()
        process.wait(10)
