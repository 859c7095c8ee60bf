"""The event log and the user key store on Postgres: raw asyncpg on the hot path; all that writes is in SQL functions of `migrations`."""

from .log import PostgresLog
from .pool import create_pool
from .user_keys import PostgresUserKeyStore

__all__ = ["PostgresLog", "PostgresUserKeyStore", "create_pool"]
