"""The keys that sign checkpoints, sealed in Postgres under a key derived from the master key."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parlour.contracts.proofs import CheckpointKey
from parlour.runtime.postgres.pool import Pool, borrow
from parlour.runtime.postgres.sealed import open_bytes, seal_bytes
from parlour.runtime.signing.notes import PublicKey, SigningKey
from parlour.runtime.telemetry.logging import logger

OVERLAP_S = 86_400
"""How long a key signs beside its successor: time for readers to fetch the new one."""
SHARED_ORIGIN = "parlour.local/record"
"""The name that every installation once had; checkpoints of two installations could be told apart by their keys alone."""
INSTALLATION_BYTES = 8
_KEYS = "SELECT public, name, sealed, made_at, retired_at FROM parlour.checkpoint_key ORDER BY made_at DESC"
_ADD = "SELECT parlour.add_checkpoint_key($1, $2, $3, $4, $5)"

log = logger(__name__)


class Keyring:
    """The keys and their name, which is the origin of checkpoints. Methods may raise `LogUnavailable`.

    `name` is what the operator set; empty: an installation draws a name of its own with its first key and keeps it.
    """

    def __init__(self, pool: Pool, master_key: bytes, name: str) -> None:
        self._pool = pool
        self._cipher = AESGCM(hmac.digest(master_key, b"parlour.record.checkpoints", hashlib.sha256))
        self._name = name

    async def signing(self) -> tuple[SigningKey, ...]:
        """The keys that sign now, the newest first; the first one ever is made here, as is one in the place of keys that are locked."""
        rows = await self._rows()
        now = time.time_ns() // 1000
        found = [key for row in rows if not 0 < row["retired_at"] <= now and (key := self._opened(row))]
        name = self._name_after(rows)
        if found and found[0].public.name == name:
            return tuple(found)
        return (await self._make(name), *found)

    async def own(self) -> tuple[PublicKey, ...]:
        """The public halves of every key whose private half opens under the master key, retired ones too: nobody else can have put
        one there."""
        return tuple(key.public for row in await self._rows() if (key := self._opened(row, quietly=True)))

    async def rotate(self) -> SigningKey:
        """A new key."""
        return await self._make(self._name_after(await self._rows()))

    def _name_after(self, rows: Sequence[Any]) -> str:
        """What the next key is called: as set, or as the newest one, whose name is the installation's own."""
        newest = rows[0]["name"] if rows else SHARED_ORIGIN
        if self._name or newest != SHARED_ORIGIN:
            return self._name or newest
        return f"parlour.local/{secrets.token_hex(INSTALLATION_BYTES)}/record"

    async def _rows(self) -> Sequence[Any]:
        async with borrow(self._pool) as connection:
            return await connection.fetch(_KEYS)

    def _opened(self, row: Any, *, quietly: bool = False) -> SigningKey | None:
        try:
            raw = open_bytes(self._cipher, _place(row["public"]), row["sealed"])
        except ValueError:
            if not quietly:
                log.error("checkpoint_key_locked", name=row["name"], public=row["public"].hex())
            return None
        return SigningKey(row["name"], Ed25519PrivateKey.from_private_bytes(raw))

    async def _make(self, name: str) -> SigningKey:
        private = Ed25519PrivateKey.generate()
        made = SigningKey(name, private)
        sealed = seal_bytes(self._cipher, _place(made.public.raw), private.private_bytes_raw())
        now = time.time_ns() // 1000
        async with borrow(self._pool) as connection:
            await connection.execute(_ADD, made.public.raw, name, sealed, now, OVERLAP_S * 1_000_000)
        log.info("checkpoint_key_made", key=str(made.public))
        return made

    async def public(self) -> tuple[PublicKey, ...]:
        """The same, for verifying."""
        return tuple(PublicKey(row["name"], row["public"]) for row in await self._rows())

    async def published(self) -> tuple[CheckpointKey, ...]:
        """Every key ever, the newest first."""
        return tuple(
            CheckpointKey(str(PublicKey(row["name"], row["public"])), row["made_at"], row["retired_at"])
            for row in await self._rows()
        )


def _place(public: bytes) -> str:
    return f"checkpoint/{public.hex()}"
