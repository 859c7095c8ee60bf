"""Public keys of an app, by which its own servers sign login tokens: added, listed, removed, each on the app's log."""

import base64

import msgspec

from parlour.auth.domain import application, login_token
from parlour.auth.domain.application import Active, AddKey, RemoveKey
from parlour.contracts import commands as contract
from parlour.contracts.commands import LoginKey, LoginKeys, Reply
from parlour.contracts.signing_keys import kid_of
from parlour.kernel.decider import Clock, Ids, fold
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Change, Draft, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit

from .tokens import existing


class KeyBook:
    """Handlers for AddLoginKey, RemoveLoginKey and ListLoginKeys."""

    def __init__(self, cache: StateCache[application.State], committer: Committer, clock: Clock, ids: Ids) -> None:
        self._cache = cache
        self._committer = committer
        self._clock = clock
        self._ids = ids

    async def add(self, call: Call, body: contract.AddLoginKey) -> Reply:
        """A key more, named by its own digest where the command names it nothing else."""
        key = login_token.public_key(body.public_key)
        return await self._change(call, AddKey(body.kid or kid_of(base64.b64decode(key)), key))

    async def remove(self, call: Call, body: contract.RemoveLoginKey) -> Reply:
        """From the commit on, what the key signed is refused."""
        return await self._change(call, RemoveKey(body.kid))

    async def list_all(self, call: Call, body: contract.ListLoginKeys) -> Reply:
        """Every key of the app."""
        app = existing(await self._cache.load(call.app, ""))
        return Reply(msgspec.Raw(msgspec.json.encode(_keys_of(app))))

    async def _change(self, call: Call, command: AddKey | RemoveKey) -> Reply:
        def decide(app: Loaded[application.State]) -> Draft:
            events = application.decide(existing(app), command, at=self._clock.at(), ids=self._ids)
            assert app.key is not None, "an app that exists has a log"
            changes = (Change(app.key, application.AGGREGATE, app.version, events),) if events else ()
            after = fold(application.evolve, app.state, events)
            assert isinstance(after, Active)
            return call.draft(*changes, result=_keys_of(after))

        done = await decide_and_commit(self._cache, self._committer, call, decide)
        return reply_of(done, msgspec.json.decode(done.answer, type=LoginKeys))


def _keys_of(app: Active) -> LoginKeys:
    return LoginKeys(tuple(LoginKey(kid, key) for kid, key in app.login_keys.items()))
