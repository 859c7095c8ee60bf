"""Sealing: what is on the record about a person can be read exactly as long as the person's key exists."""

import asyncio
from uuid import uuid4

import pytest

from parlour.runtime.postgres import PostgresUserKeyStore
from parlour.testkit.user_keys import MemoryUserKeyStore

Any_ = MemoryUserKeyStore | PostgresUserKeyStore


async def test_a_person_has_one_id_in_an_app(people: Any_) -> None:
    name = f"bob-{uuid4()}"
    assert await people.known(1, name) is None
    actors = await asyncio.gather(*(people.actor(1, name) for _ in range(8)))
    assert len(set(actors)) == 1
    assert await people.known(1, name) == actors[0]
    assert await people.actor(2, name) != actors[0]
    assert await people.user_ids(frozenset(actors)) == {actors[0]: name}


async def test_sealed_text_opens_in_its_place_only(people: Any_) -> None:
    actor = await people.actor(1, f"u{uuid4()}")
    await people.load(frozenset({actor}))
    sealed = people.seal(actor, "room.user_joined.v1/user_name", "Zoë 😀")
    assert sealed.startswith(f"{actor}:")
    assert "Zoë" not in sealed
    assert people.open("room.user_joined.v1/user_name", sealed) == "Zoë 😀"
    assert people.seal(actor, "room.user_joined.v1/user_name", "Zoë 😀") != sealed
    with pytest.raises(ValueError, match="not sealed for"):
        people.open("room.user_joined.v1/user_id", sealed)
    other = await people.actor(1, f"u{uuid4()}")
    await people.load(frozenset({other}))
    with pytest.raises(ValueError, match="not sealed for"):
        people.open("room.user_joined.v1/user_name", sealed.replace(actor, other))
    with pytest.raises(ValueError, match="no actor"):
        people.open("room.user_joined.v1/user_name", "plain")


async def test_a_key_must_be_loaded(people: Any_) -> None:
    stranger = str(uuid4())
    with pytest.raises(LookupError):
        people.seal(stranger, "c", "x")
    with pytest.raises(LookupError):
        people.open("c", f"{stranger}:AAAA")


async def test_erasure_closes_everything_and_a_return_is_a_new_person(people: Any_) -> None:
    name = f"u{uuid4()}"
    actor = await people.actor(1, name)
    await people.load(frozenset({actor}))
    sealed = people.seal(actor, "c", "secret")
    assert await people.erase(1, name) == actor
    await people.load(frozenset({actor}))
    assert people.open("c", sealed) is None
    assert await people.user_ids(frozenset({actor})) == {}
    assert await people.known(1, name) is None
    assert await people.actor(1, name) != actor
    assert await people.erase(1, f"nobody-{uuid4()}") is None
