"""The Python client against real gateways: what it gives is the record, whatever dies."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from itertools import count

import pytest

from parlour.client import (
    Call,
    Client,
    Event,
    Item,
    Position,
    Records,
    RemovedFromRoom,
    RequestRefused,
    Resync,
    Room,
    Skip,
    fold,
)
from parlour.testkit.client import raw_client
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.record import logs
from parlour.testkit.history import Acknowledged, ClientHistory, Logged, check
from parlour.testkit.subscribers import history_of
from parlour.testkit.suite import Suite
from parlour.testkit.waiting import eventually

_numbers = count(1)
WITHIN_S = 20.0


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"client-{next(_numbers)}"


def client_of(suite: Suite, user: str, *, urls: list[str] | None = None) -> Client:
    return Client(urls or suite.urls, app=suite.app_id, user=user, token=suite.dev_token(user))


@asynccontextmanager
async def following(room: Room, after: Position | None = None) -> AsyncGenerator[list[Item]]:
    """The items of a room's feed, as they come."""
    items: list[Item] = []

    async def follow() -> None:
        async for item in room.feed(after):
            items.append(item)  # noqa: PERF401 others look at the list meanwhile

    task = asyncio.create_task(follow())
    try:
        if after is None:
            await came(items)
        yield items
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, RemovedFromRoom):
            await task


async def came(items: list[Item]) -> None:
    """Something was given."""
    await eventually(lambda: items, "an item", timeout_s=WITHIN_S)


async def said(items: list[Item], text: str) -> Event:
    """The event of a message, once it came."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            for item in items:
                if isinstance(item, Event) and item.data.get("text") == text:
                    return item
            await asyncio.sleep(0.02)


async def to_the_end(room: Room) -> None:
    async with asyncio.timeout(WITHIN_S):
        async for _ in room.feed():
            pass


async def record(suite: Suite, room: str, at: Position) -> list[Logged]:
    return await logs(suite.status()["nats"], suite.app_id, [(room, at.room_uid)])


async def test_everything_once_and_in_order_over_the_death_of_gateways(
    doubled: Suite, processes: Processes, room: str
) -> None:
    acknowledged: list[Acknowledged] = []
    dead = 0
    async with client_of(doubled, f"{room}-ann") as ann, following(ann.room(room)) as items:
        async with client_of(doubled, f"{room}-bob") as bob:
            for number in range(60):
                if number in (20, 40):
                    victim = "gateway" if number == 20 else "gateway-2"
                    dead = processes.kill(victim)
                sent = await bob.room(room).barrage(f"message {number}")
                acknowledged.append(Acknowledged(sent.command_id))
                if number == 30:
                    await processes.back("gateway", dead)
        last = await said(items, "message 59")
        await processes.back("gateway-2", dead)
    texts = [item.data["text"] for item in items if isinstance(item, Event) and "text" in item.data]
    assert texts == [f"message {number}" for number in range(60)]
    histories = [history_of("ann", items), ClientHistory("bob", acknowledged)]
    assert check(histories, await record(doubled, room, last.position)) == []


async def test_it_goes_on_where_the_application_was_an_hour_ago(doubled: Suite, room: str) -> None:
    async with client_of(doubled, f"{room}-bob") as bob:
        async with client_of(doubled, f"{room}-ann") as ann, following(ann.room(room)) as before:
            await bob.room(room).broadcast("one")
            held = (await said(before, "one")).position
        for text in ("two", "three"):
            await bob.room(room).broadcast(text)
        async with client_of(doubled, f"{room}-ann") as ann, following(ann.room(room), held) as after:
            await bob.room(room).broadcast("four")
            last = await said(after, "four")
    assert not [item for item in after if isinstance(item, Resync)]
    history = history_of("ann", [*before, *after])
    assert check([history], await record(doubled, room, last.position)) == []


async def test_a_position_of_another_history_is_answered_by_a_resync(doubled: Suite, room: str) -> None:
    async with client_of(doubled, f"{room}-bob") as bob, client_of(doubled, f"{room}-ann") as ann:
        await bob.room(room).broadcast("one")
        at = bob.room(room).now
        assert at is not None
        forged = Position(at.position.room_uid, at.position.seq, "0123456789abcdef")
        async with following(ann.room(room), forged) as items:
            await came(items)
            await bob.room(room).broadcast("two")
            await said(items, "two")
    assert isinstance(items[0], Resync)
    assert items[0].reason == "diverged"
    assert set(items[0].state.users) == {f"{room}-ann", f"{room}-bob"}


async def test_the_fold_is_what_the_record_answers(doubled: Suite, room: str) -> None:
    async with client_of(doubled, f"{room}-ann") as ann, client_of(doubled, f"{room}-bob") as bob:
        async with following(ann.room(room)) as items:
            await bob.room(room).set_extra_info("topic", "weather")
            await bob.room(room).broadcast("done")
            last = await said(items, "done")
        folded = ann.room(room).now
        assert folded is not None
        recorded = doubled.replay(room, last.seq)
    assert list(folded.users) == [user["userID"] for user in recorded["users"]]
    assert folded.extra_info == {entry["key"]: entry["value"] for entry in recorded["extraInfo"]}


async def test_a_repeated_command_id_is_one_message(doubled: Suite, room: str) -> None:
    command_id = "0192f0c1-7f6e-7b43-9d52-3a4c5b6d7e8f"
    async with client_of(doubled, f"{room}-ann") as ann:
        first = await ann.room(room).broadcast("once", command_id=command_id)
        again = await ann.room(room).broadcast("once", command_id=command_id)
    assert first == again
    assert [event["data"].get("text") for event in doubled.events(room)].count("once") == 1


async def test_a_command_is_done_where_the_room_was_known_or_not_at_all(doubled: Suite, room: str) -> None:
    async with client_of(doubled, f"{room}-ann") as ann:
        first = await ann.room(room).barrage("one")
        assert (await ann.room(room).barrage("two", if_seq=int(first.message_id))).message_id
        with pytest.raises(RequestRefused) as refused:
            await ann.room(room).barrage("too late", if_seq=int(first.message_id))
    assert refused.value.code == 9000006


async def test_a_login_elsewhere_ends_the_stay(doubled: Suite, room: str) -> None:
    user = f"{room}-ann"
    async with client_of(doubled, user) as ann:
        await ann.room(room).login()
        reading = asyncio.create_task(to_the_end(ann.room(room)))
        async with raw_client(doubled.url) as other:
            await other.login(doubled.app_id, room, user, doubled.dev_token(user))
            with pytest.raises(RemovedFromRoom) as over:
                await reading
    assert over.value.code == 1002050


async def test_a_refused_login_is_told(doubled: Suite, room: str) -> None:
    async with Client(doubled.url, app=doubled.app_id, user="mallory", token="04nonsense") as client:
        with pytest.raises(RequestRefused) as refused:
            await client.room(room).login()
    assert refused.value.code == 1102016


def token_of(suite: Suite, room: str, *scopes: str) -> str:
    chosen = [part for scope in scopes for part in ("--scope", scope)]
    return suite.run("token", "--subscribe", "--room", room, *chosen).stdout.strip()


async def test_a_reader_outside_gets_the_record_over_the_death_of_a_gateway(
    doubled: Suite, processes: Processes, room: str
) -> None:
    async with client_of(doubled, f"{room}-bob") as bob:
        talk = bob.room(room)
        await talk.barrage("one")
        async with Records(doubled.urls, token=token_of(doubled, room, "events")) as records:
            items: list[Event | Skip | Resync] = []
            async with asyncio.timeout(WITHIN_S):
                async for item in records.events(room):
                    items.append(item)
                    match item:
                        case Event(data={"text": "one"}):
                            dead = processes.kill("gateway")
                            await talk.barrage("two")
                            await processes.back("gateway", dead)
                        case Event(data={"text": "two"}):
                            break
                        case _:
                            pass
            last = items[-1].position
            folded, told = fold(items), await records.state(room, last)
        assert folded == told
    assert check([history_of("reader", items)], await record(doubled, room, last)) == []


async def test_a_reader_s_place_in_another_history_is_answered_by_a_resync(doubled: Suite, room: str) -> None:
    async with client_of(doubled, f"{room}-bob") as bob:
        await bob.room(room).barrage("one")
        now = await bob.room(room).state()
        forged = Position(now.position.room_uid, now.position.seq, "0123456789abcdef")
        async with Records(doubled.urls, token=token_of(doubled, room, "events")) as records:
            first = await anext(records.events(room, forged))
            assert isinstance(first, Resync)
            assert list(first.state.users) == [f"{room}-bob"]
        async with Records(doubled.urls, token=token_of(doubled, f"{room}-other", "events")) as records:
            with pytest.raises(RequestRefused):
                await records.state(room)


async def test_calls_of_the_past_are_found_by_their_people(doubled: Suite, room: str) -> None:
    async with client_of(doubled, f"{room}-bob") as bob:
        await bob.room(room).barrage("one")
        async with Records(doubled.urls, token=token_of(doubled, room, "history")) as records:

            async def listed() -> list[Call]:
                return [call async for call in records.calls(user=f"{room}-bob")]

            (call,) = await eventually(listed, "the call is listed", timeout_s=WITHIN_S, poll_s=0.1)
            assert (call.room_id, call.participants, call.ended_at) == (room, 1, None)
            timeline = await records.timeline(call.room_uid)
            assert [session["userID"] for session in timeline["sessions"]] == [f"{room}-bob"]
            assert len((await records.difference(call.room_uid, 1, 2))["joined"]) == 1
