"""The NATS connections of outside readers that this process admitted, by app and token, and their limits.

NATS keeps limits of a user only for servers in its operator mode, and says nothing of connections that end. So the open connections are
asked of each server. Rules. 1. One app and one token have so many connections open at once; a connection that its server does not list
does not count. 2. A connection with more subscriptions than the limit is closed, and its token is not admitted for `BLOCKED_S`, since a
stock client would connect again at once with all of them.
"""

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.rejection import Rejection

CONNECTIONS_MOST = 50_000
"""Connections that this replica remembers; of more, the oldest end with their session alone."""
BLOCKED_S = 60
K = TypeVar("K", bound=Hashable)


class ConnectionKey(NamedTuple):
    """A connection: the id of its NATS server, and its number there."""

    server: str
    connection: int


class NatsReader(msgspec.Struct, frozen=True):
    """The reader of a connection that was admitted; NATS ends it at `until_s` (unix seconds)."""

    who: Subscription
    until_s: int


class NatsReaderLimits(msgspec.Struct, frozen=True):
    """Connections of one app and of one token at once, and subscriptions of one connection."""

    per_app: int = 1_000
    per_token: int = 100
    subscriptions: int = 100


class SystemAccount(Protocol):
    """NATS's system account. Each method raises ConnectionError where the server does not answer now."""

    async def close(self, server: str, connection: int) -> None:
        """Closes a connection; one that is gone already is fine."""
        ...

    async def list_subscriptions(self, server: str, least: int = 0) -> Mapping[int, int]:
        """How many subscriptions each open connection of a server has, those with at least `least`."""
        ...


class ReaderConnections:
    """The NATS connections of readers that this `auth` let in, and which of them are over a limit of token, app or connection."""

    def __init__(self, limits: NatsReaderLimits) -> None:
        self._limits = limits
        self._readers: OrderedDict[ConnectionKey, NatsReader] = OrderedDict()
        self._unlisted: set[ConnectionKey] = set()
        self._of_apps: Counter[int] = Counter()
        self._of_tokens: Counter[tuple[int, str]] = Counter()
        self._blocked: dict[tuple[int, str], int] = {}

    def __iter__(self) -> Iterator[tuple[ConnectionKey, NatsReader]]:
        return iter(tuple(self._readers.items()))

    @property
    def servers(self) -> set[str]:
        """The NATS servers that have readers."""
        return {key.server for key in self._readers}

    def add(self, key: ConnectionKey, reader: NatsReader) -> None:
        """Adds a connection that was admitted."""
        self.remove(key)
        self._readers[key] = reader
        self._count(reader, 1)
        if len(self._readers) > CONNECTIONS_MOST:
            self.remove(next(iter(self._readers)))

    def remove(self, key: ConnectionKey) -> None:
        """Forgets a connection that has ended."""
        reader = self._readers.pop(key, None)
        if reader is not None and key not in self._unlisted:
            self._count(reader, -1)
        self._unlisted.discard(key)

    def keys_of(self, server: str) -> list[ConnectionKey]:
        """The connections to a server."""
        return [key for key in self._readers if key.server == server]

    def compare(self, keys: list[ConnectionKey], listed: Mapping[int, int]) -> None:
        """Takes a server's list in: of `keys`, which are older than the list, only the connections that it names count."""
        for key in keys:
            reader = self._readers.get(key)
            if reader is None or (key in self._unlisted) != (key.connection in listed):
                continue
            if key in self._unlisted:
                self._unlisted.remove(key)
                self._count(reader, 1)
            else:
                self._unlisted.add(key)
                self._count(reader, -1)

    def find_overloaded(self, server: str, listed: Mapping[int, int]) -> list[tuple[ConnectionKey, NatsReader]]:
        """The connections of a server's list that have too many subscriptions, with their readers."""
        keys = [ConnectionKey(server, connection) for connection, n in listed.items() if n > self._limits.subscriptions]
        return [(key, self._readers[key]) for key in keys if key in self._readers]

    def block(self, who: Subscription, now_s: int) -> None:
        """Admits the token no more for a while (rule 2)."""
        self._blocked = {token: until_s for token, until_s in self._blocked.items() if until_s > now_s}
        self._blocked[who.app, who.jti] = now_s + BLOCKED_S

    def check_blocked(self, who: Subscription, now_s: int) -> None:
        """Raises `Rejection` while rule 2 keeps the token out."""
        if self._blocked.get((who.app, who.jti), 0) > now_s:
            raise Rejection(
                Code.RATE_LIMITED, "a connection with this token had too many subscriptions",
                limit=str(self._limits.subscriptions), hint=f"subscribe with wildcards, and wait {BLOCKED_S} s",
            )  # fmt: skip

    def check_number(self, who: Subscription) -> None:
        """Raises `Rejection` where rule 1 allows no more connections."""
        for what, count, limit in (
            ("app's readers", self._of_apps[who.app], self._limits.per_app),
            ("token", self._of_tokens[who.app, who.jti], self._limits.per_token),
        ):
            if count >= limit:
                raise Rejection(
                    Code.RATE_LIMITED, f"too many connections of this {what}", limit=str(limit), hint="close some"
                )

    def _count(self, reader: NatsReader, by: int) -> None:
        who = reader.who
        _add(self._of_apps, who.app, by)
        _add(self._of_tokens, (who.app, who.jti), by)


def _add(counts: Counter[K], key: K, by: int) -> None:
    counts[key] += by
    if not counts[key]:
        del counts[key]
