"""`People` in memory. Text is sealed with real AES-256-GCM, so that a test sees what the record would hold."""

import os
from collections.abc import Callable
from uuid import UUID

from parlour.contracts.sealed_text import parse_sealed
from parlour.runtime.postgres.keys import KEY_BYTES, PersonKey


class MemoryUserKeyStore:
    """See `parlour.kernel.sealing.UserKeyStore`. As with the real one, a key must have been loaded before it is used."""

    def __init__(self, draw: Callable[[int], bytes] = os.urandom) -> None:
        self._draw = draw
        self._actors: dict[tuple[int, str], str] = {}
        self._keys: dict[str, PersonKey] = {}
        self._loaded: set[str] = set()
        self.erasures = 0

    async def actor(self, app: int, user_id: str) -> str:
        """The person's id, made at the first call."""
        known = self._actors.get((app, user_id))
        if known is not None:
            return known
        actor = self._actors[app, user_id] = str(UUID(bytes=self._draw(16), version=4))
        self._keys[actor] = PersonKey(self._draw(KEY_BYTES), self._draw)
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
        return self._keys[actor].seal(actor, context, text)

    def open(self, context: str, sealed: str) -> str | None:
        """The text, None if the person is erased; LookupError if nobody loaded the key."""
        parts = parse_sealed(sealed)
        key = self._key(parts.actor)
        return None if key is None else key.open(context, parts)

    def salt(self, context: str, sealed: str) -> bytes | None:
        """What discloses the text, empty if it has no commitment, None if the person is erased; LookupError if nobody loaded the key."""
        parts = parse_sealed(sealed)
        key = self._key(parts.actor)
        return None if key is None else key.salt(context, parts)

    def _key(self, actor: str) -> PersonKey | None:
        if actor not in self._loaded:
            raise LookupError(f"the key of {actor} is not loaded")
        return self._keys.get(actor)

    async def erase(self, app: int, user_id: str) -> str | None:
        """Deletes the person's key; the id that they had."""
        actor = self._actors.pop((app, user_id), None)
        if actor is not None:
            del self._keys[actor]
            self.erasures += 1
        return actor
