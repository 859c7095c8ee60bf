"""Where deliveries stand, in Postgres: leases, cursors, lanes, and the log of attempts. See `app.webhooks.ports.Store`."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parlour.record.app.webhooks.ports import Attempt, DeadLetter, LeaseLost
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.record.domain.webhooks.progress import Changes, RoomBacklog
from parlour.record.domain.webhooks.signing import SecretRef
from parlour.runtime.postgres.pool import Pool, borrow
from parlour.runtime.postgres.sealed import open_bytes, seal_bytes

COLUMNS = "w.id, w.app, w.url, w.rooms, w.types, w.audit, w.format"
_SECRETS = "SELECT endpoint, sealed, until_s FROM parlour.webhook_secret WHERE endpoint = ANY ($1) ORDER BY endpoint, number DESC"
_HOLD = f"""
WITH free AS MATERIALIZED (
    SELECT f.id FROM parlour.webhook f WHERE f.enabled AND f.leased_until <= $2 AND f.owner <> $1
     ORDER BY f.leased_until LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE parlour.webhook w SET owner = $1, leased_until = $2 + $3
 WHERE w.enabled AND (w.owner = $1 OR w.id IN (SELECT free.id FROM free))
RETURNING {COLUMNS}"""
_RELEASE = "UPDATE parlour.webhook SET owner = '', leased_until = 0 WHERE owner = $1"
_MINE = "SELECT FROM parlour.webhook WHERE id = $1 AND owner = $2 AND enabled FOR SHARE"
_CURSORS = """
INSERT INTO parlour.webhook_cursor AS c (endpoint, p, pos) SELECT $1, p, pos FROM unnest($2::smallint[], $3::bigint[]) AS m (p, pos)
ON CONFLICT (endpoint, p) DO UPDATE SET pos = excluded.pos WHERE c.pos < excluded.pos"""
_LANES = "SELECT * FROM parlour.webhook_lane WHERE endpoint = ANY ($1)"
_LANE = """
INSERT INTO parlour.webhook_lane (endpoint, id, room_uid, p, after_seq, to_seq, attempts, since_s, due_s, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (endpoint, id) DO UPDATE SET after_seq = excluded.after_seq, attempts = excluded.attempts, since_s = excluded.since_s,
    due_s = excluded.due_s, error = excluded.error"""
_ENDED = "DELETE FROM parlour.webhook_lane WHERE endpoint = $1 AND id = ANY ($2)"
ATTEMPT = """
INSERT INTO parlour.webhook_delivery (endpoint, webhook_id, type, at, attempt, status, took_ms, error)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::int[], $6::int[], $7::int[], $8::text[]) RETURNING number"""
_DEAD = """
INSERT INTO parlour.webhook_dead (endpoint, room_uid, first_seq, last_seq, at, error) VALUES ($1, $2, $3, $4, $5, $6)"""
_DISABLE = "UPDATE parlour.webhook SET enabled = false, reason = $2, owner = '', leased_until = 0 WHERE id = $1"
_FORGET = """
WITH old AS MATERIALIZED (SELECT d.number FROM parlour.webhook_delivery d WHERE d.at < $1 LIMIT $2)
DELETE FROM parlour.webhook_delivery d USING old WHERE d.number = old.number"""
_SURPLUS = """
DELETE FROM parlour.webhook_delivery d USING (
    SELECT w.id, (SELECT x.number FROM parlour.webhook_delivery x WHERE x.endpoint = w.id ORDER BY x.number DESC OFFSET $1 LIMIT 1) AS last
      FROM parlour.webhook w
) s WHERE d.endpoint = s.id AND d.number <= s.last"""


class SecretVault:
    """Seals endpoints' secrets under a key derived from the master key, bound to their endpoint."""

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(master_key, b"parlour.record.webhooks", hashlib.sha256))

    def seal(self, endpoint: UUID, secret: str) -> bytes:
        """The bytes to store."""
        return seal_bytes(self._cipher, f"webhook/{endpoint}", secret.encode())

    def open(self, endpoint: UUID, sealed: bytes) -> str:
        """The secret; ValueError under another master key."""
        return open_bytes(self._cipher, f"webhook/{endpoint}", sealed).decode()


async def endpoints_of(connection: Any, vault: SecretVault, rows: Sequence[Any]) -> tuple[Endpoint, ...]:
    """Endpoints of rows with `COLUMNS`, with their secrets."""
    found: dict[UUID, list[SecretRef]] = {UUID(int=row["id"].int): [] for row in rows}
    for row in await connection.fetch(_SECRETS, list(found)) if found else ():
        id_ = UUID(int=row["endpoint"].int)
        found[id_].append(SecretRef(vault.open(id_, row["sealed"]), row["until_s"]))
    return tuple(
        Endpoint(
            id_,
            row["app"],
            row["url"],
            tuple(row["rooms"]),
            tuple(row["types"]),
            row["audit"],
            row["format"],
            tuple(secrets),
        )
        for row, (id_, secrets) in zip(rows, found.items(), strict=True)
    )


def lane_of(row: Any) -> RoomBacklog:
    """A stored lane."""
    return RoomBacklog(
        UUID(int=row["id"].int), UUID(int=row["room_uid"].int), row["p"], row["after_seq"], row["to_seq"], row["attempts"],
        row["since_s"], row["due_s"], row["error"],
    )  # fmt: skip


async def note(connection: Any, endpoint: UUID, attempts: Sequence[Attempt]) -> int:
    """Writes rows of the delivery log; the last one's number."""
    rows = [(a.webhook_id, a.type, a.at, a.number, a.answer.status, a.answer.took_ms, a.answer.error) for a in attempts]
    written = await connection.fetch(ATTEMPT, endpoint, *map(list, zip(*rows, strict=True)))
    return written[-1]["number"]


class PostgresDeliveryStore:
    """See `Store`."""

    def __init__(self, pool: Pool, vault: SecretVault) -> None:
        self._pool = pool
        self._vault = vault

    async def hold(self, owner: str, now_us: int, lease_us: int, at_most: int) -> tuple[Endpoint, ...]:
        """See `Store.hold`."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_HOLD, owner, now_us, lease_us, at_most)
            return await endpoints_of(connection, self._vault, rows)

    async def release(self, owner: str) -> None:
        """See `Store.release`."""
        async with borrow(self._pool) as connection:
            await connection.execute(_RELEASE, owner)

    async def progress(self, endpoint: UUID) -> tuple[dict[int, int], tuple[RoomBacklog, ...]]:
        """See `Store.progress`."""
        async with borrow(self._pool) as connection:
            cursors = await connection.fetch("SELECT p, pos FROM parlour.webhook_cursor WHERE endpoint = $1", endpoint)
            lanes = await connection.fetch(_LANES, [endpoint])
        return {row["p"]: row["pos"] for row in cursors}, tuple(lane_of(row) for row in lanes)

    async def ranges(self, endpoints: Sequence[UUID]) -> dict[UUID, list[RoomBacklog]]:
        """See `Store.ranges`."""
        found: dict[UUID, list[RoomBacklog]] = {}
        if not endpoints:
            return found
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(f"{_LANES} AND to_seq IS NOT NULL", list(endpoints))
        for row in rows:
            found.setdefault(UUID(int=row["endpoint"].int), []).append(lane_of(row))
        return found

    async def save(
        self, endpoint: UUID, owner: str, changes: Changes, attempts: Sequence[Attempt], dead: Sequence[DeadLetter]
    ) -> None:
        """See `Store.save`."""
        async with borrow(self._pool) as connection, connection.transaction():
            if await connection.fetchrow(_MINE, endpoint, owner) is None:
                raise LeaseLost("it is delivered to by another process, or disabled")
            if changes.cursors:
                await connection.execute(_CURSORS, endpoint, list(changes.cursors), list(changes.cursors.values()))
            for lane in changes.lanes:
                await connection.execute(
                    _LANE, endpoint, lane.id, lane.room_uid, lane.p, lane.after, lane.to, lane.attempts, lane.since_s,
                    lane.due_s, lane.error,
                )  # fmt: skip
            if changes.ended:
                await connection.execute(_ENDED, endpoint, list(changes.ended))
            for one in dead:
                await connection.execute(_DEAD, endpoint, one.room_uid, one.first, one.last, one.at, one.error)
            if attempts:
                await note(connection, endpoint, attempts)

    async def disable(self, endpoint: UUID, reason: str) -> None:
        """See `Store.disable`."""
        async with borrow(self._pool) as connection:
            await connection.execute(_DISABLE, endpoint, reason)

    async def forget_deliveries(self, before_us: int, kept: int, at_most: int) -> None:
        """Rows of the delivery log older than that, and of each endpoint all but the newest `kept`."""
        async with borrow(self._pool) as connection:
            await connection.execute(_FORGET, before_us, at_most)
            await connection.execute(_SURPLUS, kept)
