"""This machine's own addresses, in the order in which a peer should try them."""

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import ExitStack

import ifaddr

PORT_TRIES = 20
LOOPBACK = "127.0.0.1"
MAX_ADDRESSES = 8
"""Each is a socket and a candidate that every peer probes."""


def local_addresses() -> list[str]:
    """The addresses, IPv4 before IPv6 and loopback last, without link-local ones, which need a zone that candidates cannot carry."""
    found = [
        each.ip if isinstance(each.ip, str) else each.ip[0] for adapter in ifaddr.get_adapters() for each in adapter.ips
    ]
    usable = [text for text in dict.fromkeys(found) if not ipaddress.ip_address(text).is_link_local]
    usable = [text for text in usable if text != "::1"] or [LOOPBACK]
    others = sorted((text for text in usable if text != LOOPBACK), key=lambda text: ":" in text)
    return others[: MAX_ADDRESSES - 1] + [LOOPBACK] * (LOOPBACK in usable)


def free_port(addresses: Sequence[str]) -> int:
    """A UDP port that is free on each of the addresses now: firewalls can be opened for one number."""
    for _ in range(PORT_TRIES):
        with ExitStack() as held:
            port = 0
            try:
                for address in addresses:
                    family = socket.AF_INET6 if ":" in address else socket.AF_INET
                    probe = held.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                    if family == socket.AF_INET6:
                        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    probe.bind((address, port))
                    port = probe.getsockname()[1]
            except OSError:
                continue
            return port
    return 0
