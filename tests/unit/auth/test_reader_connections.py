"""Connections of readers outside: how many an app and a token may have, and what one with too many subscriptions means."""

import pytest

from parlour.auth.app.reader_connections import (
    BLOCKED_S,
    ConnectionKey,
    NatsReader,
    NatsReaderLimits,
    ReaderConnections,
)
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.rejection import Rejection

APP, OTHER, NOW_S = 7, 8, 1_000


def who(jti: str, app: int = APP) -> Subscription:
    return Subscription(app, ("events", "audit"), NOW_S + 60, jti)


def connections(**limits: int) -> ReaderConnections:
    return ReaderConnections(NatsReaderLimits(**limits))


def let_in(among: ReaderConnections, connection: int, of: Subscription) -> None:
    among.check_number(of)
    among.add(ConnectionKey("s", connection), NatsReader(of, NOW_S + 60))


def test_an_app_and_a_token_have_so_many_connections() -> None:
    among = connections(per_app=3, per_token=2)
    let_in(among, 1, who("a"))
    let_in(among, 2, who("a"))
    with pytest.raises(Rejection, match="of this token"):
        let_in(among, 3, who("a"))
    let_in(among, 3, who("b"))
    with pytest.raises(Rejection, match="of this app") as refused:
        let_in(among, 4, who("c"))
    assert refused.value.problem.limit == "3"
    let_in(among, 4, who("a", OTHER))
    among.remove(ConnectionKey("s", 2))
    let_in(among, 5, who("c"))


def test_only_what_the_server_lists_counts() -> None:
    among = connections(per_app=2)
    let_in(among, 1, who("a"))
    let_in(among, 2, who("b"))
    keys = among.keys_of("s")
    among.compare(keys, {2: 1})
    let_in(among, 3, who("c"))
    assert [key.connection for key, _ in among] == [1, 2, 3], "a revocation still looks at the one that was not listed"
    among.compare(keys, {1: 1, 2: 1})
    among.remove(ConnectionKey("s", 3))
    with pytest.raises(Rejection):
        let_in(among, 4, who("d"))
    among.compare(keys, {})
    among.remove(ConnectionKey("s", 1))
    let_in(among, 4, who("d"))
    let_in(among, 5, who("e"))
    with pytest.raises(Rejection):
        let_in(among, 6, who("f"))


def test_a_connection_that_comes_again_under_its_number_counts_once() -> None:
    among = connections(per_app=2)
    let_in(among, 1, who("a"))
    let_in(among, 1, who("a"))
    let_in(among, 2, who("b"))


def test_too_many_subscriptions_block_the_token_for_a_while() -> None:
    among = connections(subscriptions=10)
    let_in(among, 1, who("a"))
    let_in(among, 2, who("b"))
    ((key, reader),) = among.find_overloaded("s", {1: 11, 2: 10, 99: 5_000})
    assert key.connection == 1
    among.block(reader.who, NOW_S)
    with pytest.raises(Rejection, match="too many subscriptions"):
        among.check_blocked(who("a"), NOW_S + BLOCKED_S - 1)
    among.check_blocked(who("a", OTHER), NOW_S)
    among.check_blocked(who("b"), NOW_S)
    among.check_blocked(who("a"), NOW_S + BLOCKED_S)
