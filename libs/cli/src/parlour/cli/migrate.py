"""`python -m parlour.cli.migrate`: brings the schema up to date and lets each service's role log in; what compose and clusters run first.

Reads the owner's `PARLOUR_POSTGRES_DSN`, and for each service with a role of its own `PARLOUR_POSTGRES_PASSWORD_<SERVICE>`; a role whose
password is not given stays as it is. Exit code 1 where the database is not there yet.
"""

import asyncio
import os
import sys
from collections.abc import Mapping

import asyncpg

from parlour.runtime.postgres.migrate import ROLES, set_passwords, upgrade

from .supervise.checkout import MIGRATIONS
from .supervise.plan import POSTGRES_VARIABLE


def passwords(environ: Mapping[str, str]) -> dict[str, str]:
    """The passwords that the environment gives, by service."""
    named = {service: f"PARLOUR_POSTGRES_PASSWORD_{service.upper()}" for service in ROLES}
    return {service: environ[variable] for service, variable in named.items() if environ.get(variable)}


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Migrates the database and returns the exit code: 1 where it can't be reached, 2 where no DSN is set."""
    dsn = environ.get(POSTGRES_VARIABLE, "")
    if not dsn:
        sys.stderr.write(f"migrate: {POSTGRES_VARIABLE} is not set; it names the database as its owner\n")
        return 2
    try:
        upgrade(dsn, MIGRATIONS)
        asyncio.run(set_passwords(dsn, passwords(environ)))
    except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError) as error:
        sys.stderr.write(f"migrate: the database can't be reached: {type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
