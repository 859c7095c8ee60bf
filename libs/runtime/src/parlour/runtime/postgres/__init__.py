"""The event log and people on Postgres: raw asyncpg on the hot path, everything that writes in SQL functions of `migrations`."""

from .log import PostgresLog
from .people import PostgresPeople
from .pool import create_pool

__all__ = ["PostgresLog", "PostgresPeople", "create_pool"]
