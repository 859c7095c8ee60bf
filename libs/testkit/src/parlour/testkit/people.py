"""`People` in memory. Text is sealed with real AES-256-GCM, so that a test sees what the record would hold."""

import base64
import os
from collections.abc import Callable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_BYTES = 32


class MemoryPeople:
    """See `parlour.kernel.sealing.People`. As with the real one, a key must have been loaded before it is used."""

    def __init__(self, draw: Callable[[int], bytes] = os.urandom) -> None:
        self._draw = draw
        self._actors: dict[tuple[int, str], str] = {}
        self._keys: dict[str, AESGCM] = {}
        self._loaded: set[str] = set()
        self.erasures = 0

    async def actor(self, app: int, user_id: str) -> str:
        """The person's id, made at the first call."""
        known = self._actors.get((app, user_id))
        if known is not None:
            return known
        actor = self._actors[app, user_id] = str(UUID(bytes=self._draw(16), version=4))
        self._keys[actor] = AESGCM(self._draw(_KEY_BYTES))
        self._loaded.add(actor)
        return actor

    async def known(self, app: int, user_id: str) -> str | None:
        """The person's id if there is one."""
        return self._actors.get((app, user_id))

    async def user_ids(self, actors: frozenset[str]) -> dict[str, str]:
        """The user ids of those that are not erased."""
        return {actor: user_id for (_, user_id), actor in self._actors.items() if actor in actors}

    async def load(self, actors: frozenset[str]) -> None:
        """Marks the keys as usable."""
        self._loaded |= actors

    def seal(self, actor: str, context: str, text: str) -> str:
        """Sealed text; LookupError if the key was not loaded or the person is erased."""
        if actor not in self._loaded or actor not in self._keys:
            raise LookupError(f"no key for {actor}")
        nonce = self._draw(_NONCE_BYTES)
        sealed = self._keys[actor].encrypt(nonce, text.encode(), f"{actor}|{context}".encode())
        return f"{actor}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, context: str, sealed: str) -> str | None:
        """The text, None if the person is erased; LookupError if nobody loaded the key."""
        actor, colon, packed = sealed.partition(":")
        if not colon:
            raise ValueError("sealed text names no actor")
        if actor not in self._loaded:
            raise LookupError(f"the key of {actor} is not loaded")
        if actor not in self._keys:
            return None
        try:
            data = base64.b64decode(packed, validate=True)
            return (
                self._keys[actor]
                .decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], f"{actor}|{context}".encode())
                .decode()
            )
        except (InvalidTag, ValueError) as error:
            raise ValueError(f"this was not sealed for {actor}|{context}") from error

    async def erase(self, app: int, user_id: str) -> str | None:
        """Deletes the person's key; the id that they had."""
        actor = self._actors.pop((app, user_id), None)
        if actor is not None:
            del self._keys[actor]
            self.erasures += 1
        return actor
