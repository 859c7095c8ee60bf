"""Seals the secrets of webhook endpoints."""

import hashlib
import hmac
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parlour.runtime.postgres.sealed import open_bytes, seal_bytes


class SecretVault:
    """Seals under a key derived from the master key, each secret bound to its endpoint."""

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(master_key, b"parlour.record.webhooks", hashlib.sha256))

    def seal(self, endpoint: UUID, secret: str) -> bytes:
        """Returns the bytes to store."""
        return seal_bytes(self._cipher, f"webhook/{endpoint}", secret.encode())

    def open(self, endpoint: UUID, sealed: bytes) -> str:
        """Returns the secret; ValueError under another master key."""
        return open_bytes(self._cipher, f"webhook/{endpoint}", sealed).decode()
