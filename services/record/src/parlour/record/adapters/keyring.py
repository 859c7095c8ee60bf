"""The keys that sign checkpoints, sealed in Postgres under a key derived from the master key."""

import hashlib
import hmac
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parlour.contracts.proofs import CheckpointKey
from parlour.runtime.postgres.pool import Pool, borrow
from parlour.runtime.postgres.sealed import open_bytes, seal_bytes
from parlour.runtime.signing.notes import PublicKey, SigningKey
from parlour.runtime.telemetry.logging import logger

OVERLAP_S = 86_400
"""How long a key signs beside its successor: time for readers to fetch the new one."""
_KEYS = "SELECT public, name, sealed, made_at, retired_at FROM parlour.checkpoint_key ORDER BY made_at DESC"
_ADD = "SELECT parlour.add_checkpoint_key($1, $2, $3, $4, $5)"

log = logger(__name__)


class Keyring:
    """Methods may raise `LogUnavailable`."""

    def __init__(self, pool: Pool, master_key: bytes, name: str) -> None:
        self._pool = pool
        self._cipher = AESGCM(hmac.digest(master_key, b"parlour.record.checkpoints", hashlib.sha256))
        self._name = name

    async def signing(self) -> tuple[SigningKey, ...]:
        """The keys that sign now, the newest first; the first one ever is made here, as is one in the place of keys that are locked."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_KEYS)
        now = time.time_ns() // 1000
        found: list[SigningKey] = []
        for row in rows:
            if row["retired_at"] and row["retired_at"] <= now:
                continue
            try:
                raw = open_bytes(self._cipher, _place(row["public"]), row["sealed"])
            except ValueError:
                log.error("checkpoint_key_locked", name=row["name"], public=row["public"].hex())
                continue
            found.append(SigningKey(row["name"], Ed25519PrivateKey.from_private_bytes(raw)))
        if found and found[0].public.name == self._name:
            return tuple(found)
        return (await self.rotate(), *found)

    async def rotate(self) -> SigningKey:
        """A new key."""
        private = Ed25519PrivateKey.generate()
        made = SigningKey(self._name, private)
        sealed = seal_bytes(self._cipher, _place(made.public.raw), private.private_bytes_raw())
        now = time.time_ns() // 1000
        async with borrow(self._pool) as connection:
            await connection.execute(_ADD, made.public.raw, self._name, sealed, now, OVERLAP_S * 1_000_000)
        log.info("checkpoint_key_made", key=str(made.public))
        return made

    async def public(self) -> tuple[PublicKey, ...]:
        """The same, for verifying."""
        async with borrow(self._pool) as connection:
            return tuple([PublicKey(row["name"], row["public"]) for row in await connection.fetch(_KEYS)])

    async def published(self) -> tuple[CheckpointKey, ...]:
        """Every key ever, the newest first."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_KEYS)
        return tuple(
            CheckpointKey(str(PublicKey(row["name"], row["public"])), row["made_at"], row["retired_at"]) for row in rows
        )


def _place(public: bytes) -> str:
    return f"checkpoint/{public.hex()}"
