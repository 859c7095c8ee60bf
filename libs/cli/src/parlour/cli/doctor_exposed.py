"""What `parlour doctor` asks of a suite that other machines reach: docs/how-to/facing-the-internet.md, as far as it can be seen from here.

The gateway's settings are read from its own environment, which only the account that runs it, or root, can do.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from parlour.contracts.commands import AppRules, SetAppRules

from .ask import ask, connected
from .supervise.entrance import LOOPBACKS
from .supervise.plan import DEFAULT_HOST
from .supervise.state import Run

HOW_TO = "docs/how-to/facing-the-internet.md"
LEAST_OPEN_FILES = 16_384
"""Each client is a descriptor; below it one address with many sockets is felt by others."""
GATEWAY = "PARLOUR_GATEWAY_"
SIGNED = "signed"


def environment_of(pid: int, proc: Path = Path("/proc")) -> dict[str, str]:
    """The variables that a process was started with; nothing where they may not be read."""
    try:
        raw = (proc / str(pid) / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(part.split("=", 1) for part in raw.split("\0") if "=" in part)


def is_exposed(settings: Mapping[str, str]) -> bool:
    """Whether the gateway listens for other machines."""
    return settings.get(f"{GATEWAY}HOST", DEFAULT_HOST) not in LOOPBACKS


def problems(run: Run, settings: Mapping[str, str], account: int, open_files: int) -> list[str]:
    """What an exposed gateway should have and has not, each with the way out. `account` is the user id that it runs as."""
    found: list[str] = []
    proxied = bool(settings.get(f"{GATEWAY}TRUSTED_PROXIES"))
    if urlsplit(run.url).scheme != "https" and not proxied:
        found.append("tokens travel in the clear: give --tls, or put a proxy with TLS in front and name it in "
                     "PARLOUR_GATEWAY_TRUSTED_PROXIES")  # fmt: skip
    if settings.get(f"{GATEWAY}DEV", "false").lower() in {"true", "1", "yes"}:
        found.append("development tokens are handed to anybody: unset PARLOUR_GATEWAY_DEV")
    if not settings.get(f"{GATEWAY}ORIGINS"):
        found.append("every page may open connections: name yours in PARLOUR_GATEWAY_ORIGINS")
    if account == 0:
        found.append("it runs as root: start it as an account of its own")
    if open_files < LEAST_OPEN_FILES:
        found.append(f"it may open {open_files} files: raise the limit to {LEAST_OPEN_FILES} or more")
    return found


async def token_rule(run: Run) -> str:
    """Which login tokens the default app takes: any, ordered or signed."""
    async with connected(run.nats) as bus:
        return (await ask(bus, run.app_id, SetAppRules(), AppRules)).login_tokens


def status_of(pid: int, proc: Path = Path("/proc")) -> tuple[int, int]:
    """The user id that a process runs as, and how many files it may open."""
    status = (proc / str(pid) / "status").read_text()
    account = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    limits = (proc / str(pid) / "limits").read_text()
    files = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
    return int(account), 2**31 if files == "unlimited" else int(files)
