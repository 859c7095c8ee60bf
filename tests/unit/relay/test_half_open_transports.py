"""Half-open transports are shared out among owners."""

from hypothesis import given
from hypothesis import strategies as st

from parlour.relay.app.transport_lifecycle import HalfOpenTransports


def test_who_has_the_most_gives_up_its_oldest() -> None:
    half_open = HalfOpenTransports(4)
    assert [half_open.add(number, "greedy") for number in (1, 2, 3)] == [None] * 3
    assert half_open.add(4, "modest") is None
    assert half_open.add(5, "modest") == 1
    assert half_open.add(6, "third") == 2, "with as many each, the oldest of all goes"
    half_open.discard(3)
    half_open.discard(3)
    assert half_open.add(7, "greedy") is None


def test_an_owner_that_fills_the_node_displaces_itself_only() -> None:
    half_open = HalfOpenTransports(8)
    assert half_open.add(1000, "honest") is None
    ended = [half_open.add(number, "hostile") for number in range(1, 200)]
    assert 1000 not in ended
    assert len(half_open) == 8


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_the_limit_holds_and_nobody_below_a_fair_share_loses_one(owners: list[str]) -> None:
    half_open, held = HalfOpenTransports(6), dict[int, str]()
    for number, owner in enumerate(owners, 1):
        ended = half_open.add(number, owner)
        held[number] = owner
        if ended is not None:
            share = 6 // len(set(held.values()))
            assert sum(other == held[ended] for other in held.values()) > share
            del held[ended]
        assert len(half_open) == len(held) <= 6
