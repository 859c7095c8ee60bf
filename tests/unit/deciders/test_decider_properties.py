"""Each decider on any commands and any events: repeating a command is harmless, and `evolve` takes whatever a log may hold.

`tests/architecture` sees to it that every decider stands in `DECIDERS`.
"""

import types
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.auth.domain import application, bans, privacy
from parlour.auth.domain.rules import VALUES
from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts.ids import Invalid
from parlour.im.domain import messages
from parlour.kernel import bans as kernel_bans
from parlour.kernel.decider import fold
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams
from parlour.room.domain import room
from parlour.testkit.clock import CountingIds, VirtualClock

AT = VirtualClock().at()
OPENED = ev.RoomOpened(1, "a")


class Decider(NamedTuple):
    """A decider, what its commands are, and facts after which they can do something."""

    module: Any
    initial: Any
    commands: Any
    opening: tuple[ev.Event, ...] = ()
    by_command_id: tuple[type, ...] = ()
    """Commands that do the same again when they are repeated, which their command id prevents; none of them changes the state."""


DECIDERS = {
    "room.domain.room": Decider(room, room.INITIAL, room.RoomCommand),
    "registry.domain.streams": Decider(streams, streams.INITIAL, streams.StreamCommand, (OPENED,)),
    "im.domain.messages": Decider(
        messages, messages.Members(), messages.Message, (OPENED, ev.UserJoined("a", "a", "a", ""), ev.UserJoined("b", "b", "b", "")),
        (cmd.SendBroadcast, cmd.SendBarrage, messages.Signal),
    ),
    "auth.domain.application": Decider(
        application, application.INITIAL, application.AppCommand, (ev.AppCreated(1, "a"),),
        (application.Issue, application.Subscribe),
    ),
    "auth.domain.bans": Decider(bans, kernel_bans.INITIAL, bans.BanCommand),
    "auth.domain.privacy": Decider(privacy, privacy.INITIAL, privacy.PrivacyCommand),
}  # fmt: skip

NAMES = st.sampled_from(["a", "b", "c"])
ACTOR_OR_ROOM = st.one_of(st.tuples(NAMES, st.just("")), st.tuples(st.just(""), NAMES))
OVERRIDES: dict[Any, st.SearchStrategy[Any]] = {
    # commands that name one thing, of two or three kinds
    application.Revoke: st.builds(
        lambda kind, name: application.Revoke(**{**dict.fromkeys(("jti", "actor", "room"), ""), kind: name}),
        st.sampled_from(["jti", "actor", "room"]),
        NAMES,
    ),
    privacy.Hold: st.builds(lambda one: privacy.Hold(*one), ACTOR_OR_ROOM),
    privacy.Release: st.builds(lambda one: privacy.Release(*one), ACTOR_OR_ROOM),
    application.SetRules: st.builds(
        application.SetRules,
        st.fixed_dictionaries({}, optional={rule: st.sampled_from(values) for rule, values in VALUES.items()}),
    ),
    bans.PlaceBan: st.builds(
        bans.PlaceBan,
        st.builds(kernel_bans.Target, st.sampled_from([kernel_bans.USER, kernel_bans.ROOM]), NAMES, NAMES),
        st.sampled_from([0, AT // 1_000_000 + 60]),
        NAMES,
        NAMES,
    ),
}


@cache
def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any values of a type that commands and events are made of, out of few, so that they meet."""
    if kind in OVERRIDES:
        return OVERRIDES[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return values_of(arguments[0])
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values_of, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
    if origin is frozenset:
        return st.frozensets(values_of(arguments[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{name: values_of(hints[name]) for name in kind.__struct_fields__})
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: st.sampled_from(["", "a", "b", "c"]), int: st.integers(0, 3), bool: st.booleans(), type(None): st.none(),
    }  # fmt: skip
    return simple[kind]


any_event = st.sampled_from(ev.ALL).flatmap(values_of)


def decide(decider: Decider, state: Any, command: Any) -> tuple[ev.Event, ...] | None:
    """What a command brings about; None where it is refused."""
    try:
        return decider.module.decide(state, command, at=AT, ids=CountingIds())
    except (Rejection, Invalid):
        return None


every_decider = pytest.mark.parametrize("decider", DECIDERS.values(), ids=DECIDERS)


@every_decider
@given(data=st.data())
def test_repeating_any_command_is_harmless(decider: Decider, data: st.DataObject) -> None:
    evolve: Callable[[Any, ev.Event], Any] = decider.module.evolve
    commands = data.draw(st.lists(values_of(decider.commands), max_size=12))
    state = fold(evolve, decider.initial, decider.opening)
    for command in commands:
        events = decide(decider, state, command)
        if events is None:
            continue
        after = fold(evolve, state, events)
        if isinstance(command, decider.by_command_id):
            assert after == state, "a command that may be repeated for ever must leave the state as it is"
        else:
            assert decide(decider, after, command) == ()
        state = after


@every_decider
@given(data=st.data())
def test_evolve_takes_any_history(decider: Decider, data: st.DataObject) -> None:
    history = data.draw(st.lists(any_event, max_size=20))
    state = fold(decider.module.evolve, decider.initial, (*decider.opening, *history))
    command = data.draw(values_of(decider.commands))
    events = decide(decider, state, command)
    assert events is None or all(isinstance(event, ev.Event) for event in events), (
        "and what follows can be decided on it"
    )


@every_decider
def test_a_decision_is_made_of_its_arguments_alone(decider: Decider) -> None:
    """The same arguments give the same events: no clock, no chance, no memory."""

    @given(st.data())
    def twice(data: st.DataObject) -> None:
        commands = data.draw(st.lists(values_of(decider.commands), max_size=6))
        state = fold(decider.module.evolve, decider.initial, decider.opening)
        for command in commands:
            events = decide(decider, state, command)
            assert decide(decider, state, command) == events
            state = fold(decider.module.evolve, state, events or ())

    twice()
