"""Which addresses an endpoint may have: webhooks must not reach this server's own network (SSRF).

Rules: 1. an address in one of the operator's own networks is allowed, also over plain HTTP; 2. any other must be routed on the public
internet, over HTTPS; 3. an IPv6 address that carries an IPv4 one inside (mapped, compatible, 6to4, Teredo, ISATAP, local NAT64) is
refused, since what it reaches depends on the network; only the well-known NAT64 prefix, which IPv6-only networks need, is judged by the
address inside; 4. addresses of clouds' metadata services are refused even where they look public.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/3",
        "168.63.129.16/32",  # a cloud's host agent, on an address that is otherwise public
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
_PUBLIC_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parses the operator's networks; ValueError names a text that is none."""
    return tuple(ip_network(text) for text in texts)


def refusal(address: str, scheme: str, allowed: Sequence[Network]) -> str:
    """Returns why this resolved address may not be connected to, or an empty text."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "is not an address"
    if any(parsed in network for network in allowed if network.version == parsed.version):
        return ""
    if not _is_public(parsed):
        return "is not on the public internet"
    return "" if scheme == "https" else "may only be reached over https"


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return _is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.scope_id or address not in _PUBLIC_V6 or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
            return False
    return not any(address in network for network in _REFUSED if network.version == address.version)
