"""Keys of people in memory: what was loaded can be used, however near its end it was."""

import asyncio
from pathlib import Path
from uuid import uuid4

from parlour.runtime.postgres import PostgresUserKeyStore, create_pool
from parlour.runtime.postgres.user_keys import CACHED_FOR_S, LOADED_FOR_S

VACUUMED_WITHIN_S = 60.0
"""A launcher that looks every second, on a busy machine."""
CONTEXT = "im.barrage_sent.v1/text"


async def test_a_loaded_key_opens_a_page_though_it_grows_old_meanwhile(postgres: str) -> None:
    now = [0.0]
    async with await create_pool(postgres, name="keys") as pool:
        people = PostgresUserKeyStore(pool, bytes(range(32)), lambda: now[0])
        actor = await people.actor(1, f"u{uuid4()}")
        await people.load(frozenset({actor}))
        sealed = people.seal(actor, CONTEXT, "hello")
        now[0] = CACHED_FOR_S - 0.001
        await people.load(frozenset({actor}))
        now[0] += LOADED_FOR_S / 2
        assert people.open(CONTEXT, sealed) == "hello"
        assert people.open(CONTEXT, people.seal(actor, CONTEXT, "and on")) == "and on"


async def test_a_deleted_key_leaves_the_table_s_file_by_itself(postgres: str) -> None:
    """Without anybody's vacuum, with few people and one erasure. People who came later stand in the same page."""
    async with await create_pool(postgres, name="keys") as pool:
        people = PostgresUserKeyStore(pool, bytes(range(32)))
        user = f"u{uuid4()}"
        actor = await people.actor(1, user)
        for _ in range(3):
            await people.actor(1, f"u{uuid4()}")
        key = await pool.fetchval("SELECT wrapped_key FROM parlour.person WHERE actor::text = $1", actor)
        file = Path(await pool.fetchval("SHOW data_directory"))
        file /= await pool.fetchval("SELECT pg_relation_filepath('parlour.person')")
        await pool.execute("CHECKPOINT")
        assert key in await asyncio.to_thread(file.read_bytes)
        await pool.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        await pool.execute("SELECT pg_reload_conf()")
        assert await people.erase(1, user) == actor
        async with asyncio.timeout(VACUUMED_WITHIN_S):
            while key in await asyncio.to_thread(file.read_bytes):
                await asyncio.sleep(0.2)
                await pool.execute("CHECKPOINT")
        await pool.execute("ALTER SYSTEM RESET autovacuum_naptime")
        await pool.execute("SELECT pg_reload_conf()")
