"""A room's rules by number (see the docstring of parlour.room.domain.room)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import Invalid
from parlour.kernel.decider import fold
from parlour.kernel.rejection import Rejection
from parlour.room.domain import room as domain
from parlour.room.domain.room import INITIAL, Closed, Open, State, Unopened, decide, evolve, members_in_order


class NoIds:
    """The room needs no new ids."""

    def uuid7(self) -> str:
        raise AssertionError("a room draws no ids")


def ask(state: State, command: domain.RoomCommand) -> tuple[ev.Event, ...]:
    return decide(state, command, at=0, ids=NoIds())


def given_(*commands: domain.RoomCommand) -> State:
    state = INITIAL
    for command in commands:
        state = fold(evolve, state, ask(state, command))
    return state


def join(user: str, session: str = "", **more: object) -> domain.Join:
    return domain.Join(1, "r", session or f"s-{user}", f"a-{user}", user, user.title(), **more)  # pyright: ignore[reportArgumentType]


def test_1_the_first_login_opens_the_room() -> None:
    assert ask(Unopened(), join("ann", max_member_count=3, previous="p")) == (
        ev.RoomOpened(1, "r", 3, "p"),
        ev.UserJoined("s-ann", "a-ann", "ann", "Ann"),
    )


def test_1_closing_puts_everybody_out_in_the_order_of_joining() -> None:
    state = given_(join("ann"), join("bob"))
    assert ask(state, domain.Close("closed_by_server")) == (
        ev.UserKicked("s-ann", "a-ann", 1002055, "closed_by_server"),
        ev.UserKicked("s-bob", "a-bob", 1002055, "closed_by_server"),
        ev.RoomClosed("closed_by_server"),
    )


def test_1_nothing_follows_the_end() -> None:
    state = given_(join("ann"), domain.Close("x"))
    assert state == Closed("x")
    for command in (
        domain.Leave("s-ann"),
        domain.Kick("a-ann"),
        domain.Close("y"),
        domain.CloseIfEmpty(),
        domain.Suspend("s-ann"),
    ):
        assert ask(state, command) == ()
    with pytest.raises(Rejection) as refused:
        ask(state, join("ann"))
    assert refused.value.problem.code == Code.ROOM_GONE


def test_1_only_an_empty_room_closes_by_itself() -> None:
    assert ask(given_(join("ann")), domain.CloseIfEmpty()) == ()
    assert ask(given_(join("ann"), domain.Leave("s-ann")), domain.CloseIfEmpty()) == (ev.RoomClosed("empty"),)


def test_1_an_empty_room_closes_behind_its_last_stream() -> None:
    added = ev.StreamAdded("x", "s-ann", "a-ann", "node", "t")
    state = fold(evolve, given_(join("ann")), (added, ev.UserLeft("s-ann", "a-ann", "left")))
    assert ask(state, domain.CloseIfEmpty()) == ()
    removed = ev.StreamRemoved("x", "s-ann", "a-ann", 1)
    assert ask(fold(evolve, state, (removed, removed)), domain.CloseIfEmpty()) == (ev.RoomClosed("empty"),)


def test_2_joining_again_changes_nothing() -> None:
    assert ask(given_(join("ann")), join("ann")) == ()


def test_2_a_session_belongs_to_one_user() -> None:
    with pytest.raises(Rejection) as refused:
        ask(given_(join("ann")), join("bob", "s-ann"))
    assert refused.value.problem.code == Code.FORBIDDEN


def test_3_a_later_session_puts_the_earlier_one_out() -> None:
    assert ask(given_(join("ann")), join("ann", "s-2")) == (
        ev.UserKicked("s-ann", "a-ann", 1002050, "login elsewhere"),
        ev.UserJoined("s-2", "a-ann", "ann", "Ann"),
    )


def test_4_a_full_room_refuses() -> None:
    state = given_(join("ann", max_member_count=2), join("bob", max_member_count=9))
    with pytest.raises(Rejection) as refused:
        ask(state, join("cat"))
    assert refused.value.problem.code == Code.ROOM_FULL == 1002034
    assert ask(state, join("bob", "s-2")), "the place of the session that it puts out is free"
    assert ask(given_(join("ann", max_member_count=2), join("bob"), domain.Leave("s-ann")), join("cat"))


def test_5_an_operators_kick() -> None:
    state = given_(join("ann"), join("bob"))
    assert ask(state, domain.Kick("a-bob", reason="spam")) == (ev.UserKicked("s-bob", "a-bob", 1002055, "spam"),)
    assert ask(state, domain.Kick("a-bob", Code.KICKED_LOGIN_ELSEWHERE, session_id="s-older")) == ()
    assert ask(state, domain.Kick("a-cat")) == ()


def test_5_leaving() -> None:
    assert ask(given_(join("ann")), domain.Leave("s-ann", "disconnected")) == (
        ev.UserLeft("s-ann", "a-ann", "disconnected"),
    )
    assert ask(given_(join("ann")), domain.Leave("s-bob")) == ()


def test_6_only_a_suspended_session_expires() -> None:
    joined = given_(join("ann"))
    assert ask(joined, domain.Expire("s-ann")) == ()
    assert ask(joined, domain.Suspend("s-ann")) == (ev.UserSuspended("s-ann", "a-ann"),)
    suspended = given_(join("ann"), domain.Suspend("s-ann"))
    assert ask(suspended, domain.Expire("s-ann")) == (ev.UserLeft("s-ann", "a-ann", "heartbeat_timeout"),)
    assert ask(suspended, domain.Resume("s-ann")) == (ev.UserResumed("s-ann", "a-ann"),)
    assert ask(given_(join("ann"), domain.Suspend("s-ann"), domain.Resume("s-ann")), domain.Expire("s-ann")) == ()


def test_7_one_key_of_extra_information() -> None:
    state = given_(join("ann"), domain.SetExtraInfo("s-ann", "k", "1"))
    assert ask(state, domain.SetExtraInfo("s-ann", "k", "")) == (ev.RoomExtraInfoChanged("a-ann", "k", ""),)
    with pytest.raises(Rejection) as refused:
        ask(state, domain.SetExtraInfo("s-ann", "other", "1"))
    assert refused.value.problem.code == 1002017


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [("", "v", 1002015), ("k" * 11, "v", 1002015), ("é" * 6, "v", 1002015), ("k", "v" * 128, 1002016)],
)
def test_7_limits_of_extra_information(key: str, value: str, code: int) -> None:
    with pytest.raises(Invalid) as refused:
        ask(given_(join("ann")), domain.SetExtraInfo("s-ann", key, value))
    assert refused.value.problem.code == code


def test_7_only_a_member_sets_it() -> None:
    for state in (Unopened(), given_(join("ann"))):
        with pytest.raises(Rejection) as refused:
            ask(state, domain.SetExtraInfo("s-bob", "k", "v"))
        assert refused.value.problem.code == 1002014


users = st.sampled_from(["ann", "bob", "cat"])
sessions = st.builds(lambda user, n: f"{user}-{n}", users, st.integers(1, 2))
any_command = st.one_of(
    st.builds(
        lambda user, n, m: join(user, f"{user}-{n}", max_member_count=m), users, st.integers(1, 2), st.integers(0, 2)
    ),
    st.builds(domain.Leave, sessions),
    st.builds(lambda user: domain.Kick(f"a-{user}"), users),
    st.builds(
        lambda session: domain.Kick(f"a-{session.split('-')[0]}", Code.KICKED_LOGIN_ELSEWHERE, "", session), sessions
    ),
    st.builds(domain.SetExtraInfo, sessions, st.sampled_from(["k", "l"]), st.sampled_from(["", "1"])),
    st.builds(domain.Suspend, sessions),
    st.builds(domain.Resume, sessions),
    st.builds(domain.Expire, sessions),
    st.just(domain.CloseIfEmpty()),
    st.just(domain.Close("x")),
)


def attempt(state: State, command: domain.RoomCommand) -> tuple[ev.Event, ...]:
    try:
        return ask(state, command)
    except Rejection:
        return ()


@given(st.lists(any_command, max_size=40))
def test_the_invariants_hold_after_any_commands(commands: list[domain.RoomCommand]) -> None:
    state, history = INITIAL, list[ev.Event]()
    for command in commands:
        events = attempt(state, command)
        state = fold(evolve, state, events)
        history += events
        assert attempt(state, command) == (), "8: repeating any command is harmless"
        if isinstance(state, Open):
            members = members_in_order(state)
            assert len({member.actor for member in members}) == len(members), "3"
            assert {member.actor: member.session_id for member in members} == dict(state.sessions.items()), "3"
            assert not state.max_member_count or len(members) <= state.max_member_count, "4"
    if history:
        assert isinstance(history[0], ev.RoomOpened), "1"
    assert not any(isinstance(event, ev.RoomClosed) for event in history[:-1]), "1"
    assert fold(evolve, INITIAL, history) == state
    present = [event.session_id for event in history if isinstance(event, ev.UserJoined)]
    gone = [event.session_id for event in history if isinstance(event, ev.UserLeft | ev.UserKicked)]
    if isinstance(state, Open | Closed):
        inside = sorted(m.session_id for m in members_in_order(state)) if isinstance(state, Open) else []
        assert sorted([*gone, *inside]) == sorted(present), "1, 5"
