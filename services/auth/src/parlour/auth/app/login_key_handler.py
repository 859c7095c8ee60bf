"""Handles the commands about an app's public keys, with which its own servers sign login tokens: add, list, remove."""

import base64

import msgspec

from parlour.auth.domain import application as domain
from parlour.auth.domain import login_token
from parlour.auth.domain.application import Active, AddKey, RemoveKey
from parlour.contracts import commands as cmd
from parlour.contracts.commands import LoginKey, LoginKeys, Reply
from parlour.contracts.signing_keys import kid_of
from parlour.kernel.log import AppendUnit
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache, decide_and_commit

from .app_units import AppDecider, require_app


class LoginKeyHandler:
    """Handles AddLoginKey, RemoveLoginKey and ListLoginKeys."""

    def __init__(self, cache: StateCache[domain.State], committer: Committer, decider: AppDecider) -> None:
        self._cache = cache
        self._committer = committer
        self._decider = decider

    async def add(self, context: CommandContext, body: cmd.AddLoginKey) -> Reply:
        """Adds a key; it is named by its digest where the command gives it no name."""
        key = login_token.public_key(body.public_key)
        return await self._commit(context, AddKey(body.kid or kid_of(base64.b64decode(key)), key))

    async def remove(self, context: CommandContext, body: cmd.RemoveLoginKey) -> Reply:
        """Removes a key: from the commit on, tokens that it signed are refused."""
        return await self._commit(context, RemoveKey(body.kid))

    async def list_all(self, context: CommandContext, body: cmd.ListLoginKeys) -> Reply:
        """Answers with all keys of the app."""
        app = require_app(await self._cache.load(context.app, ""))
        return Reply(msgspec.Raw(msgspec.json.encode(_keys_of(app))))

    async def _commit(self, context: CommandContext, command: AddKey | RemoveKey) -> Reply:
        def decide(app: RoomSnapshot[domain.State]) -> AppendUnit:
            require_app(app)
            decision = self._decider.decide(app, command)
            assert isinstance(decision.after, Active)
            return context.make_unit(*decision.changes, result=_keys_of(decision.after))

        done = await decide_and_commit(self._cache, self._committer, context, decide)
        return reply_of(done, msgspec.json.decode(done.answer, type=LoginKeys))


def _keys_of(app: Active) -> LoginKeys:
    return LoginKeys(tuple(LoginKey(kid, key) for kid, key in app.login_keys.items()))
