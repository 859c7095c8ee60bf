"""Probes that find out whether a process is ready."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

Probe = Callable[[], Awaitable[bool]]
PROBE_TIMEOUT_S = 1.0
OK = 200


def http_ready(
    port: int, path: str = "/readyz", timeout_s: float = PROBE_TIMEOUT_S, *, host: str = "127.0.0.1", tls: bool = False
) -> Probe:
    """A service by its health port: ready is 200. With `tls` whatever its certificate says: it is asked whether it lives."""

    async def probe() -> bool:
        return await http_status(port, path, timeout_s, host=host, tls=tls) == OK

    return probe


async def http_status(
    port: int, path: str, timeout_s: float, *, host: str = "127.0.0.1", tls: bool = False, name: str = "localhost"
) -> int:
    """The status of a GET that names `name` as its Host; 0 where nothing answers in time."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=_any_certificate() if tls else None)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                status = (await reader.readline()).split(b" ")[1:2]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0
    return int(status[0]) if status and status[0].isdigit() else 0


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
