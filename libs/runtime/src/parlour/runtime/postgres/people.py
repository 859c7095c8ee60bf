"""`People` on Postgres: a key for each person, wrapped by a master key that is never stored beside them."""

import time
from collections.abc import Callable
from uuid import UUID, uuid4

import asyncpg
import msgspec

from parlour.contracts.sealed_text import parse_sealed

from .cache import Cache
from .pool import Pool, borrow
from .sealed import MasterKey, PersonKey, open_bytes, seal_bytes

PEOPLE_KEPT = 50_000
"""Keys and ids in memory, about 1 kB each."""
KEPT_FOR_S = 300.0
"""A key that nobody asks for leaves memory. Of erasures every process hears within a second: see `runtime.erasures`."""
LOADED_FOR_S = 30.0
"""What `load` found stays at least so long: more than a page of records takes to open on the busiest machine."""
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
_LATELY = "SELECT actor FROM parlour.erasure WHERE at > now() - make_interval(secs => $1)"
_ERASE = (
    "SELECT p.actor FROM parlour.person p, parlour.erase_person(p.actor) AS gone "
    "WHERE p.app = $1 AND p.lookup = $2 AND gone"
)


class PostgresPeople:
    """See `parlour.kernel.sealing.People`. Database methods may raise `LogUnavailable`."""

    def __init__(self, pool: Pool, master_key: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._master = MasterKey(master_key)
        self._people: Cache[str, _Person] = Cache(PEOPLE_KEPT, KEPT_FOR_S, clock)
        self._actors: Cache[tuple[int, str], str] = Cache(PEOPLE_KEPT, KEPT_FOR_S)
        self._gone: set[str] = set()

    @property
    def erasures(self) -> int:
        """How many erasures this process knows of."""
        return len(self._gone)

    def forget(self, actors: frozenset[str]) -> None:
        """These are erased: what was fetched before, and what is being fetched now, opens nothing."""
        new = actors - self._gone
        if not new:
            return
        self._gone |= new
        self._actors.drop_where(lambda actor: actor in new)
        for actor in new:
            self._people.put(actor, _ERASED)

    async def erased_lately(self, within_s: int) -> frozenset[str]:
        """Who was erased in the last seconds, by the database's clock."""
        async with borrow(self._pool) as connection:
            return frozenset(str(row["actor"]) for row in await connection.fetch(_LATELY, within_s))

    async def actor(self, app: int, user_id: str) -> str:
        """The person's id, made at the first call; the key is in memory afterwards."""
        known = await self.known(app, user_id)
        return known if known is not None else await self._make(app, user_id)

    async def known(self, app: int, user_id: str) -> str | None:
        """The person's id if there is one."""
        cached = self._actors.get((app, user_id))
        if cached is not None:
            return cached
        async with borrow(self._pool) as connection:
            found = await connection.fetchval(_KNOWN, app, self._master.lookup(app, user_id))
        if found is None or str(found) in self._gone:
            return None
        self._actors.put((app, user_id), str(found))
        return str(found)

    async def _make(self, app: int, user_id: str) -> str:
        actor = str(uuid4())
        key, wrapped = self._master.new_key(actor)
        sealed = seal_bytes(key.cipher, f"{actor}|{_USER_ID}", user_id.encode())
        async with borrow(self._pool) as connection:
            made = await connection.fetchval(_NEW, UUID(actor), app, self._master.lookup(app, user_id), wrapped, sealed)
        if made is None:  # somebody else was faster
            return await self.actor(app, user_id)
        self._actors.put((app, user_id), actor)
        self._people.put(actor, _Person(key, user_id))
        return actor

    async def user_ids(self, actors: frozenset[str]) -> dict[str, str]:
        """The user ids of those that are not erased."""
        people = await self._load(actors)
        return {actor: person.user_id for actor, person in people.items() if person.key is not None}

    async def load(self, actors: frozenset[str]) -> None:
        """Brings keys into memory, where they stay for `LOADED_FOR_S` at least."""
        await self._load(actors)

    async def _load(self, actors: frozenset[str]) -> dict[str, _Person]:
        here = {actor: self._people.get(actor, LOADED_FOR_S) for actor in actors}
        found = {actor: person for actor, person in here.items() if person is not None}
        missing = [actor for actor, person in here.items() if person is None]
        if missing:
            found |= await self._fetch(missing)
        return found

    async def _fetch(self, missing: list[str]) -> dict[str, _Person]:
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_ROWS, [UUID(actor) for actor in missing if actor])
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
        """Sealed text; LookupError if the key was not loaded or the person is erased."""
        person = self._people.get(actor)
        if person is None or person.key is None:
            raise LookupError(f"no key for {actor}")
        return person.key.seal(actor, context, text)

    def open(self, context: str, sealed: str) -> str | None:
        """The text, None if the person is erased; LookupError if nobody loaded the key."""
        parts = parse_sealed(sealed)
        key = self._key(parts.actor)
        return None if key is None else key.open(context, parts)

    def salt(self, context: str, sealed: str) -> bytes | None:
        """What discloses the text, empty if it has no commitment, None if the person is erased; LookupError if nobody loaded the key."""
        parts = parse_sealed(sealed)
        key = self._key(parts.actor)
        return None if key is None else key.salt(context, parts)

    def _key(self, actor: str) -> PersonKey | None:
        person = self._people.get(actor)
        if person is None:
            raise LookupError(f"the key of {actor} is not loaded")
        return person.key

    async def erase(self, app: int, user_id: str) -> str | None:
        """Deletes the person's key, and with it what every log says of them. The id that they had, None if there was none."""
        async with borrow(self._pool) as connection:
            gone = await connection.fetchval(_ERASE, app, self._master.lookup(app, user_id))
        self._actors.drop((app, user_id))
        if gone is None:
            return None
        self.forget(frozenset({str(gone)}))
        return str(gone)
