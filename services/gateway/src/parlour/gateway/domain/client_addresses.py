"""The client's address of a request, which a trusted proxy may report, and limits on the sockets of each address."""

import ipaddress
import re
from collections import Counter
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""The form of a `Host` header: a name, an IPv4 address or an IPv6 address in brackets, and optionally a port."""


class TrustedProxies:
    """The proxies whose `X-Forwarded-For` is believed. ValueError where one of `networks` is neither an address nor a network."""

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(one, strict=False) for one in networks)

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
        """Counts one more socket of this address; returns False, and counts nothing, where it has too many."""
        if self._total >= self._most:
            return False
        holder = holder_of(address)
        if self._open[holder] >= self._per_address and not self._is_shared(address):
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

    def _is_shared(self, address: str) -> bool:
        found = _parsed(address)
        return found is None or found.is_loopback or self.proxies.trusts(address)


def holder_of(address: str) -> str:
    """Returns what limits count an address as: itself, or with IPv6 its /64 network, whose addresses mostly are one customer's."""
    found = _parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address if found is None else str(found)


def is_host(text: str) -> bool:
    """Tells whether a `Host` header names a host."""
    return HOST.fullmatch(text) is not None


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
