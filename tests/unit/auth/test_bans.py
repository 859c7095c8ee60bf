"""Bans are placed, replaced and lifted; numbers are the invariants of `auth.domain.bans`."""

import pytest

from parlour.auth.domain import bans as domain
from parlour.auth.domain.bans import LiftBan, PlaceBan, decide
from parlour.contracts.ids import Invalid, check_address
from parlour.kernel.bans import ADDRESS, INITIAL, ROOM, USER, Ban, Bans, Target, evolve
from parlour.kernel.decider import fold
from parlour.kernel.rejection import Rejection
from parlour.testkit.clock import CountingIds, VirtualClock

NOW_S = 1_800_000_000
BOB = Target(USER, "bob")
IDS = CountingIds(VirtualClock())


def after(state: Bans, *commands: PlaceBan | LiftBan, now_s: int = NOW_S) -> Bans:
    for command in commands:
        state = fold(evolve, state, decide(state, command, at=now_s * domain.SECOND, ids=IDS))
    return state


def test_1_the_same_ban_again_decides_nothing_and_another_end_replaces_it() -> None:
    place = PlaceBan(BOB, NOW_S + 60, "spam", "operator")
    state = after(INITIAL, place)
    assert decide(state, place, at=NOW_S * domain.SECOND, ids=IDS) == ()
    longer = after(state, PlaceBan(BOB, NOW_S + 600, "spam", "token/1"))
    assert [ban.until_s for ban in longer.in_force(NOW_S)] == [NOW_S + 600]


def test_2_a_ban_that_is_over_before_it_begins_is_refused() -> None:
    with pytest.raises(Invalid, match="over already"):
        after(INITIAL, PlaceBan(BOB, NOW_S, "", "operator"))


def test_3_lifting_ends_it_once() -> None:
    state = after(INITIAL, PlaceBan(BOB, 0, "", "operator"), LiftBan(BOB, "operator"))
    assert state.in_force(NOW_S) == ()
    assert decide(state, LiftBan(BOB, "operator"), at=NOW_S * domain.SECOND, ids=IDS) == ()


def test_4_bans_are_counted_and_those_that_are_over_make_room() -> None:
    targets = [Target(USER, f"u{n}") for n in range(domain.MAX_BANS)]
    state = Bans({target: Ban(target, NOW_S + 60, "", "") for target in targets})
    with pytest.raises(Rejection, match="as many bans"):
        after(state, PlaceBan(BOB, 0, "", ""))
    later = after(state, PlaceBan(BOB, 0, "", ""), now_s=NOW_S + 61)
    assert set(later.by_target) == {BOB}


@pytest.mark.parametrize(
    ("target", "kept_out"),
    [
        (Target(USER, "bob"), True),
        (Target(USER, "bob", "lobby"), True),
        (Target(USER, "bob", "studio"), False),
        (Target(USER, "ann"), False),
        (Target(ADDRESS, "home"), True),
        (Target(ADDRESS, "home", "lobby"), True),
        (Target(ADDRESS, "work"), False),
        (Target(ROOM, "", "lobby"), True),
        (Target(ROOM, "", "studio"), False),
    ],
)
def test_whom_a_ban_keeps_out_of_the_lobby(target: Target, kept_out: bool) -> None:
    state = after(INITIAL, PlaceBan(target, NOW_S + 60, "", ""))
    assert (state.against("bob", "home", "lobby", NOW_S) is not None) is kept_out
    assert state.against("bob", "home", "lobby", NOW_S + 60) is None


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
    ],
)
def test_an_ipv6_address_stands_for_its_network(given: str, meant: str) -> None:
    assert check_address(given) == meant


@pytest.mark.parametrize("given", ["", "example", "192.0.2.7:80", "192.0.2.0/24", "1" * 400])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(Invalid, match="no IP address"):
        check_address(given)
