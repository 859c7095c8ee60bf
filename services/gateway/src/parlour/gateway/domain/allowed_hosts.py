"""Which names in a `Host` header are answered.

A page of any site can make its own name point to an address of a private network (DNS rebinding), and then asks the server there as if it
were its own. Such a name is one of the public DNS: addresses, and names that nobody can register, prove that the browser meant us.
"""

import ipaddress
import re
from collections.abc import Sequence

ANY = "*"
PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa", ".svc", ".svc.cluster.local", ".test")
"""Ends of names that are in no public DNS: mDNS, private zones, Kubernetes."""
_PORT = re.compile(r":[0-9]{1,5}$")
_NAME = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]{0,252})")


class AllowedHosts:
    """The names that requests may be sent to, beside addresses and private names; `*.example.com` are all names below it, `*` is every
    name. ValueError where one of `names` is none."""

    def __init__(self, names: Sequence[str] = (ANY,)) -> None:
        lower = [name.lower() for name in names]
        wrong = next((name for name in lower if name != ANY and not _NAME.fullmatch(name)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is no name of a host; write it without scheme and port")
        self._any = ANY in lower
        self._names = frozenset(name for name in lower if not name.startswith(ANY))
        self._below = tuple(name.removeprefix(ANY) for name in lower if name.startswith("*."))

    def answers(self, host: str) -> bool:
        """Whether a request with this `Host` header (perhaps with a port) is for us."""
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
    """Whether only programs of this machine reach what listens there."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
