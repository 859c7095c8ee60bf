"""`python -m parlour.cli.migrate`: brings the schema up to date and lets each service's role log in; what compose and clusters run first.

Reads the owner's `PARLOUR_POSTGRES_DSN`, and for each service with a role of its own `PARLOUR_POSTGRES_PASSWORD_<SERVICE>`; a role whose
password is not given stays as it is. Each may stand in a file that `<variable>_FILE` names. Waits for Postgres for
`PARLOUR_START_TIMEOUT_S`, as services do; exit code 1 where the database is not there then, 2 where a variable is missing or invalid.
"""

import asyncio
import os
import sys
from collections.abc import Mapping

import asyncpg

from parlour.kernel.log import LogUnavailable
from parlour.runtime.postgres.migrate import ROLES, set_passwords, upgrade
from parlour.runtime.postgres.pool import CONNECT_TIMEOUT_S, unavailable
from parlour.runtime.secret_files import read_secret
from parlour.runtime.settings import BadSettings, BusSettings, load
from parlour.runtime.startup import STARTING

from .supervise.checkout import MIGRATIONS
from .supervise.plan import POSTGRES_VARIABLE


def passwords(environ: Mapping[str, str]) -> dict[str, str]:
    """The passwords that the environment gives, by service. ValueError where a file does not give one."""
    named = {service: read_secret(f"PARLOUR_POSTGRES_PASSWORD_{service.upper()}", environ) for service in ROLES}
    return {service: password for service, password in named.items() if password}


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Migrates the database and returns the exit code."""
    try:
        dsn, roles = read_secret(POSTGRES_VARIABLE, environ), passwords(environ)
        within_s = load(BusSettings, environ).start_timeout_s
    except (ValueError, BadSettings) as error:
        sys.stderr.write(f"migrate: {error}\n")
        return 2
    if not dsn:
        sys.stderr.write(f"migrate: {POSTGRES_VARIABLE} is not set; it names the database as its owner\n")
        return 2
    try:
        asyncio.run(_await_database(dsn, within_s))
        upgrade(dsn, MIGRATIONS)
        asyncio.run(set_passwords(dsn, roles))
    except (OSError, LogUnavailable, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError) as error:
        sys.stderr.write(f"migrate: the database can't be reached: {type(error).__name__}: {error}\n")
        return 1
    return 0


async def _await_database(dsn: str, within_s: float) -> None:
    """Returns when the database lets its owner in. `LogUnavailable` if it does not in that time."""
    told = False

    async def attempt() -> None:
        nonlocal told
        try:
            async with unavailable():
                connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
                await connection.close()
        except LogUnavailable as error:
            if not told:
                sys.stderr.write(f"migrate: waiting for the database: {error}\n")
                told = True
            raise

    await STARTING.retry(attempt, LogUnavailable, within_s)


if __name__ == "__main__":
    sys.exit(main())
