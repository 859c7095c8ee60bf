"""How clients reach the suite: the address that pages and ICE candidates show, and the certificate.

Chosen by `parlour up --public ADDR --tls self|CERT`, or the variables of the same name. Without them the suite is for this machine alone.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..failures import Unusable

PUBLIC_VARIABLE, TLS_VARIABLE = "PARLOUR_PUBLIC", "PARLOUR_TLS"
SELF_SIGNED = "self"
MEDIA_PORT = 7900
PORT_TRIES = 20
LOOPBACKS = frozenset({"127.0.0.1", "::1"})


class Entrance(msgspec.Struct, frozen=True):
    """`public` is an address or a name of this machine; `tls` is "self", or a PEM file with the certificate chain and its key.

    A key in a file of its own follows after a colon: `chain.pem:key.pem`.
    """

    public: str = ""
    tls: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Entrance":
        """Reads PARLOUR_PUBLIC and PARLOUR_TLS."""
        return cls(environ.get(PUBLIC_VARIABLE, "").strip("[] "), environ.get(TLS_VARIABLE, ""))

    def check(self) -> None:
        """Unusable, with what to do, for what can't be kept."""
        if self.public:
            self.ip()
        for path in self.certificate(Path()) if self.tls and self.tls != SELF_SIGNED else ():
            if not path.is_file():
                raise Unusable(
                    f"--tls: there is no file {path}. Give a PEM file with chain and key, or chain:key, or: self"
                )

    def variables(self) -> dict[str, str]:
        """For the environment of a supervisor."""
        return {name: value for name, value in ((PUBLIC_VARIABLE, self.public), (TLS_VARIABLE, self.tls)) if value}

    def ip(self) -> str:
        """The address that candidates show: they hold no names."""
        try:
            return str(socket.getaddrinfo(self.public, None, type=socket.SOCK_DGRAM)[0][4][0])
        except OSError as problem:
            raise Unusable(f"--public {self.public}: {problem.strerror}. Name an address of this machine.") from problem

    def listen(self, host: str) -> str:
        """Where the gateway listens: with a public address on all of its family, unless somewhere was asked for."""
        if not self.public or host not in LOOPBACKS:
            return host
        return "::" if ":" in self.ip() else "0.0.0.0"

    def url(self, host: str, port: int) -> str:
        """The address that people open in a browser."""
        shown = self.public or {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"{'https' if self.tls else 'http'}://{f'[{shown}]' if ':' in shown else shown}:{port}"

    def certificate(self, state: Path) -> tuple[Path, Path]:
        """Chain and key as files. A self-signed one lives in the state folder."""
        if self.tls == SELF_SIGNED:
            return state / "tls" / "certificate.pem", state / "tls" / "key.pem"
        chain, _, key = self.tls.partition(":")
        return Path(chain).absolute(), Path(key or chain).absolute()

    def prepare(self, state: Path) -> str:
        """A self-signed certificate is made where it was asked for; gives its fingerprint, else nothing."""
        if self.tls != SELF_SIGNED:
            return ""
        from .self_signed import ensure

        names = (self.public, self.ip()) if self.public else ()
        return ensure(*self.certificate(state), tuple(dict.fromkeys((*names, "localhost", "127.0.0.1", "::1"))))

    def gateway(self, state: Path) -> dict[str, str]:
        """Settings of the gateway: its certificate and key."""
        if not self.tls:
            return {}
        chain, key = self.certificate(state)
        return {"PARLOUR_GATEWAY_TLS_CERTIFICATE": str(chain), "PARLOUR_GATEWAY_TLS_KEY": str(key)}

    def relay(self, host: str) -> dict[str, str]:
        """The relay's part: one address and, for firewalls, one port that stays."""
        if self.public:
            return {"PARLOUR_RELAY_ADVERTISE": self.ip(), "PARLOUR_RELAY_UDP_PORT": str(media_port(self.ip()))}
        if host not in LOOPBACKS:
            return {}
        # Firefox pairs no candidate of its network with 127.0.0.1: it needs this machine's own addresses beside it, which
        # the kernel then keeps from others.
        return {"PARLOUR_RELAY_LOCAL_ONLY": "true"} | ({"PARLOUR_RELAY_BIND": host} if host == "::1" else {})


def media_port(ip: str) -> int:
    """7900 or the first free one after it; 0 (any) where all are taken."""
    family, every = (socket.AF_INET6, "::") if ":" in ip else (socket.AF_INET, "0.0.0.0")
    for port in range(MEDIA_PORT, MEDIA_PORT + PORT_TRIES):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((every, port))
            except OSError:
                continue
            return port
    return 0
