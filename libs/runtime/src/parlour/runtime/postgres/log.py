"""The event log on Postgres."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from parlour.kernel.log import (
    AppendUnit,
    ClaimRow,
    DueDeadline,
    LogHead,
    LogKey,
    LogUnavailable,
    NewEvent,
    Outcome,
    Record,
)
from parlour.runtime.telemetry.logging import logger

from .append_call import append_call
from .pool import PostgresStore

COMMAND_ID_RACES = 3
"""How often a call is made anew when other calls took one of its command ids at the same moment; each time the loser sees the winner."""

PLACES_TAKEN = 2
"""How often a call is made anew after events that stood behind a log's head, where they were never written, were moved away."""

# What stands behind the head is no part of the log.
_EVENT = (
    "SELECT e.room_uid, e.seq, e.shard, e.pos, e.appended_at, e.aggregate, e.version, e.type, e.audience, e.env, e.prev, e.hash, "
    "l.app, l.room "
    "FROM parlour.event e JOIN parlour.log l ON l.uid = e.room_uid "
)
_READ = _EVENT + "WHERE e.room_uid = $1 AND e.seq > $2 AND e.seq <= l.seq ORDER BY e.seq LIMIT $3"
_READ_SHARD = _EVENT + "WHERE e.shard = $1 AND e.pos > $2 AND e.seq <= l.seq ORDER BY e.pos LIMIT $3"
_HEAD = "SELECT uid, app, room, seq, hash, last_event_at, open, versions FROM parlour.log WHERE "
_HEAD_OF = _HEAD + "uid = $1"
_LATEST = _HEAD + "app = $1 AND room = $2 ORDER BY first_pos DESC LIMIT 1"

log = logger(__name__)
_versions = msgspec.json.Decoder(dict[str, int])


class PostgresLog(PostgresStore):
    """Implements `EventLog`. Safe for concurrent callers."""

    async def append(self, units: tuple[AppendUnit[NewEvent], ...]) -> tuple[Outcome, ...]:
        """See `EventLog.append`. After `LogUnavailable` it is not known whether the units are in: the same command ids will tell."""
        if not units:
            return ()
        call = append_call(units)
        arguments = call.arguments
        races, taken = COMMAND_ID_RACES, PLACES_TAKEN
        while races and taken:
            try:
                row = await self._fetch_row(call.statement, *arguments)
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name == "command_pkey":
                    races -= 1
                    continue
                if not await self._move_stray_events(units):
                    raise
                taken -= 1
                continue
            return call.outcomes(row)
        raise LogUnavailable(
            "other calls keep taking the same command ids" if taken else "events keep appearing behind a log's head"
        )

    async def _move_stray_events(self, units: tuple[AppendUnit[NewEvent], ...]) -> int:
        """Moves away events that somebody inserted after a log's head, and returns how many there were."""
        moved = 0
        for uid in {append.log.uid for unit in units for append in unit.appends}:
            if count := await self._fetch_value("SELECT parlour.move_stray_events($1)", uid):
                log.error("stray_events", room_uid=str(uid), number=count)
                moved += count
        return moved

    async def head(self, uid: UUID) -> LogHead | None:
        return _head(await self._fetch_row(_HEAD_OF, uid))

    async def latest(self, app: int, room: str) -> LogHead | None:
        return _head(await self._fetch_row(_LATEST, app, room))

    async def read(self, uid: UUID, after: int, limit: int) -> tuple[Record, ...]:
        return _records(await self._fetch(_READ, uid, after, limit))

    async def read_shard(self, p: int, after: int, limit: int) -> tuple[Record, ...]:
        return _records(await self._fetch(_READ_SHARD, p, after, limit))

    async def shard_heads(self) -> dict[int, int]:
        return {
            row["shard"]: row["pos"] for row in await self._fetch("SELECT shard, pos FROM parlour.shard WHERE pos > 0")
        }

    async def claims(self, kind: str, app: int, key: str) -> tuple[ClaimRow, ...]:
        question = "SELECT slot, holder FROM parlour.claim WHERE kind = $1 AND app = $2 AND key = $3 ORDER BY slot"
        rows = await self._fetch(question, kind, app, key)
        return tuple(ClaimRow(kind, app, key, row["slot"], row["holder"]) for row in rows)

    async def due(self, service: str, now: int, limit: int, lease_us: int) -> tuple[DueDeadline, ...]:
        rows = await self._fetch(
            "SELECT key, due_at, body FROM parlour.due($1, $2, $3, $4)", service, now, limit, lease_us
        )
        return tuple(DueDeadline(service, row["key"], row["due_at"], row["body"]) for row in rows)

    async def cursor(self, reader: str) -> dict[int, int]:
        rows = await self._fetch("SELECT shard, pos FROM parlour.cursor WHERE reader = $1", reader)
        return {row["shard"]: row["pos"] for row in rows}

    async def advance(self, reader: str, p: int, pos: int) -> None:
        await self._fetch_row("SELECT parlour.advance($1, $2, $3)", reader, p, pos)


def _head(row: Any) -> LogHead | None:
    if row is None:
        return None
    key = LogKey(row["app"], row["room"], _uuid(row["uid"]))
    return LogHead(key, row["seq"], row["hash"], row["last_event_at"], row["open"], _versions.decode(row["versions"]))


def _records(rows: list[asyncpg.Record]) -> tuple[Record, ...]:
    """Rows of one log share its key: neighbours mostly are of one."""
    records: list[Record] = []
    last, key = None, LogKey(0, "", UUID(int=0))
    for row in rows:
        uid, seq, p, pos, at, aggregate, version, type_, audience, env, prev, hash_, app, room = row
        if uid != last:
            last, key = uid, LogKey(app, room, _uuid(uid))
        records.append(Record(key, seq, at, p, pos, aggregate, version, type_, audience, env, prev, hash_))
    return tuple(records)


def _uuid(value: UUID) -> UUID:
    """A plain UUID: asyncpg's own subclass equals it but is not what the port promises."""
    return UUID(int=value.int)
