"""The rules of messages by number (see the docstring of parlour.im.domain.messages), and their rates."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.commands import SendBarrage, SendBroadcast
from parlour.contracts.ids import Invalid
from parlour.im.app.message_rates import MessageLimits, MessageRates
from parlour.im.domain.messages import Members, Message, Signal, decide, evolve
from parlour.kernel.decider import fold
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.rate_limiter import RateLimiter


class NoIds:
    """Messages need no new ids."""

    def uuid7(self) -> str:
        raise AssertionError("a message draws no ids")


def ask(room: Members, message: Message) -> tuple[ev.Event, ...]:
    return decide(room, message, at=0, ids=NoIds())


def joined(*users: str) -> list[ev.Event]:
    return [ev.RoomOpened(1, "r"), *(ev.UserJoined(f"s-{user}", f"a-{user}", user, "") for user in users)]


ROOM = fold(evolve, Members(), joined("ann", "bob"))


def test_1_only_who_is_here_speaks() -> None:
    gone = fold(evolve, ROOM, [ev.UserLeft("s-ann", "a-ann", "logout")])
    closed = fold(evolve, ROOM, [ev.RoomClosed("empty")])
    for room, message in (
        (ROOM, SendBroadcast("s-cat", "hi")),
        (gone, SendBarrage("s-ann", "hi")),
        (closed, Signal("s-bob", "hi")),
        (Members(), SendBroadcast("s-ann", "x")),
    ):
        with pytest.raises(Rejection) as refused:
            ask(room, message)
        assert refused.value.problem.code == 1009005


@pytest.mark.parametrize(("text", "code"), [("", 1009001), ("x" * 1025, 1009002), ("é" * 513, 1009002)])
@pytest.mark.parametrize("kind", [SendBroadcast, SendBarrage, Signal])
def test_2_the_size_of_a_text(kind: type[SendBroadcast], text: str, code: int) -> None:
    with pytest.raises(Invalid) as refused:
        ask(ROOM, kind("s-ann", text))
    assert refused.value.problem.code == code
    assert ask(ROOM, kind("s-ann", "é" * 512))


def test_3_a_command_reaches_those_who_are_here() -> None:
    assert ask(ROOM, Signal("s-ann", "hi", ("a-bob", "a-cat", "a-bob"))) == (
        ev.CommandSent("s-ann", "a-ann", "hi", ("a-bob",)),
    )
    assert ask(ROOM, Signal("s-ann", "hi", ("a-cat",))) == ()
    assert ask(ROOM, Signal("s-ann", "hi", ())) == ()


def test_4_a_command_to_nobody_is_for_all() -> None:
    (sent,) = ask(ROOM, Signal("s-ann", "hi"))
    assert sent == ev.CommandSent("s-ann", "a-ann", "hi")
    assert ev.audience_of(sent) == ev.Audience.MEMBERS
    (named,) = ask(ROOM, Signal("s-ann", "hi", ("a-bob",)))
    assert ev.audience_of(named) == ev.Audience.NAMED


users = st.sampled_from(["ann", "bob", "cat"])
coming_and_going = st.one_of(
    st.builds(lambda user, n: ev.UserJoined(f"s-{user}-{n}", f"a-{user}", user, ""), users, st.integers(1, 2)),
    st.builds(lambda user, n: ev.UserLeft(f"s-{user}-{n}", f"a-{user}", "logout"), users, st.integers(1, 2)),
    st.builds(lambda user, n: ev.UserKicked(f"s-{user}-{n}", f"a-{user}", 1002050), users, st.integers(1, 2)),
)
said = st.one_of(
    st.builds(SendBroadcast, st.sampled_from(["s-ann-1", "s-bob-2"]), st.just("x")),
    st.builds(
        Signal,
        st.just("s-ann-1"),
        st.just("x"),
        st.none() | st.lists(st.sampled_from(["a-ann", "a-bob", "a-cat"])).map(tuple),
    ),
)


@given(st.lists(coming_and_going, max_size=30), said)
def test_who_is_here_follows_from_the_history(history: list[ev.Event], message: Message) -> None:
    room = fold(evolve, Members(), [ev.RoomOpened(1, "r"), *history])
    here: dict[str, str] = {}
    for event in history:
        if isinstance(event, ev.UserJoined):
            here[event.session_id] = event.actor
        elif isinstance(event, ev.UserLeft | ev.UserKicked):
            here.pop(event.session_id, None)
    assert dict(room.actors.items()) == here
    assert set(room.present.keys()) == set(here.values())
    try:
        events = ask(room, message)
    except Rejection:
        assert message.session_id not in here, "1"
        return
    assert message.session_id in here, "1"
    assert fold(evolve, room, events) == room, "5"
    assert all(set(event.to) <= set(here.values()) for event in events if isinstance(event, ev.CommandSent)), "3"


_numbers = itertools.count()


def call(app: int = 1, room: str = "r") -> CommandContext:
    return CommandContext(app, room, f"id-{next(_numbers)}", "client:", b"")


@pytest.mark.parametrize(
    ("message", "allowed", "actors"),
    [
        (SendBroadcast("s", "x"), 2, 1),
        (SendBroadcast("s", "x"), 10, 100),
        (SendBarrage("s", "x"), 20, 100),
        (Signal("s", "x", ("a",)), 200, 100),
        (Signal("s", "x", ("a", "b")), 10, 100),
        (Signal("s", "x"), 10, 100),
    ],
)
def test_rates(message: Message, allowed: int, actors: int) -> None:
    rates = MessageRates(MessageLimits(), RateLimiter())
    for n in range(allowed):
        rates.admit(call(), f"a-{n % actors}", message)
    with pytest.raises(Rejection) as refused:
        rates.admit(call(), f"a-{allowed % actors}", message)
    assert refused.value.problem.code == 1009015
    assert refused.value.problem.limit == f"{allowed}/s"
    rates.admit(call(room="another room"), "a-0", message)
    rates.admit(call(app=2), "a-0", message)


def test_what_is_refused_is_not_counted() -> None:
    rates = MessageRates(MessageLimits(), RateLimiter())
    for _ in range(2):
        rates.admit(call(), "a-loud", SendBroadcast("s", "x"))
    for _ in range(50):
        with pytest.raises(Rejection):
            rates.admit(call(), "a-loud", SendBroadcast("s", "x"))
    for n in range(8):
        rates.admit(call(), f"a-{n}", SendBroadcast("s", "x"))
