"""Webhook endpoints in Postgres: their leases, cursors, backlogs, dead letters and delivery log."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from parlour.contracts import webhooks as contract
from parlour.record.app.webhooks.ports import Attempt, DeadLetter, EventRange, LeaseLost
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.record.domain.webhooks.progress import Changes, RoomBacklog
from parlour.record.domain.webhooks.signing import SecretRef
from parlour.runtime.postgres.keys import SealingKey
from parlour.runtime.postgres.pool import Pool, PostgresStore, borrow

MICROSECONDS = 1_000_000
"""In a second: the tables have unix microseconds."""
_COLUMNS = "w.app, w.url, w.rooms, w.types, w.audit, w.format"
_SECRETS = """
SELECT endpoint, sealed, valid_until / 1000000 FROM parlour.webhook_secret WHERE endpoint = ANY ($1) ORDER BY endpoint, number DESC"""
_ADD = """
INSERT INTO parlour.webhook (id, app, url, rooms, types, audit, format, enabled, reason, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7, true, '', $8
 WHERE (SELECT count(*) FROM parlour.webhook w WHERE w.app = $2) < $9 OR EXISTS (SELECT FROM parlour.webhook w WHERE w.id = $1)
ON CONFLICT (id) DO NOTHING RETURNING id"""
_ADD_SECRET = "INSERT INTO parlour.webhook_secret (endpoint, number, sealed) VALUES ($1, 1, $2)"
_CURSORS_AT_HEADS = """
INSERT INTO parlour.webhook_cursor AS c (endpoint, shard, pos) SELECT $1, s.shard, s.pos FROM parlour.shard s WHERE s.pos > 0
ON CONFLICT (endpoint, shard) DO UPDATE SET pos = greatest(c.pos, excluded.pos)"""
_LIST = f"""
SELECT w.id::text, {_COLUMNS}, w.enabled, w.reason, w.created_at / 1000000, '' AS secret,
       (SELECT count(*) FROM parlour.webhook_backlog l WHERE l.endpoint = w.id AND l.to_seq IS NULL) AS lagging,
       (SELECT count(*) FROM parlour.webhook_dead d WHERE d.endpoint = w.id) AS dead,
       (SELECT coalesce(sum(s.pos - coalesce(c.pos, 0)), 0)::bigint FROM parlour.shard s
          LEFT JOIN parlour.webhook_cursor c ON c.endpoint = w.id AND c.shard = s.shard) AS lag
  FROM parlour.webhook w WHERE w.app = $1 AND ($2::uuid IS NULL OR w.id = $2) ORDER BY w.created_at, w.id"""
_ENDPOINT = f"SELECT w.id, {_COLUMNS} FROM parlour.webhook w WHERE w.app = $1 AND w.id = $2"
_ENABLE = """
UPDATE parlour.webhook SET enabled = $2, reason = $3, owner = '', leased_until = 0 WHERE id = $1"""
_ROTATE = """
INSERT INTO parlour.webhook_secret (endpoint, number, sealed)
SELECT $1, max(number) + 1, $2 FROM parlour.webhook_secret WHERE endpoint = $1"""
_RETIRE_OLD_SECRET = """
UPDATE parlour.webhook_secret SET valid_until = $2
 WHERE endpoint = $1 AND valid_until IS NULL AND number < (SELECT max(number) FROM parlour.webhook_secret WHERE endpoint = $1)"""
_DELETE_OLDER_SECRETS = """
DELETE FROM parlour.webhook_secret
 WHERE endpoint = $1 AND number < (SELECT max(number) - 1 FROM parlour.webhook_secret WHERE endpoint = $1)"""
_DELIVERIES = """
SELECT number, webhook_id, type, attempted_at, attempt, status, took_ms, error FROM parlour.webhook_delivery
 WHERE endpoint = $1 AND ($2 = 0 OR number < $2) AND NOT ($4 AND status BETWEEN 200 AND 299) ORDER BY number DESC LIMIT $3"""
_DEAD_LETTERS = """
SELECT d.number, l.room, d.room_uid::text, d.first_seq, d.last_seq, d.given_up_at, d.error FROM parlour.webhook_dead d
  JOIN parlour.log l ON l.uid = d.room_uid WHERE d.endpoint = $1 AND d.number > $2 ORDER BY d.number LIMIT $3"""
_RANGES_BETWEEN = """
SELECT l.uid, l.shard, e.first, e.last FROM parlour.log l CROSS JOIN LATERAL (
    SELECT min(x.seq) AS first, max(x.seq) AS last FROM parlour.event x WHERE x.room_uid = l.uid
       AND x.appended_at >= $2 AND x.appended_at < $3
) e WHERE l.app = $1 AND l.last_event_at >= $2 AND l.room <> '' AND e.first IS NOT NULL ORDER BY e.first LIMIT $4"""
_REDRIVE = """
INSERT INTO parlour.webhook_backlog (endpoint, id, room_uid, shard, after_seq, to_seq)
SELECT $1, gen_random_uuid(), * FROM unnest($2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[])"""
_REDRIVE_DEAD = """
WITH gone AS (DELETE FROM parlour.webhook_dead d WHERE d.endpoint = $1 RETURNING d.room_uid, d.first_seq, d.last_seq)
INSERT INTO parlour.webhook_backlog (endpoint, id, room_uid, shard, after_seq, to_seq)
SELECT $1, gen_random_uuid(), gone.room_uid, l.shard, gone.first_seq - 1, gone.last_seq
  FROM gone JOIN parlour.log l ON l.uid = gone.room_uid RETURNING room_uid"""
_RENEW_LEASES = f"""
WITH free AS MATERIALIZED (
    SELECT f.id FROM parlour.webhook f WHERE f.enabled AND f.leased_until <= $2 AND f.owner <> $1
     ORDER BY f.leased_until LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE parlour.webhook w SET owner = $1, leased_until = $2 + $3
 WHERE w.enabled AND (w.owner = $1 OR w.id IN (SELECT free.id FROM free))
RETURNING w.id, {_COLUMNS}"""
_RELEASE_LEASES = "UPDATE parlour.webhook SET owner = '', leased_until = 0 WHERE owner = $1"
_CHECK_LEASE = "SELECT FROM parlour.webhook WHERE id = $1 AND owner = $2 AND enabled FOR SHARE"
_CURSORS = """
INSERT INTO parlour.webhook_cursor AS c (endpoint, shard, pos)
SELECT $1, shard, pos FROM unnest($2::smallint[], $3::bigint[]) AS m (shard, pos)
ON CONFLICT (endpoint, shard) DO UPDATE SET pos = excluded.pos WHERE c.pos < excluded.pos"""
_BACKLOGS = """
SELECT endpoint, id, room_uid, shard, after_seq, to_seq, attempts, failing_since / 1e6::float8, due_at / 1e6::float8, error
  FROM parlour.webhook_backlog WHERE endpoint = ANY ($1)"""
_SAVE_BACKLOG = """
INSERT INTO parlour.webhook_backlog (endpoint, id, room_uid, shard, after_seq, to_seq, attempts, failing_since, due_at, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (endpoint, id) DO UPDATE SET after_seq = excluded.after_seq, attempts = excluded.attempts,
    failing_since = excluded.failing_since, due_at = excluded.due_at, error = excluded.error"""
_END_BACKLOGS = "DELETE FROM parlour.webhook_backlog WHERE endpoint = $1 AND id = ANY ($2)"
_ADD_ATTEMPTS = """
INSERT INTO parlour.webhook_delivery (endpoint, webhook_id, type, attempted_at, attempt, status, took_ms, error)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::int[], $6::int[], $7::int[], $8::text[]) RETURNING number"""
_ADD_DEAD_LETTER = """
INSERT INTO parlour.webhook_dead (endpoint, room_uid, first_seq, last_seq, given_up_at, error) VALUES ($1, $2, $3, $4, $5, $6)"""
_PURGE_OLD = """
WITH old AS MATERIALIZED (SELECT d.number FROM parlour.webhook_delivery d WHERE d.attempted_at < $1 LIMIT $2)
DELETE FROM parlour.webhook_delivery d USING old WHERE d.number = old.number"""
_PURGE_SURPLUS = """
DELETE FROM parlour.webhook_delivery d USING (
    SELECT w.id, (SELECT x.number FROM parlour.webhook_delivery x WHERE x.endpoint = w.id ORDER BY x.number DESC OFFSET $1 LIMIT 1) AS last
      FROM parlour.webhook w
) s WHERE d.endpoint = s.id AND d.number <= s.last"""


class PostgresWebhooks(PostgresStore):
    """Implements `EndpointRepository`, `DeliveryStore` (`app.webhooks.ports`) and `DeliveryLog` (`app.maintenance`)."""

    def __init__(self, pool: Pool, master_key: bytes) -> None:
        super().__init__(pool)
        self._key = SealingKey(master_key, b"parlour.record.webhooks")

    # for operators

    async def add(self, endpoint: Endpoint, created_s: int, at_most: int) -> bool:
        sealed = self._key.seal(_context(endpoint.id), endpoint.secrets[0].text.encode())
        async with borrow(self._pool) as connection, connection.transaction():
            made = await connection.fetchval(
                _ADD, endpoint.id, endpoint.app, endpoint.url, list(endpoint.rooms), list(endpoint.types), endpoint.audit,
                endpoint.format, created_s * MICROSECONDS, at_most,
            )  # fmt: skip
            if made is None:
                return await connection.fetchval("SELECT true FROM parlour.webhook WHERE id = $1", endpoint.id) or False
            await connection.execute(_ADD_SECRET, endpoint.id, sealed)
            await connection.execute(_CURSORS_AT_HEADS, endpoint.id)
        return True

    async def list_all(self, app: int, id_: UUID | None) -> tuple[contract.Webhook, ...]:
        rows = await self._fetch(_LIST, app, id_)
        return tuple(
            contract.Webhook(id_, app, url, tuple(rooms), tuple(types), *rest)
            for id_, app, url, rooms, types, *rest in rows
        )

    async def endpoint(self, app: int, id_: UUID) -> Endpoint | None:
        found = await self._endpoints(await self._fetch(_ENDPOINT, app, id_))
        return found[0] if found else None

    async def rotate(self, id_: UUID, secret: str, old_until_s: int) -> None:
        async with borrow(self._pool) as connection, connection.transaction():
            await connection.execute(_ROTATE, id_, self._key.seal(_context(id_), secret.encode()))
            await connection.execute(_RETIRE_OLD_SECRET, id_, old_until_s * MICROSECONDS)
            await connection.execute(_DELETE_OLDER_SECRETS, id_)

    async def enable(self, id_: UUID, enabled: bool, reason: str, from_now: bool) -> None:
        async with borrow(self._pool) as connection, connection.transaction():
            await connection.execute(_ENABLE, id_, enabled, reason)
            await connection.execute("UPDATE parlour.webhook_backlog SET due_at = 0 WHERE endpoint = $1", id_)
            if from_now:
                await connection.execute("DELETE FROM parlour.webhook_backlog WHERE endpoint = $1", id_)
                await connection.execute(_CURSORS_AT_HEADS, id_)

    async def remove(self, id_: UUID) -> None:
        await self._execute("DELETE FROM parlour.webhook WHERE id = $1", id_)

    async def deliveries(self, id_: UUID, before: int, limit: int, failed: bool) -> tuple[contract.Delivery, ...]:
        rows = await self._fetch(_DELIVERIES, id_, before, limit, failed)
        return tuple(contract.Delivery(*row) for row in rows)

    async def add_attempt(self, id_: UUID, attempt: Attempt) -> int:
        async with borrow(self._pool) as connection:
            return await _add_attempts(connection, id_, (attempt,))

    async def dead_letters(self, id_: UUID, after: int, limit: int) -> tuple[contract.DeadLetter, ...]:
        rows = await self._fetch(_DEAD_LETTERS, id_, after, limit)
        return tuple(contract.DeadLetter(*row) for row in rows)

    async def ranges_between(self, app: int, since: int, until: int, at_most: int) -> tuple[EventRange, ...]:
        rows = await self._fetch(_RANGES_BETWEEN, app, since, until, at_most)
        return tuple(EventRange(*row) for row in rows)

    async def range_of(self, app: int, room_uid: UUID) -> EventRange | None:
        row = await self._fetch_row(
            "SELECT uid, shard, 1, seq FROM parlour.log WHERE uid = $1 AND app = $2", room_uid, app
        )
        return None if row is None else EventRange(*row)

    async def redrive(self, id_: UUID, ranges: tuple[EventRange, ...]) -> None:
        calls, shards = [one.room_uid for one in ranges], [one.p for one in ranges]
        await self._execute(
            _REDRIVE, id_, calls, shards, [one.first - 1 for one in ranges], [one.last for one in ranges]
        )

    async def redrive_dead(self, id_: UUID) -> int:
        return len({row["room_uid"] for row in await self._fetch(_REDRIVE_DEAD, id_)})

    # for workers

    async def renew_leases(self, owner: str, now_us: int, lease_us: int, at_most: int) -> tuple[Endpoint, ...]:
        return await self._endpoints(await self._fetch(_RENEW_LEASES, owner, now_us, lease_us, at_most))

    async def release_leases(self, owner: str) -> None:
        await self._execute(_RELEASE_LEASES, owner)

    async def progress(self, endpoint: UUID) -> tuple[dict[int, int], tuple[RoomBacklog, ...]]:
        cursors = await self._fetch("SELECT shard, pos FROM parlour.webhook_cursor WHERE endpoint = $1", endpoint)
        backlogs = await self._fetch(_BACKLOGS, [endpoint])
        return dict(cursors), tuple(RoomBacklog(*row[1:]) for row in backlogs)

    async def redrives(self, endpoints: Sequence[UUID]) -> dict[UUID, list[RoomBacklog]]:
        found: dict[UUID, list[RoomBacklog]] = {}
        for id_, *row in await self._fetch(f"{_BACKLOGS} AND to_seq IS NOT NULL", list(endpoints)) if endpoints else ():
            found.setdefault(id_, []).append(RoomBacklog(*row))
        return found

    async def save(
        self, endpoint: UUID, owner: str, changes: Changes, attempts: Sequence[Attempt], dead: Sequence[DeadLetter]
    ) -> None:
        async with borrow(self._pool) as connection, connection.transaction():
            if await connection.fetchrow(_CHECK_LEASE, endpoint, owner) is None:
                raise LeaseLost("it is delivered to by another process, or disabled")
            if changes.cursors:
                await connection.execute(_CURSORS, endpoint, list(changes.cursors), list(changes.cursors.values()))
            for one in changes.backlogs:
                await connection.execute(
                    _SAVE_BACKLOG, endpoint, one.id, one.room_uid, one.p, one.after, one.to, one.attempts,
                    _microseconds(one.since_s), _microseconds(one.due_s), one.error,
                )  # fmt: skip
            if changes.ended:
                await connection.execute(_END_BACKLOGS, endpoint, list(changes.ended))
            for one in dead:
                columns = (one.room_uid, one.first, one.last, one.at, one.error)
                await connection.execute(_ADD_DEAD_LETTER, endpoint, *columns)
            if attempts:
                await _add_attempts(connection, endpoint, attempts)

    async def disable(self, endpoint: UUID, reason: str) -> None:
        await self._execute(_ENABLE, endpoint, False, reason)

    async def purge_deliveries(self, before_us: int, per_endpoint: int, at_most: int) -> None:
        async with borrow(self._pool) as connection:
            await connection.execute(_PURGE_OLD, before_us, at_most)
            await connection.execute(_PURGE_SURPLUS, per_endpoint)

    async def _endpoints(self, rows: Sequence[Any]) -> tuple[Endpoint, ...]:
        """Returns the endpoints of rows with `_COLUMNS`, with their secrets."""
        secrets: dict[UUID, list[SecretRef]] = {row["id"]: [] for row in rows}
        for id_, sealed, until_s in await self._fetch(_SECRETS, list(secrets)) if secrets else ():
            secrets[id_].append(SecretRef(self._key.open(_context(id_), sealed).decode(), until_s))
        return tuple(
            Endpoint(id_, app, url, tuple(rooms), tuple(types), audit, format_, tuple(secrets[id_]))
            for id_, app, url, rooms, types, audit, format_ in rows
        )


def _context(endpoint: UUID) -> str:
    """Returns what a sealed secret is bound to."""
    return f"webhook/{endpoint}"


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * MICROSECONDS)


async def _add_attempts(connection: Any, endpoint: UUID, attempts: Sequence[Attempt]) -> int:
    """Adds rows to the delivery log and returns the last one's number."""
    rows = [(a.webhook_id, a.type, a.at, a.number, a.answer.status, a.answer.took_ms, a.answer.error) for a in attempts]
    written = await connection.fetch(_ADD_ATTEMPTS, endpoint, *map(list, zip(*rows, strict=True)))
    return written[-1]["number"]
