"""Tells requests of a page or program of this machine from all others: only those get what is for developers.

The socket alone does not tell. A page of any site can make its own name point to 127.0.0.1 (DNS rebinding); its requests come over loopback
with its own `Host` and `Origin`. Requests that a proxy on this machine forwards come over loopback too.
"""

import ipaddress
import re

from fastapi import Request

from .bearer import client_address

HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PORT = re.compile(r":[0-9]{1,5}$")
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_local(request: Request) -> bool:
    """Tells whether the peer is on loopback, no proxy is between, `Host` names this machine, and `Origin`, if there is one, is the same."""
    host = request.headers.get("host", "").lower()
    origin = request.headers.get("origin")
    return (
        _is_loopback(client_address(request))
        and not any(name in request.headers for name in _PROXIED)
        and _PORT.sub("", host) in HOSTS
        and (origin is None or origin.lower() == f"{request.url.scheme}://{host}")
    )


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
