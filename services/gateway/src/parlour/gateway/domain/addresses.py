"""Addresses and host names of requests: who a request comes from, how many sockets each client may hold, and which names are answered.

A page of any site can make its own name point to an address of a private network (DNS rebinding), and its browser then sends requests to
the server there as if they went to the page's site. Such a name is in the public DNS. Addresses are not, nor names that nobody can
register.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Sequence

ANY = "*"
PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa", ".svc", ".svc.cluster.local", ".test")
"""Endings of names that are in no public DNS: mDNS, private zones, Kubernetes."""
HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""The form of a `Host` header: a name, an IPv4 address or an IPv6 address in brackets, and optionally a port."""
_PORT = re.compile(r":[0-9]{1,5}$")
_NAME = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]{0,252})")


class AllowedHosts:
    """The names in `Host` headers that are answered, beside addresses and private names; `*.example.com` means all names below it, `*`
    every name. ValueError where one of `names` is not a name."""

    def __init__(self, names: Sequence[str] = (ANY,)) -> None:
        lower = [name.lower() for name in names]
        wrong = next((name for name in lower if name != ANY and not _NAME.fullmatch(name)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is no name of a host; write it without scheme and port")
        self._any = ANY in lower
        self._names = frozenset(name for name in lower if not name.startswith(ANY))
        self._below = tuple(name.removeprefix(ANY) for name in lower if name.startswith("*."))

    def answers(self, host: str) -> bool:
        """Tells whether a request with this `Host` header, which may have a port, is answered."""
        name = without_port(host).removesuffix(".")
        return self._any or name in self._names or name.endswith(self._below) or _is_private(name)


class TrustedProxies:
    """The proxies whose `X-Forwarded-For` is believed. ValueError where one of `networks` is neither an address nor a network."""

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = tuple(ipaddress.ip_network(one, strict=False) for one in networks)

    def trusts(self, address: str) -> bool:
        """Tells whether this is a trusted proxy's address."""
        found = _parsed(address)
        return found is not None and any(found in network for network in self._networks)

    def client_of(self, peer: str, forwarded: Sequence[str]) -> str:
        """Returns the client's IP address: of the `X-Forwarded-For` headers, the last address that is not a trusted proxy's.

        Addresses before that one were written by the client and are ignored. If the peer is no trusted proxy, it is the client itself.
        """
        address = peer
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        while hops and self.trusts(address):
            found = _parsed(hops.pop())
            if found is None:
                return address
            address = str(found)
        return address


class SocketLimiter:
    """Limits open sockets: `per_address` of one client address (loopback and trusted proxies are exempt), `most` in all."""

    def __init__(self, per_address: int = 1 << 30, most: int = 1 << 30, proxies: TrustedProxies | None = None) -> None:
        self.proxies = proxies or TrustedProxies()
        self._per_address = per_address
        self._most = most
        self._open: Counter[str] = Counter()
        self._total = 0

    def take(self, address: str) -> bool:
        """Counts one more socket of this address; returns False, and counts nothing, where there are too many."""
        holder = holder_of(address)
        exempt = is_loopback(address) or _parsed(address) is None or self.proxies.trusts(address)
        if self._total >= self._most or (self._open[holder] >= self._per_address and not exempt):
            return False
        self._total += 1
        self._open[holder] += 1
        return True

    def free(self, address: str) -> None:
        """Counts one socket of this address as closed."""
        holder = holder_of(address)
        self._total -= 1
        self._open[holder] -= 1
        if not self._open[holder]:
            del self._open[holder]


def holder_of(address: str) -> str:
    """Returns what limits count an address as: itself, or with IPv6 its /64 network, whose addresses mostly are one customer's."""
    found = _parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address if found is None else str(found)


def is_host(text: str) -> bool:
    """Tells whether a `Host` header names a host."""
    return HOST.fullmatch(text) is not None


def without_port(host: str) -> str:
    """Returns the name or address of a `Host` header in small letters, without its port."""
    return _PORT.sub("", host.lower())


def is_loopback(address: str) -> bool:
    """Tells whether only programs of this machine can connect to, or from, this address."""
    found = _parsed(address)
    return address == "localhost" if found is None else found.is_loopback


def _is_private(name: str) -> bool:
    return ("." not in name and not name.startswith("[")) or name.endswith(PRIVATE_ENDINGS) or _parsed(name) is not None


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parses an address, perhaps in brackets; an IPv4 address inside IPv6 as IPv4."""
    try:
        found = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
