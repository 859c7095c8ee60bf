"""The auth service's settings."""

from typing import Annotated

from msgspec import Meta

from parlour.runtime.settings import RuntimeSettings, Setting

from .app.reader_connections import NatsReaderLimits
from .app.token_handler import TimeLimits
from .domain.verify import LONGEST_S, MAX_LEEWAY_S


class AuthSettings(RuntimeSettings, frozen=True, kw_only=True):
    """The variables `PARLOUR_AUTH_…`, parsed once at the start."""

    SERVICE = "auth"

    callout: Annotated[
        bool,
        Setting("Whether NATS asks this service about strangers (auth callout), as its configuration must say too."),
    ] = False
    nats_system_url: Annotated[
        str,
        Setting(
            "NATS with the user of its system account that may list and close connections; empty: a revoked reader stays"
            " until its session ends, and the limits of readers do not apply.",
            secret=True,
        ),
    ] = ""
    nats_readers_per_app: Annotated[
        int, Setting("Connections to NATS of one app's readers at once, that one replica let in."), Meta(ge=1)
    ] = 1_000
    nats_readers_per_token: Annotated[
        int, Setting("Connections to NATS with one token at once, that one replica let in."), Meta(ge=1)
    ] = 100
    nats_reader_subscriptions: Annotated[
        int,
        Setting(
            "Subscriptions of one connection of a reader; with more it is closed within seconds, and its token is let in"
            " no more for a minute."
        ),
        Meta(ge=2),
    ] = 100
    clock_leeway_s: Annotated[
        int, Setting("How far the clocks of token makers may be off.", unit="s"), Meta(ge=0, le=MAX_LEEWAY_S)
    ] = MAX_LEEWAY_S
    max_token_lifetime_s: Annotated[
        int,
        Setting(
            "For how long a token to log in with may still be valid; one that names a later end is refused.", unit="s"
        ),
        Meta(ge=60, le=LONGEST_S),
    ] = LONGEST_S

    def readers(self) -> NatsReaderLimits:
        """The limits of readers' connections to NATS."""
        return NatsReaderLimits(self.nats_readers_per_app, self.nats_readers_per_token, self.nats_reader_subscriptions)

    def limits(self) -> TimeLimits:
        """The limits of a login token's times."""
        return TimeLimits(self.clock_leeway_s, self.max_token_lifetime_s)
