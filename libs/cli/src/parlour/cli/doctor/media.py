"""What `parlour doctor` asks of a running suite's media and of its parts: does UDP reach the relay, and is everything new enough?

The relay answers nobody without the credentials of a call, so reach is seen on its own counter of datagrams: what is sent to an address
that it offers must arrive. From this machine: a firewall between browsers and here is seen only from there.
"""

import asyncio
import platform
import re
import socket
from urllib.request import urlopen

from parlour.contracts import subjects
from parlour.contracts.relay import NodeReport, Report
from parlour.runtime.messaging.bus import Bus

from ..operator.connection import connect
from ..supervise.state import SuiteStatus

DATAGRAMS = re.compile(r"^parlour_relay_datagrams_total (\S+)$", re.MULTILINE)
PROBE = b"parlour doctor"
"""No STUN, DTLS or RTP: the relay counts and drops it."""
PROBES = 3
ARRIVES_WITHIN_S = 1.0
LEAST = {"Postgres": (16, 0), "NATS": (2, 10), "Python": (3, 11)}


async def reach(run: SuiteStatus, node: str = "relay") -> tuple[str, str]:
    """What was seen of the relay's addresses, and the way out where one can't be reached."""
    metrics = next((found.metrics for found in run.services if found.name == node), "")
    async with connect(run.nats) as bus:
        report = await bus.request(subjects.relay_command(node, "report"), Report(), NodeReport, 2.0)
    silent = [address for address in report.addresses if not await _arrives(address, metrics)]
    way_out = f"nothing arrives at {', '.join(silent)}: open the port, or set PARLOUR_RELAY_ADVERTISE"
    return f"UDP to {', '.join(report.addresses)}", way_out if silent else ""


async def versions(bus: Bus, postgres: str) -> tuple[str, str]:
    """Of what is not ours, and what is too old."""
    nats = re.sub(r"[^\d.]", "", str(bus.client.connected_server_version))
    found = {"Python": platform.python_version(), "NATS": nats, "Postgres": postgres}
    least = {name: ".".join(map(str, LEAST[name])) for name in found if _parts(found[name]) < LEAST[name]}
    seen, old = (", ".join(f"{name} {version}" for name, version in of.items()) for of in (found, least))
    return seen, f"needs at least {old}" if old else ""


async def _arrives(address: str, metrics: str) -> bool:
    host, _, port = address.rpartition(":")
    before = await asyncio.to_thread(_count, metrics)
    family, kind, protocol, _, to = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        for _ in range(PROBES):
            probe.sendto(PROBE, to)
    loop = asyncio.get_running_loop()
    until = loop.time() + ARRIVES_WITHIN_S
    while (seen := await asyncio.to_thread(_count, metrics)) < before + PROBES and loop.time() < until:  # noqa: ASYNC110 another process counts
        await asyncio.sleep(0.05)
    return seen >= before + PROBES


def _count(metrics: str) -> float:
    with urlopen(metrics, timeout=2.0) as page:
        found = DATAGRAMS.search(page.read().decode())
    return float(found[1]) if found else 0.0


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))
