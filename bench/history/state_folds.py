"""States of rooms: the kernel's fold over views in memory, and the record's answer from Postgres, which reads and opens first."""

import hashlib
import secrets
import time
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from bench.history.log_filler import EVENT, LOG
from parlour.contracts import events as ev
from parlour.contracts.envelope import Envelope, EventView, encode_envelope
from parlour.contracts.subjects import partition
from parlour.kernel.log import LogKey
from parlour.kernel.view import apply, empty_room
from parlour.record.app.rooms.states import RoomStates
from parlour.runtime.deciding import sealing
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.testkit.units import new_log

EVENTS = 100_000
PEOPLE = 20
ROUNDS = 3


def happened(actors: list[str], every: int = 100) -> list[ev.Event]:
    """A long talk: most write, and at each `every`th event somebody goes and comes again, and publishes now and then."""
    told: list[ev.Event] = [ev.RoomOpened(77, "r")]
    told += [ev.UserJoined(f"s{n}", actor, f"user{n}", f"User {n}") for n, actor in enumerate(actors)]
    while len(told) < EVENTS:
        n = len(told) % PEOPLE
        session, actor = f"s{n}", actors[n]
        told.append(ev.BroadcastSent(session, actor, "Good morning, everybody, shall we begin?"))
        if len(told) % every == 0:
            told += [ev.UserLeft(session, actor, "logout"), ev.UserJoined(session, actor, f"user{n}", f"User {n}")]
        if len(told) % (every * 2 + every // 2) == 0:
            told += [
                ev.StreamAdded(f"cam{n}", session, actor, "relay-1", "t"),
                ev.StreamRemoved(f"cam{n}", session, actor, 1),
            ]
    return told[:EVENTS]


def folded(every: int = 100) -> dict[str, Any]:
    """The fold alone; the best of the rounds, since others only take time away."""
    prev, views, uid = "0" * 64, list[EventView](), str(uuid4())
    for seq, event in enumerate(happened([str(uuid4()) for _ in range(PEOPLE)], every), 1):
        hash_ = hashlib.sha256(f"{prev}{seq}".encode()).hexdigest()
        data = msgspec.Raw(msgspec.json.encode(event))
        views.append(EventView(77, "r", uid, seq, seq, hash_, prev, event.TAG, int(event.AUDIENCE), data))
        prev = hash_
    best = best_processor = 1e9
    for _ in range(ROUNDS):
        began, processor, state = time.perf_counter(), time.process_time(), empty_room(77, "r", uid)
        for view in views:
            state = apply(state, view)
        assert state.seq == EVENTS
        best, best_processor = (
            min(best, time.perf_counter() - began),
            min(best_processor, time.process_time() - processor),
        )
    return {
        "events": EVENTS,
        "events_per_s": round(EVENTS / best),
        "python_us": round(best_processor / EVENTS * 1e6, 2),
    }


async def replayed(dsn: str) -> dict[str, Any]:
    """A room of so many sealed events, asked for its latest state by a process that remembers nothing."""
    async with await create_pool(dsn, name="bench") as pool:
        people = PostgresUserKeyStore(pool, secrets.token_bytes(32))
        key = await _room(dsn, people)
        best = best_processor = 1e9
        for _ in range(ROUNDS):
            folds = RoomStates(PostgresLog(pool), people, sealing.open_for_fold)
            began, processor = time.perf_counter(), time.process_time()
            state = await folds.state(key, EVENTS)
            best, best_processor = (
                min(best, time.perf_counter() - began),
                min(best_processor, time.process_time() - processor),
            )
            assert (state.seq, len(state.users)) == (EVENTS, PEOPLE)
    return {
        "events": EVENTS,
        "events_per_s": round(EVENTS / best),
        "python_us": round(best_processor / EVENTS * 1e6, 2),
    }


async def _room(dsn: str, people: PostgresUserKeyStore) -> LogKey:
    key = new_log()
    p, rows, prev = partition(key.app, key.room), list[tuple[Any, ...]](), bytes(32)
    actors = [await people.actor(key.app, f"user{n}") for n in range(PEOPLE)]
    await people.load(frozenset(actors))
    for seq, event in enumerate(happened(actors), 1):
        data = sealing.seal_event(people, event)
        actor = sealing.actor_of(event)
        env = encode_envelope(Envelope(str(key.uid), event.AGGREGATE, 0, event.TAG, actor, "", "", "0" * 32, data))
        hash_ = hashlib.sha256(prev + env).digest()
        rows.append(
            (key.uid, seq, p, 10**9 + seq, seq, event.AGGREGATE, 0, event.TAG, int(event.AUDIENCE), env, prev, hash_)
        )
        prev = hash_
    log = (key.uid, key.app, key.room, p, 10**9, EVENTS, prev, EVENTS, True, "{}")
    connection = await asyncpg.connect(dsn)
    await connection.copy_records_to_table("event", schema_name="parlour", records=rows, columns=EVENT)
    await connection.copy_records_to_table("log", schema_name="parlour", records=[log], columns=LOG)
    await connection.close()
    return key
