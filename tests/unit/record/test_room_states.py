"""A remembered state changes no answer: any order of questions gets what a fold from the first event gives."""

import asyncio

import hypothesis.strategies as st
from hypothesis import given, settings

from parlour.contracts import events as ev
from parlour.contracts.envelope import Envelope, EventView, encode_envelope
from parlour.contracts.queries import RoomState
from parlour.kernel.log import Append, LogKey, NewEvent
from parlour.kernel.view import apply, empty_room
from parlour.record.app.rooms.states import RoomStates
from parlour.runtime.deciding import sealing
from parlour.testkit.clock import VirtualClock
from parlour.testkit.log import MemoryLog
from parlour.testkit.units import APP, new_log, unit
from parlour.testkit.user_keys import MemoryUserKeyStore

LENGTH = 47
SMALL_STEPS = {"events_per_snapshot": 5, "events_per_read": 7}


async def room(log: MemoryLog, people: MemoryUserKeyStore, clock: VirtualClock) -> LogKey:
    """A room where somebody comes at each second event and goes at the next."""
    key = new_log()
    actor = await people.actor(APP, "ann")
    happened: list[ev.Event] = [ev.RoomOpened(APP, key.room)]
    for number in range(1, LENGTH):
        session = f"s{number // 2}"
        happened.append(
            ev.UserJoined(session, actor, "ann", "Ann") if number % 2 else ev.UserLeft(session, actor, "logout")
        )
    for number, event in enumerate(happened):
        envelope = Envelope(str(key.uid), "room", 0, event.TAG, "", "", "", "", sealing.seal_event(people, event))
        made = NewEvent(event.TAG, 0, encode_envelope(envelope))
        await log.append((unit(Append(key, "room", None, (made,), creates=number == 0)),))
        clock.advance(1 if number % 3 == 0 else 0)
    return key


async def states(log: MemoryLog, people: MemoryUserKeyStore, key: LogKey) -> list[RoomState]:
    """The truth: the state after each event."""
    views = await sealing.open_records(people, await log.read(key.uid, 0, 1000))
    out = [empty_room(key.app, key.room, str(key.uid))]
    for view in views:
        out.append(apply(out[-1], view))
    return out


questions = st.lists(st.tuples(st.integers(0, LENGTH), st.none() | st.integers(-1, 20)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(asked=questions)
def test_any_order_of_questions(asked: list[tuple[int, int | None]]) -> None:
    async def play() -> None:
        clock = VirtualClock()
        log, people = MemoryLog(clock.at), MemoryUserKeyStore()
        began = clock.at()
        key = await room(log, people, clock)
        truth = await states(log, people, key)
        memory = RoomStates(log, people, sealing.open_records, **SMALL_STEPS)
        for seq, second in asked:
            at = None if second is None else began + second * 1_000_000
            expected = [state for state in truth[: seq + 1] if at is None or state.at <= at][-1]
            assert await memory.state(key, seq, at) == expected

    asyncio.run(play())


async def test_askers_of_one_room_share_the_work() -> None:
    clock = VirtualClock()
    log, people = MemoryLog(clock.at), MemoryUserKeyStore()
    key = await room(log, people, clock)
    opened: list[int] = []

    async def count(people_: MemoryUserKeyStore, records: object) -> tuple[EventView, ...]:
        views = await sealing.open_records(people_, records)  # pyright: ignore[reportArgumentType]
        opened.extend(view.seq for view in views)
        await asyncio.sleep(0)
        return views

    memory = RoomStates(log, people, count, **SMALL_STEPS)  # pyright: ignore[reportArgumentType]
    answers = await asyncio.gather(*(memory.state(key, LENGTH) for _ in range(5)))
    assert len({answer.hash for answer in answers}) == 1
    assert opened == list(range(1, LENGTH + 1))
