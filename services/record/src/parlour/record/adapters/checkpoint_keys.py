"""Keys of checkpoints in Postgres, their private halves sealed under a key derived from the master key."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.record.app.proofs.keys import StoredKey
from parlour.runtime.postgres.keys import SealingKey
from parlour.runtime.postgres.pool import Pool, PostgresStore
from parlour.verify.notes import PublicKey, SigningKey

_KEYS = "SELECT public, name, sealed, made_at, retired_at FROM parlour.checkpoint_key ORDER BY made_at DESC"
_ADD = "SELECT parlour.add_checkpoint_key($1, $2, $3, $4, $5)"


class PostgresKeyStore(PostgresStore):
    """Implements `app.proofs.keys.KeyStore` in Postgres."""

    def __init__(self, pool: Pool, master_key: bytes) -> None:
        super().__init__(pool)
        self._key = SealingKey(master_key, b"parlour.record.checkpoints")

    async def keys(self) -> Sequence[StoredKey]:
        rows = await self._fetch(_KEYS)
        return [
            StoredKey(
                PublicKey(row["name"], row["public"]), self._open(row["name"], row["public"], row["sealed"]),
                row["made_at"], row["retired_at"],
            )
            for row in rows
        ]  # fmt: skip

    def _open(self, name: str, public: bytes, sealed: bytes) -> SigningKey | None:
        try:
            raw = self._key.open(_context(public), sealed)
        except ValueError:
            return None
        return SigningKey(name, Ed25519PrivateKey.from_private_bytes(raw))

    async def make(self, name: str, now_us: int, overlap_us: int) -> SigningKey:
        private = Ed25519PrivateKey.generate()
        made = SigningKey(name, private)
        sealed = self._key.seal(_context(made.public.raw), private.private_bytes_raw())
        await self._execute(_ADD, made.public.raw, name, sealed, now_us, overlap_us)
        return made


def _context(public: bytes) -> str:
    """Returns what a sealed private key is bound to."""
    return f"checkpoint/{public.hex()}"
