"""Which keys sign checkpoints, when one is made, and what it is called."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.record.app.proofs.keys import OVERLAP_US, SHARED_ORIGIN, CheckpointKeys, StoredKey
from parlour.verify.notes import SigningKey

OURS = "rooms.example/record"


class Clock:
    """Shows the time that a test sets."""

    now = 1_000_000

    def at(self) -> int:
        return self.now


class Store:
    """Keys in memory; the private half of a locked one does not open."""

    def __init__(self) -> None:
        self.made: list[StoredKey] = []

    async def keys(self) -> Sequence[StoredKey]:
        return self.made

    async def make(self, name: str, now_us: int, overlap_us: int) -> SigningKey:
        key = SigningKey(name, Ed25519PrivateKey.generate())
        retired = [StoredKey(k.public, k.signing, k.made_at, k.retired_at or now_us + overlap_us) for k in self.made]
        self.made = [StoredKey(key.public, key, now_us, 0), *retired]
        return key

    def lock(self) -> None:
        self.made = [StoredKey(key.public, None, key.made_at, key.retired_at) for key in self.made]


@pytest.fixture
def store() -> Store:
    return Store()


def keys(store: Store, name: str, clock: Clock) -> CheckpointKeys:
    return CheckpointKeys(store, name, clock, lambda count: bytes(range(count)))


async def test_the_first_key_is_made_once(store: Store) -> None:
    ring = keys(store, OURS, Clock())
    (first,) = await ring.signing_keys()
    assert first.public.name == OURS
    assert await ring.signing_keys() == (first,)


async def test_the_key_before_signs_until_its_overlap_ends(store: Store) -> None:
    clock = Clock()
    ring = keys(store, OURS, clock)
    (old,) = await ring.signing_keys()
    new = await ring.rotate()
    clock.now += OVERLAP_US - 1
    assert await ring.signing_keys() == (new, old)
    clock.now += 1
    assert await ring.signing_keys() == (new,)
    assert await ring.own_keys() == await ring.public_keys() == (new.public, old.public)


async def test_a_key_that_no_longer_opens_is_replaced_and_not_our_own(store: Store) -> None:
    ring = keys(store, OURS, Clock())
    (locked,) = await ring.signing_keys()
    store.lock()
    (made,) = await ring.signing_keys()
    assert made.public != locked.public
    assert await ring.own_keys() == (made.public,)
    assert await ring.public_keys() == (made.public, locked.public)


async def test_another_name_takes_a_new_key_beside_the_old_one(store: Store) -> None:
    (old,) = await keys(store, OURS, Clock()).signing_keys()
    new, still = await keys(store, "other.example/record", Clock()).signing_keys()
    assert (new.public.name, still) == ("other.example/record", old)


async def test_an_installation_without_a_name_draws_one_and_keeps_it(store: Store) -> None:
    (first,) = await keys(store, "", Clock()).signing_keys()
    assert first.public.name == "parlour.local/0001020304050607/record"
    assert (await keys(store, "", Clock()).rotate()).public.name == first.public.name


async def test_the_name_that_all_installations_shared_is_left(store: Store) -> None:
    await store.make(SHARED_ORIGIN, 0, OVERLAP_US)
    assert (await keys(store, "", Clock()).signing_keys())[0].public.name != SHARED_ORIGIN
