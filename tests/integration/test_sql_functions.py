"""Each SQL function that runs is the one in its file, each has a file, and PUBLIC may execute none."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from parlour.cli.supervise.checkout import MIGRATIONS

FUNCTIONS = MIGRATIONS / "sql" / "functions"
_DEFINITIONS = """
SELECT n.nspname || '.' || p.proname AS name, string_agg(pg_get_functiondef(p.oid), '' ORDER BY p.oid) AS definition
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('parlour', 'history') GROUP BY 1"""


@pytest.fixture
async def database(postgres: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


async def definitions(database: asyncpg.Connection) -> dict[str, str]:
    """What Postgres says of every function in our schemas."""
    return {row["name"]: row["definition"] for row in await database.fetch(_DEFINITIONS)}


async def differences(database: asyncpg.Connection) -> list[str]:
    """Functions that are not what their files say. Each file is loaded again, with its body checked: where it is what runs, all of
    Postgres's definitions stay as they are."""
    found: list[str] = []
    running = await definitions(database)
    files = {f"{'history' if f.parent.name == 'history' else 'parlour'}.{f.stem}": f for f in FUNCTIONS.rglob("*.sql")}
    found += [f"{name} has no file" for name in sorted(running.keys() - files.keys())]
    for name, file in sorted(files.items()):
        transaction = database.transaction()
        await transaction.start()
        try:
            await database.execute(file.read_text())
            loaded = await definitions(database)
        except asyncpg.PostgresError as error:
            found.append(f"{name} can't be loaded again: {error}")
        else:
            found += [f"{one} is not as in {file.name}" for one in sorted(loaded) if loaded[one] != running.get(one)]
        await transaction.rollback()
    return found


async def test_what_runs_is_what_the_files_say(database: asyncpg.Connection) -> None:
    assert await differences(database) == []


@pytest.mark.parametrize(
    ("change", "back", "found"),
    [
        (
            "CREATE FUNCTION parlour.extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "DROP FUNCTION parlour.extra",
            "parlour.extra has no file",
        ),
        (
            "ALTER FUNCTION parlour.append SET work_mem = '1MB'",
            "ALTER FUNCTION parlour.append RESET work_mem",
            "parlour.append is not as in append.sql",
        ),
        (
            "ALTER FUNCTION parlour.verify SECURITY INVOKER",
            "ALTER FUNCTION parlour.verify SECURITY DEFINER",
            "parlour.verify is not as in verify.sql",
        ),
        (
            "ALTER FUNCTION parlour.due RENAME TO later",
            "ALTER FUNCTION parlour.later RENAME TO due",
            "parlour.due is not as in due.sql",
        ),
    ],
)
async def test_a_function_that_was_changed_is_named(
    database: asyncpg.Connection, change: str, back: str, found: str
) -> None:
    await database.execute(change)
    try:
        assert found in await differences(database)
    finally:
        await database.execute(back)


async def test_no_function_is_for_everybody(database: asyncpg.Connection) -> None:
    question = """
    SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace IN ('parlour'::regnamespace, 'history'::regnamespace)
       AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))"""
    assert [row[0] for row in await database.fetch(question)] == []
