"""What `parlour doctor` asks of a suite that other machines reach: docs/how-to/facing-the-internet.md, as far as it can be seen from here.

The gateway's settings are read from its own environment, which only the account that runs it, or root, can do.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from parlour.contracts.commands import AppRules, SetAppRules

from ..operator.connection import connect, send_command
from ..supervise.entrance import LOOPBACKS
from ..supervise.plan import DEFAULT_HOST
from ..supervise.probes import http_status
from ..supervise.state import SuiteStatus

HOW_TO = "docs/how-to/facing-the-internet.md"
LEAST_OPEN_FILES = 16_384
"""Each client is a descriptor; below it one address with many sockets is felt by others."""
GATEWAY = "PARLOUR_GATEWAY_"
PROXIES, HOSTS = f"{GATEWAY}TRUSTED_PROXIES", f"{GATEWAY}HOSTS"
SIGNED = "signed"
MISDIRECTED = 421
REQUEST_TIMEOUT_S = 5.0


def environment_of(pid: int, proc: Path = Path("/proc")) -> dict[str, str]:
    """The variables that a process was started with; nothing where they may not be read."""
    try:
        raw = (proc / str(pid) / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(part.split("=", 1) for part in raw.split("\0") if "=" in part)


def is_exposed(settings: Mapping[str, str]) -> bool:
    """Whether other machines reach the gateway: it listens for them, or stands behind a proxy."""
    return not _is_on_loopback(settings) or bool(settings.get(PROXIES))


def _is_on_loopback(settings: Mapping[str, str]) -> bool:
    return settings.get(f"{GATEWAY}HOST", DEFAULT_HOST) in LOOPBACKS


def problems(run: SuiteStatus, settings: Mapping[str, str], account: int, open_files: int) -> list[str]:
    """What an exposed gateway should have and has not, each with the way out. `account` is the user id that it runs as."""
    found: list[str] = []
    proxied = bool(settings.get(PROXIES))
    if urlsplit(run.url).scheme != "https" and not proxied:
        found.append("tokens travel in the clear: give --tls, or put a proxy with TLS in front and name it in "
                     "PARLOUR_GATEWAY_TRUSTED_PROXIES")  # fmt: skip
    if proxied and _is_on_loopback(settings) and not settings.get(HOSTS):
        found.append(f"no public name is answered here (421): name in {HOSTS} what the proxy passes on as Host")
    if settings.get(f"{GATEWAY}DEV", "false").lower() in {"true", "1", "yes"}:
        found.append("development tokens are handed to anybody: set PARLOUR_GATEWAY_DEV=false")
    if not settings.get(f"{GATEWAY}ORIGINS"):
        found.append("every page may open connections: name yours in PARLOUR_GATEWAY_ORIGINS")
    if account == 0:
        found.append("it runs as root: start it as an account of its own")
    if open_files < LEAST_OPEN_FILES:
        found.append(f"it may open {open_files} files: raise the limit to {LEAST_OPEN_FILES} or more")
    return found


async def name_problem(run: SuiteStatus, public: str) -> str:
    """What is wrong with the name or address that people open: the gateway is asked by it, as a proxy on this machine would."""
    at = urlsplit(run.url)
    name = urlsplit(public if "//" in public else f"//{public}").hostname or public
    own = "::1" if at.hostname == "::1" else DEFAULT_HOST
    shown = f"[{name}]" if ":" in name else name
    status = await http_status(
        at.port or 0, "/healthz", REQUEST_TIMEOUT_S, host=own, tls=at.scheme == "https", name=shown
    )
    return f"{name} is not answered (421): add it to {HOSTS}" if status == MISDIRECTED else ""


async def token_rule(run: SuiteStatus) -> str:
    """Which login tokens the default app takes: any, ordered or signed."""
    async with connect(run.nats) as bus:
        return (await send_command(bus, run.app_id, SetAppRules(), AppRules)).login_tokens


def status_of(pid: int) -> tuple[int, int]:
    """The user id that a process runs as, and how many files it may open."""
    status = Path(f"/proc/{pid}/status").read_text()
    account = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    limits = Path(f"/proc/{pid}/limits").read_text()
    files = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
    return int(account), 2**31 if files == "unlimited" else int(files)
