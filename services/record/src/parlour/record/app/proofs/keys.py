"""Policy of the keys that sign checkpoints: their name, when one is made, and how long two sign side by side.

The keys' name is the origin of the checkpoints. The operator sets it; otherwise an installation draws a name with its first key and keeps
it, so that the checkpoints of two installations are never mistaken for each other's.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from parlour.contracts.proofs import CheckpointKey
from parlour.kernel.decider import Clock
from parlour.runtime.telemetry.logging import logger
from parlour.verify.notes import PublicKey, SigningKey

OVERLAP_US = 86_400_000_000
"""How long a key signs beside its successor: time for readers to fetch the new one."""
SHARED_ORIGIN = "parlour.local/record"
"""The default name of every installation before each drew its own; it is replaced at the next new key."""
ORIGIN_BYTES = 8

log = logger(__name__)


class StoredKey(msgspec.Struct, frozen=True):
    """A key; `signing` is None if its private half does not open under the master key. Times unix µs; `retired_at` 0: never."""

    public: PublicKey
    signing: SigningKey | None
    made_at: int
    retired_at: int


class KeyStore(Protocol):
    """Stores keys, the private halves sealed. Methods may raise `LogUnavailable`."""

    def keys(self) -> Awaitable[Sequence[StoredKey]]:
        """Returns all keys, the newest first."""
        ...

    def make(self, name: str, now_us: int, overlap_us: int) -> Awaitable[SigningKey]:
        """Generates and stores a key; the others retire `overlap_us` after `now_us`."""
        ...


class CheckpointKeys:
    """Decides which keys sign and verify. Methods may raise `LogUnavailable`."""

    def __init__(self, store: KeyStore, name: str, clock: Clock, draw: Callable[[int], bytes]) -> None:
        self._store = store
        self._name = name
        """What the operator set; empty: the installation's own."""
        self._clock = clock
        self._draw = draw
        """Returns so many random bytes."""

    async def signing_keys(self) -> tuple[SigningKey, ...]:
        """Returns the keys that sign a checkpoint now, the newest first.

        Makes one if there is none yet, if the newest has another name than set, or if none opens under the master key.
        """
        keys, now_us = await self._store.keys(), self._clock.at()
        active = [key for key in keys if not 0 < key.retired_at <= now_us]
        for key in active:
            if key.signing is None:
                log.error("checkpoint_key_locked", name=key.public.name, public=key.public.raw.hex())
        signing = [key.signing for key in active if key.signing is not None]
        name = self._name_after(keys)
        if signing and signing[0].public.name == name:
            return tuple(signing)
        return (await self._make(name), *signing)

    async def rotate(self) -> SigningKey:
        """Makes a new key; the ones before it sign for a day more."""
        return await self._make(self._name_after(await self._store.keys()))

    async def own_keys(self) -> tuple[PublicKey, ...]:
        """Returns every key, retired ones too, whose private half opens: nobody without the master key can have stored one."""
        return tuple(key.public for key in await self._store.keys() if key.signing is not None)

    async def public_keys(self) -> tuple[PublicKey, ...]:
        """Returns every key ever made, for verifying old exports."""
        return tuple(key.public for key in await self._store.keys())

    async def published_keys(self) -> tuple[CheckpointKey, ...]:
        """Returns every key ever made as clients get it, the newest first."""
        return tuple(CheckpointKey(str(key.public), key.made_at, key.retired_at) for key in await self._store.keys())

    def _name_after(self, keys: Sequence[StoredKey]) -> str:
        newest = keys[0].public.name if keys else SHARED_ORIGIN
        if self._name or newest != SHARED_ORIGIN:
            return self._name or newest
        return f"parlour.local/{self._draw(ORIGIN_BYTES).hex()}/record"

    async def _make(self, name: str) -> SigningKey:
        made = await self._store.make(name, self._clock.at(), OVERLAP_US)
        log.info("checkpoint_key_made", key=str(made.public))
        return made
