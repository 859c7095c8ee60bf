"""Calls put into the log by COPY, behind its append function: a million events in a minute, chains and claims left out."""

import time
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.contracts.subjects import partition
from parlour.testkit.clock import uuid7
from parlour.testkit.units import APP

PEOPLE, SAID = 4, 25
TEMPLATES = 200
UID, ROOM = "0190a1b2-0000-7000-8000-000000000001", "room-0000000"
EVENT = (
    "room_uid",
    "seq",
    "shard",
    "pos",
    "appended_at",
    "aggregate",
    "version",
    "type",
    "audience",
    "env",
    "prev",
    "hash",
)
LOG = ("uid", "app", "room", "shard", "first_pos", "seq", "hash", "last_event_at", "open", "versions")
SEALED = "x" * 80
DAY_US = 86_400_000_000


def story() -> list[ev.Event]:
    """A call of a few people who publish, look at each other, talk and go."""
    people = [(str(uuid4()), str(uuid4())) for _ in range(PEOPLE)]
    told: list[ev.Event] = [ev.RoomOpened(APP, ROOM)]
    for number, (session, actor) in enumerate(people):
        told.append(ev.UserJoined(session, actor, f"{actor}:{SEALED}", f"{actor}:{SEALED}"))
        told.append(ev.StreamAdded(f"cam{number}", session, actor, "relay-1", "t1", "", "VP8"))
    for number, (session, actor) in enumerate(people):
        told.append(ev.PlayStarted(f"cam{(number + 1) % PEOPLE}", session, actor, "relay-1", "t2"))
    for number in range(SAID):
        session, actor = people[number % PEOPLE]
        told.append(ev.BroadcastSent(session, actor, f"{actor}:{SEALED}"))
    for number, (session, actor) in enumerate(people):
        told.append(ev.PlayStopped(f"cam{(number + 1) % PEOPLE}", session, actor, "left", "t2"))
        told.append(ev.StreamRemoved(f"cam{number}", session, actor, 1))
        told.append(ev.UserLeft(session, actor, "logout"))
    return [*told, ev.RoomClosed("empty")]


class Template:
    """A call's events as rows, but for what tells calls apart."""

    def __init__(self) -> None:
        self.events = story()
        self.envs = [self._env(event) for event in self.events]

    @staticmethod
    def _env(event: ev.Event) -> bytes:
        data, actor = msgspec.Raw(msgspec.json.encode(event)), getattr(event, "actor", "")
        return encode_envelope(Envelope(UID, event.AGGREGATE, 0, event.TAG, actor, str(uuid4()), "", "0" * 32, data))

    def rows(self, uid: UUID, room: str, p: int, pos: int, at: int) -> list[tuple[Any, ...]]:
        """For COPY."""
        uid_bytes, room_bytes = str(uid).encode(), room.encode()
        envs = [env.replace(UID.encode(), uid_bytes) for env in self.envs]
        envs[0] = envs[0].replace(ROOM.encode(), room_bytes)
        return [
            (uid, seq, p, pos + seq, at + seq * 1_000_000, event.AGGREGATE, 0, event.TAG, 0, env, bytes(32), bytes(32))
            for seq, (event, env) in enumerate(zip(self.events, envs, strict=True), 1)
        ]


async def fill(dsn: str, events: int) -> tuple[int, int]:
    """At least so many events of calls within the last month; gives (calls, events)."""
    templates = [Template() for _ in range(TEMPLATES)]
    length = len(templates[0].events)
    calls = -(-events // length)
    begin, step = time.time_ns() // 1000 - 28 * DAY_US, 27 * DAY_US // calls
    connection = await asyncpg.connect(dsn)
    positions, rows, logs = dict[int, int](), list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for number in range(calls):
        at, room = begin + number * step, f"room-{number % 9_999_999:07d}"
        uid, p = uuid7(at, number), partition(APP, room)
        pos = positions.get(p, 0)
        rows += templates[number % TEMPLATES].rows(uid, room, p, pos, at)
        logs.append((uid, APP, room, p, pos + 1, length, bytes(32), at + length * 1_000_000, False, "{}"))
        positions[p] = pos + length
        if len(rows) > 20_000 or number == calls - 1:
            await connection.copy_records_to_table("event", schema_name="parlour", records=rows, columns=EVENT)
            rows.clear()
    await connection.copy_records_to_table("log", schema_name="parlour", records=logs, columns=LOG)
    await connection.executemany("UPDATE parlour.shard SET pos = $2 WHERE shard = $1", list(positions.items()))
    await connection.execute("VACUUM ANALYZE parlour.event")
    await connection.close()
    return calls, calls * length


async def many_calls(dsn: str, place: str, calls: int) -> None:
    """So many rows of calls over the last two years, each with two of a thousand people: what a list of calls is looked up in."""
    connection = await asyncpg.connect(dsn, timeout=30, command_timeout=600)
    numbers = count()
    people = [str(UUID(int=next(numbers) + (7 << 100))) for _ in range(1000)]
    uid = "(lpad(to_hex((1700000000000 + n * 63000::bigint)), 12, '0') || '7000' || lpad(to_hex(n), 16, '0'))::uuid"
    await connection.execute(
        f"INSERT INTO {place}.call SELECT {uid}, $2, 'room-' || n % 2000, 1700000000000000 + n * 63000000::bigint, "
        "1700000000000000 + n * 63000000::bigint + 1, '', 9, 1700000000000000, 2, 2, 2, 1, 1, 0, 0, 0, 0 "
        "FROM generate_series(1, $1::int) n",
        calls,
        APP,
    )
    await connection.execute(
        f"INSERT INTO {place}.participant SELECT {uid}, $2::text[][1 + (n * k) % 1000], $3, 1, 2, 1, 0, 0 "
        "FROM generate_series(1, $1::int) n, generate_series(1, 2) k ON CONFLICT DO NOTHING".replace(
            "$2::text[][", "($2::text[])["
        ),
        calls,
        people,
        APP,
    )
    await connection.execute(f"ANALYZE {place}.call, {place}.participant")
    await connection.close()
