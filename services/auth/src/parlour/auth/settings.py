"""The auth service's settings."""

from typing import Annotated

from parlour.runtime.life.settings import RuntimeSettings, Setting

from .domain.verify import MAX_LEEWAY_S


class AuthSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Variables `PARLOUR_AUTH_…`."""

    SERVICE = "auth"

    callout: Annotated[
        bool,
        Setting("Whether NATS asks this service about strangers (auth callout), as its configuration must say too."),
    ] = False
    nats_system_url: Annotated[
        str,
        Setting(
            "NATS with the user of its system account that may close connections; empty: a revoked reader stays until"
            " its session ends.",
            secret=True,
        ),
    ] = ""
    clock_leeway_s: Annotated[
        int, Setting("How far the clocks of token makers may be off.", unit="s", least=0, most=MAX_LEEWAY_S)
    ] = MAX_LEEWAY_S
