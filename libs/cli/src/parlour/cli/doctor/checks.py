"""The checks of `parlour doctor`: each looks at one thing that a call needs and says what to do when it is not so."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from parlour.runtime.retry import wait_at_most

from ..supervise.checkout import SERVICES
from ..supervise.diagnose import disk_problem
from ..supervise.probes import http_ready
from ..supervise.state import StateFolder, SuiteStatus

LEAST_OPEN_FILES = 4096
LARGEST_CLOCK_GAP_S = 2.0
PING_WITHIN_S = 1.0
PAGE_WITHIN_S = 5.0
ON_THE_BUS = tuple(name for name in SERVICES if name not in {"gateway", "relay"})
"""Services that answer commands, and so are listed as micro-services."""


class Finding(msgspec.Struct, frozen=True):
    """What one check saw. `way_out` is empty where all is well."""

    check: str
    seen: str
    way_out: str = ""

    @property
    def well(self) -> bool:
        """Whether there is nothing to do."""
        return not self.way_out


async def examine(folder: StateFolder, run: SuiteStatus | None, public: str = "") -> list[Finding]:
    """All checks; those that ask a running suite only when there is one. `public`: the name that people open, where one is known."""
    findings = [_disk(folder), _open_files()]
    if run is None:
        return [*findings, Finding("suite", "does not run", "start it with: make up")]
    from .media import reach
    from .signed_tree import tree

    checks = (
        _try("pages", _pages(run)), _try("NATS", _bus(run.nats)), _try("record", _record(run)),
        _try("signed tree", tree(run.nats)), _try("media", reach(run)), _try("versions", _versions(run)),
        _try("exposed", _exposed(run, public)),
    )  # fmt: skip
    return [*findings, _processes(run), *await asyncio.gather(*checks)]


async def examine_remote(nats_url: str) -> list[Finding]:
    """What can be seen of a suite that runs elsewhere, as in containers or a cluster, over its NATS alone."""
    from .signed_tree import tree

    return list(await asyncio.gather(_try("NATS", _bus(nats_url)), _try("signed tree", tree(nats_url))))


async def _try(name: str, check: Awaitable[tuple[str, str]]) -> Finding:
    """A finding from what a check saw and its way out."""
    try:
        async with asyncio.timeout(10):
            return Finding(name, *await check)
    except Exception as problem:  # a broken suite is what is looked for: no failure may hide the other findings
        return Finding(name, f"{type(problem).__name__}: {problem}", "see the logs in the state folder")


def _disk(folder: StateFolder) -> Finding:
    place = next(path for path in (folder.path, *folder.path.parents) if path.exists())
    return Finding("disk", f"state in {folder.path}", disk_problem(place))


def _open_files() -> Finding:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    few = soft < LEAST_OPEN_FILES
    return Finding("open files", f"{soft} allowed", f"raise the limit: ulimit -n {LEAST_OPEN_FILES}" if few else "")


def _processes(run: SuiteStatus) -> Finding:
    down = [found.name for found in (*run.servers, *run.services) if found.state != "ready"]
    restarted = [f"{found.name} {found.restarts}x" for found in (*run.servers, *run.services) if found.restarts]
    seen = f"{len(run.servers) + len(run.services)} processes, restarted: {', '.join(restarted) or 'none'}"
    return Finding("processes", seen, f"not ready: {', '.join(down)}; their logs say why" if down else "")


async def _pages(run: SuiteStatus) -> tuple[str, str]:
    at = urlsplit(run.url)
    own = "::1" if at.hostname == "::1" else "127.0.0.1"
    there = await http_ready(at.port or 0, "/", PAGE_WITHIN_S, host=own, tls=at.scheme == "https")()
    return run.url, "" if there else "the gateway does not serve its pages; see logs/gateway.log"


async def _bus(nats_url: str) -> tuple[str, str]:
    from ..operator.connection import connect

    async with connect(nats_url) as bus:
        names = await _ping(bus.client)
    silent = [name for name in ON_THE_BUS if name not in names]
    seen = f"{len(names)} kinds of service answer"
    return seen, f"no answer from: {', '.join(silent)}" if silent else ""


async def _ping(client: object) -> set[str]:
    """Names of the micro-services that answer within a second."""
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    assert isinstance(client, Client)
    names = set[str]()
    everybody = asyncio.Event()

    async def pong(message: Msg) -> None:
        names.add(str(msgspec.json.decode(message.data)["name"]))
        if names.issuperset(ON_THE_BUS):
            everybody.set()

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=pong)  # pyright: ignore[reportUnknownMemberType] nats-py types it in part
    await client.publish("$SRV.PING", reply=inbox)
    await wait_at_most(everybody, PING_WITHIN_S)
    await subscription.unsubscribe()
    return names


@asynccontextmanager
async def _database(run: SuiteStatus) -> AsyncIterator[Any]:
    import asyncpg

    connection = await asyncpg.connect(run.postgres, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()


async def _record(run: SuiteStatus) -> tuple[str, str]:
    async with _database(run) as connection:
        off = [name for name in ("fsync", "synchronous_commit") if await connection.fetchval(f"SHOW {name}") == "off"]
        theirs = await connection.fetchval("SELECT clock_timestamp()")
        version = await connection.fetchval("SHOW server_version")
    gap = abs((datetime.now(UTC) - theirs).total_seconds())
    if off:
        return f"Postgres {version}", f"{' and '.join(off)} must be on: an answer promises a commit"
    if gap > LARGEST_CLOCK_GAP_S:
        return f"clocks differ by {gap:.1f} s", "let both machines keep time by NTP"
    return f"Postgres {version}, commits are flushed", ""


async def _exposed(run: SuiteStatus, public: str) -> tuple[str, str]:
    from . import exposed

    pid = next((found.pid for found in run.services if found.name == "gateway"), 0)
    settings = exposed.environment_of(pid)
    if not (public or exposed.is_exposed(settings)):
        return "no: the gateway listens on this machine alone", ""
    found = exposed.problems(run, settings, *exposed.status_of(pid))
    if public and (misdirected := await exposed.name_problem(run, public)):
        found.append(misdirected)
    if await exposed.token_rule(run) != exposed.SIGNED:
        found.append(
            f"app {run.app_id} takes token04, which can be forged: parlour apps set {run.app_id} --require-signed"
        )
    way_out = f"{'; '.join(found)} ({exposed.HOW_TO})" if found else ""
    return f"other machines reach {public or run.url}", way_out


async def _versions(run: SuiteStatus) -> tuple[str, str]:
    from ..operator.connection import connect
    from .media import versions

    async with _database(run) as connection:
        version = str(await connection.fetchval("SHOW server_version"))
    async with connect(run.nats) as bus:
        return await versions(bus, version)
