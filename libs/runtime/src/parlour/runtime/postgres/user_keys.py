"""The user key store on Postgres: a key for each user, wrapped by a master key that is never stored beside them."""

import time
from collections.abc import Callable
from uuid import UUID, uuid4

import asyncpg
import msgspec

from parlour.contracts.sealed_text import parse_sealed
from parlour.runtime.cache import Cache

from .keys import MasterKey, PersonKey, open_bytes, seal_bytes
from .pool import Pool, PostgresStore

MAX_CACHED = 50_000
"""Most keys and ids in memory, about 1 kB each."""
CACHED_FOR_S = 300.0
"""How long an unused key stays in memory. Erasures reach every process within a second: see `runtime.background.erasures`."""
LOADED_FOR_S = 30.0
"""What `load` fetched stays at least so long: more than a page of records takes to open on the busiest machine."""
_USER_ID = "person/user_id"

_ROWS = "SELECT actor, wrapped_key, sealed_user_id FROM parlour.person WHERE actor = ANY($1::uuid[])"
_KNOWN = "SELECT actor FROM parlour.person WHERE app = $1 AND lookup = $2"
_NEW = (
    "INSERT INTO parlour.person (actor, app, lookup, wrapped_key, sealed_user_id) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (app, lookup) DO NOTHING RETURNING actor"
)


class _Person(msgspec.Struct, frozen=True):
    """`key` None: erased, or never there."""

    key: PersonKey | None
    user_id: str = ""


_ERASED = _Person(None)
_ERASED_WITHIN = "SELECT actor FROM parlour.erasure WHERE erased_at > now() - make_interval(secs => $1)"
_ERASE = (
    "SELECT p.actor FROM parlour.person p, parlour.erase_person(p.actor) AS gone "
    "WHERE p.app = $1 AND p.lookup = $2 AND gone"
)


class PostgresUserKeyStore(PostgresStore):
    """See `parlour.kernel.sealing.UserKeyStore`. Methods that query the database may raise `LogUnavailable`."""

    def __init__(self, pool: Pool, master_key: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(pool)
        self._master = MasterKey(master_key)
        self._people: Cache[str, _Person] = Cache(MAX_CACHED, CACHED_FOR_S, clock)
        self._actors: Cache[tuple[int, str], str] = Cache(MAX_CACHED, CACHED_FOR_S)
        self._gone: set[str] = set()

    @property
    def erasures(self) -> int:
        """The number of erasures that this process knows of."""
        return len(self._gone)

    def forget(self, actors: frozenset[str]) -> None:
        """Drops the keys of erased users, also those that are being fetched now."""
        new = actors - self._gone
        if not new:
            return
        self._gone |= new
        self._actors.drop_where(lambda actor: actor in new)
        for actor in new:
            self._people.put(actor, _ERASED)

    async def erased_within(self, within_s: int) -> frozenset[str]:
        """Returns who was erased in the last `within_s` seconds of the database's clock."""
        return frozenset(str(row["actor"]) for row in await self._fetch(_ERASED_WITHIN, within_s))

    async def actor(self, app: int, user_id: str) -> str:
        """See `UserKeyStore.actor`; the key is in memory afterwards."""
        known = await self.known(app, user_id)
        return known if known is not None else await self._make(app, user_id)

    async def known(self, app: int, user_id: str) -> str | None:
        """Returns the user's random id, from memory or the database; None if there is none or it is erased."""
        cached = self._actors.get((app, user_id))
        if cached is not None:
            return cached
        found = await self._fetch_value(_KNOWN, app, self._master.lookup(app, user_id))
        if found is None or str(found) in self._gone:
            return None
        self._actors.put((app, user_id), str(found))
        return str(found)

    async def _make(self, app: int, user_id: str) -> str:
        actor = str(uuid4())
        key, wrapped = self._master.new_key(actor)
        sealed = seal_bytes(key.cipher, f"{actor}|{_USER_ID}", user_id.encode())
        made = await self._fetch_value(_NEW, UUID(actor), app, self._master.lookup(app, user_id), wrapped, sealed)
        if made is None:  # somebody else was faster
            return await self.actor(app, user_id)
        self._actors.put((app, user_id), actor)
        self._people.put(actor, _Person(key, user_id))
        return actor

    async def user_ids(self, actors: frozenset[str]) -> dict[str, str]:
        """Returns the user id of each actor that is not erased; loads their keys."""
        people = await self._load(actors)
        return {actor: person.user_id for actor, person in people.items() if person.key is not None}

    async def load(self, actors: frozenset[str]) -> None:
        """Loads keys, which stay in memory for `LOADED_FOR_S` at least."""
        await self._load(actors)

    async def _load(self, actors: frozenset[str]) -> dict[str, _Person]:
        here = {actor: self._people.get(actor, LOADED_FOR_S) for actor in actors}
        found = {actor: person for actor, person in here.items() if person is not None}
        missing = [actor for actor, person in here.items() if person is None]
        if missing:
            found |= await self._fetch_people(missing)
        return found

    async def _fetch_people(self, missing: list[str]) -> dict[str, _Person]:
        rows = await self._fetch(_ROWS, [UUID(actor) for actor in missing if actor])
        found = dict.fromkeys(missing, _ERASED) | {str(row["actor"]): self._person(row) for row in rows}
        found |= dict.fromkeys(self._gone & found.keys(), _ERASED)
        for actor, person in found.items():
            self._people.put(actor, person)
        return found

    def _person(self, row: asyncpg.Record) -> _Person:
        actor = str(row["actor"])
        key = self._master.unwrap(actor, row["wrapped_key"])
        return _Person(key, open_bytes(key.cipher, f"{actor}|{_USER_ID}", row["sealed_user_id"]).decode())

    def seal(self, actor: str, context: str, text: str) -> str:
        """Seals a text; LookupError if the key was not loaded or the user is erased."""
        person = self._people.get(actor)
        if person is None or person.key is None:
            raise LookupError(f"no key for {actor}")
        return person.key.seal(actor, context, text)

    def open(self, context: str, sealed: str) -> str | None:
        """See `UserKeyStore.open`; LookupError if the key was not loaded."""
        parts = parse_sealed(sealed)
        key = self._key(parts.actor)
        return None if key is None else key.open(context, parts)

    def salt(self, context: str, sealed: str) -> bytes | None:
        """See `UserKeyStore.salt`; LookupError if the key was not loaded."""
        parts = parse_sealed(sealed)
        key = self._key(parts.actor)
        return None if key is None else key.salt(context, parts)

    def _key(self, actor: str) -> PersonKey | None:
        person = self._people.get(actor)
        if person is None:
            raise LookupError(f"the key of {actor} is not loaded")
        return person.key

    async def erase(self, app: int, user_id: str) -> str | None:
        """Deletes a user's key, so that no sealed text of theirs can be opened any more; returns the id that they had, if any."""
        gone = await self._fetch_value(_ERASE, app, self._master.lookup(app, user_id))
        self._actors.drop((app, user_id))
        if gone is None:
            return None
        self.forget(frozenset({str(gone)}))
        return str(gone)
