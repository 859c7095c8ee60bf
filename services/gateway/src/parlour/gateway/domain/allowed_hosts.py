"""Which names in a `Host` header are answered.

A page of any site can make its own name point to an address of a private network (DNS rebinding), and its browser then sends requests to
the server there as if they went to the page's site. Such a name is in the public DNS. Addresses are not, nor names that nobody can
register.
"""

import ipaddress
import re
from collections.abc import Sequence

ANY = "*"
PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa", ".svc", ".svc.cluster.local", ".test")
"""Endings of names that are in no public DNS: mDNS, private zones, Kubernetes."""
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
        name = _PORT.sub("", host.lower()).removesuffix(".")
        return self._any or name in self._names or name.endswith(self._below) or _is_private(name)


def _is_private(name: str) -> bool:
    if "." not in name and not name.startswith("["):
        return True
    if name.endswith(PRIVATE_ENDINGS):
        return True
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def is_loopback(address: str) -> bool:
    """Tells whether only programs of this machine can connect to this address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
