"""The auth service's settings."""

from typing import Annotated

from parlour.runtime.settings import RuntimeSettings, Setting

from .domain.verify import MAX_LEEWAY_S


class AuthSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Variables `PARLOUR_AUTH_…`."""

    SERVICE = "auth"

    clock_leeway_s: Annotated[
        int, Setting("How far the clocks of token makers may be off.", unit="s", least=0, most=MAX_LEEWAY_S)
    ] = MAX_LEEWAY_S
