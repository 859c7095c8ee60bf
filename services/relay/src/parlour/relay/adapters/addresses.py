"""This machine's own addresses, in the order in which a peer should try them."""

import ipaddress

import ifaddr

MAX_ADDRESSES = 8
"""Each is a socket and a candidate that every peer probes."""


def local_addresses() -> list[str]:
    """IPv4 before IPv6, loopback last; without link-local ones, which need a zone that candidates cannot carry."""
    found = [
        each.ip if isinstance(each.ip, str) else each.ip[0] for adapter in ifaddr.get_adapters() for each in adapter.ips
    ]
    usable = [text for text in dict.fromkeys(found) if not ipaddress.ip_address(text).is_link_local]
    usable = [text for text in usable if text != "::1"] or ["127.0.0.1"]
    return sorted(usable, key=_rank)[:MAX_ADDRESSES]


def _rank(text: str) -> tuple[bool, bool]:
    address = ipaddress.ip_address(text)
    return address.is_loopback, address.version == 6
