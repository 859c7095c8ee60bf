"""Keys of people in memory: what was loaded can be used, however near its end it was."""

from uuid import uuid4

from parlour.runtime.postgres import PostgresPeople, create_pool
from parlour.runtime.postgres.people import KEPT_FOR_S, LOADED_FOR_S

CONTEXT = "im.barrage_sent.v1/text"


async def test_a_loaded_key_opens_a_page_though_it_grows_old_meanwhile(postgres: str) -> None:
    now = [0.0]
    async with await create_pool(postgres, name="keys") as pool:
        people = PostgresPeople(pool, bytes(range(32)), lambda: now[0])
        actor = await people.actor(1, f"u{uuid4()}")
        await people.load(frozenset({actor}))
        sealed = people.seal(actor, CONTEXT, "hello")
        now[0] = KEPT_FOR_S - 0.001
        await people.load(frozenset({actor}))
        now[0] += LOADED_FOR_S / 2
        assert people.open(CONTEXT, sealed) == "hello"
        assert people.open(CONTEXT, people.seal(actor, CONTEXT, "and on")) == "and on"
