"""Endpoints as operators see and change them, in Postgres. See `app.webhooks.desk.Book`."""

from typing import Any
from uuid import UUID, uuid4

from parlour.contracts import webhooks as ask
from parlour.record.app.webhooks.admin import EventRange
from parlour.record.app.webhooks.ports import Attempt
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.runtime.postgres.pool import Pool, borrow

from .webhook_deliveries import COLUMNS, SecretVault, endpoints_of, note

_ADD = """
INSERT INTO parlour.webhook (id, app, url, rooms, types, audit, format, enabled, reason, created_s)
SELECT $1, $2, $3, $4, $5, $6, $7, true, '', $8
 WHERE (SELECT count(*) FROM parlour.webhook w WHERE w.app = $2) < $9 OR EXISTS (SELECT FROM parlour.webhook w WHERE w.id = $1)
ON CONFLICT (id) DO NOTHING RETURNING id"""
_HEADS = """
INSERT INTO parlour.webhook_cursor AS c (endpoint, p, pos) SELECT $1, s.p, s.pos FROM parlour.shard s WHERE s.pos > 0
ON CONFLICT (endpoint, p) DO UPDATE SET pos = greatest(c.pos, excluded.pos)"""
_LIST = f"""
SELECT {COLUMNS}, w.enabled, w.reason, w.created_s,
       (SELECT count(*) FROM parlour.webhook_lane l WHERE l.endpoint = w.id AND l.to_seq IS NULL) AS lagging,
       (SELECT count(*) FROM parlour.webhook_dead d WHERE d.endpoint = w.id) AS dead,
       (SELECT coalesce(sum(s.pos - coalesce(c.pos, 0)), 0)::bigint FROM parlour.shard s
          LEFT JOIN parlour.webhook_cursor c ON c.endpoint = w.id AND c.p = s.p) AS behind
  FROM parlour.webhook w WHERE w.app = $1 AND ($2::uuid IS NULL OR w.id = $2) ORDER BY w.created_s, w.id"""
_ENABLE = """
UPDATE parlour.webhook SET enabled = $2, reason = $3, owner = '', leased_until = 0 WHERE id = $1"""
_ROTATE = """
INSERT INTO parlour.webhook_secret (endpoint, number, sealed)
SELECT $1, max(number) + 1, $2 FROM parlour.webhook_secret WHERE endpoint = $1"""
_OLD = """
UPDATE parlour.webhook_secret SET until_s = $2
 WHERE endpoint = $1 AND until_s IS NULL AND number < (SELECT max(number) FROM parlour.webhook_secret WHERE endpoint = $1)"""
_OLDER = """
DELETE FROM parlour.webhook_secret
 WHERE endpoint = $1 AND number < (SELECT max(number) - 1 FROM parlour.webhook_secret WHERE endpoint = $1)"""
_DELIVERIES = """
SELECT number, webhook_id, type, at, attempt, status, took_ms, error FROM parlour.webhook_delivery
 WHERE endpoint = $1 AND ($2 = 0 OR number < $2) AND NOT ($4 AND status BETWEEN 200 AND 299) ORDER BY number DESC LIMIT $3"""
_DEAD = """
SELECT d.number, l.room, d.room_uid, d.first_seq, d.last_seq, d.at, d.error FROM parlour.webhook_dead d
  JOIN parlour.log l ON l.uid = d.room_uid WHERE d.endpoint = $1 AND d.number > $2 ORDER BY d.number LIMIT $3"""
_HAPPENED = """
SELECT l.uid, l.p, e.first, e.last FROM parlour.log l CROSS JOIN LATERAL (
    SELECT min(x.seq) AS first, max(x.seq) AS last FROM parlour.event x WHERE x.room_uid = l.uid AND x.at >= $2 AND x.at < $3
) e WHERE l.app = $1 AND l.at >= $2 AND l.room <> '' AND e.first IS NOT NULL ORDER BY e.first LIMIT $4"""
_LANE = """
INSERT INTO parlour.webhook_lane (endpoint, id, room_uid, p, after_seq, to_seq)
SELECT $1, m.id, m.room_uid, m.p, m.after_seq, m.to_seq
  FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::bigint[], $6::bigint[]) AS m (id, room_uid, p, after_seq, to_seq)"""
_DEAD_LANES = """
WITH gone AS (DELETE FROM parlour.webhook_dead d WHERE d.endpoint = $1 RETURNING d.room_uid, d.first_seq, d.last_seq)
INSERT INTO parlour.webhook_lane (endpoint, id, room_uid, p, after_seq, to_seq)
SELECT $1, gen_random_uuid(), gone.room_uid, l.p, gone.first_seq - 1, gone.last_seq
  FROM gone JOIN parlour.log l ON l.uid = gone.room_uid RETURNING room_uid"""


class PostgresEndpointRepository:
    """See `Book`."""

    def __init__(self, pool: Pool, vault: SecretVault) -> None:
        self._pool = pool
        self._vault = vault

    async def add(self, endpoint: Endpoint, created_s: int, at_most: int) -> bool:
        """See `Book.add`."""
        sealed = self._vault.seal(endpoint.id, endpoint.secrets[0].text)
        async with borrow(self._pool) as connection, connection.transaction():
            made = await connection.fetchval(
                _ADD, endpoint.id, endpoint.app, endpoint.url, list(endpoint.rooms), list(endpoint.types), endpoint.audit,
                endpoint.format, created_s, at_most,
            )  # fmt: skip
            if made is None:
                return await connection.fetchval("SELECT true FROM parlour.webhook WHERE id = $1", endpoint.id) or False
            await connection.execute(
                "INSERT INTO parlour.webhook_secret (endpoint, number, sealed) VALUES ($1, 1, $2)", endpoint.id, sealed
            )
            await connection.execute(_HEADS, endpoint.id)
        return True

    async def list_all(self, app: int, id_: UUID | None) -> tuple[ask.Webhook, ...]:
        """See `Book.list_all`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_LIST, app, id_)
        return tuple(_webhook(row) for row in rows)

    async def endpoint(self, app: int, id_: UUID) -> Endpoint | None:
        """See `Book.endpoint`."""
        async with borrow(self._pool) as connection:
            question = f"SELECT {COLUMNS} FROM parlour.webhook w WHERE w.app = $1 AND w.id = $2"
            found = await endpoints_of(connection, self._vault, await connection.fetch(question, app, id_))
        return found[0] if found else None

    async def rotate(self, id_: UUID, secret: str, old_until_s: int) -> None:
        """See `Book.rotate`."""
        async with borrow(self._pool) as connection, connection.transaction():
            await connection.execute(_ROTATE, id_, self._vault.seal(id_, secret))
            await connection.execute(_OLD, id_, old_until_s)
            await connection.execute(_OLDER, id_)

    async def enable(self, id_: UUID, enabled: bool, reason: str, from_now: bool) -> None:
        """See `Book.enable`."""
        async with borrow(self._pool) as connection, connection.transaction():
            await connection.execute(_ENABLE, id_, enabled, reason)
            await connection.execute("UPDATE parlour.webhook_lane SET due_s = 0 WHERE endpoint = $1", id_)
            if from_now:
                await connection.execute("DELETE FROM parlour.webhook_lane WHERE endpoint = $1", id_)
                await connection.execute(_HEADS, id_)

    async def remove(self, id_: UUID) -> None:
        """See `Book.remove`."""
        async with borrow(self._pool) as connection:
            await connection.execute("DELETE FROM parlour.webhook WHERE id = $1", id_)

    async def deliveries(self, id_: UUID, before: int, limit: int, failed: bool) -> tuple[ask.Delivery, ...]:
        """See `Book.deliveries`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_DELIVERIES, id_, before, limit, failed)
        return tuple(ask.Delivery(*row) for row in rows)

    async def note(self, id_: UUID, attempt: Attempt) -> int:
        """See `Book.note`."""
        async with borrow(self._pool) as connection:
            return await note(connection, id_, (attempt,))

    async def dead(self, id_: UUID, after: int, limit: int) -> tuple[ask.DeadLetter, ...]:
        """See `Book.dead`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_DEAD, id_, after, limit)
        return tuple(
            ask.DeadLetter(
                r["number"], r["room"], str(r["room_uid"]), r["first_seq"], r["last_seq"], r["at"], r["error"]
            )
            for r in rows
        )

    async def happened(self, app: int, since: int, until: int, at_most: int) -> tuple[EventRange, ...]:
        """See `Book.happened`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_HAPPENED, app, since, until, at_most)
        return tuple(EventRange(UUID(int=row["uid"].int), row["p"], row["first"], row["last"]) for row in rows)

    async def life(self, app: int, room_uid: UUID) -> EventRange | None:
        """See `Book.life`."""
        async with borrow(self._pool) as connection:
            row = await connection.fetchrow("SELECT p, seq FROM parlour.log WHERE uid = $1 AND app = $2", room_uid, app)
        return None if row is None else EventRange(room_uid, row["p"], 1, row["seq"])

    async def redrive(self, id_: UUID, ranges: tuple[EventRange, ...]) -> None:
        """See `Book.redrive`."""
        columns = [
            [uuid4() for _ in ranges], [one.room_uid for one in ranges], [one.p for one in ranges],
            [one.first - 1 for one in ranges], [one.last for one in ranges],
        ]  # fmt: skip
        async with borrow(self._pool) as connection:
            await connection.execute(_LANE, id_, *columns)

    async def redrive_dead(self, id_: UUID) -> int:
        """See `Book.redrive_dead`."""
        async with borrow(self._pool) as connection:
            return len({row["room_uid"] for row in await connection.fetch(_DEAD_LANES, id_)})


def _webhook(row: Any) -> ask.Webhook:
    return ask.Webhook(
        str(row["id"]), row["app"], row["url"], tuple(row["rooms"]), tuple(row["types"]), row["audit"], row["format"],
        row["enabled"], row["reason"], row["created_s"], lagging=row["lagging"], dead=row["dead"], behind=row["behind"],
    )  # fmt: skip
