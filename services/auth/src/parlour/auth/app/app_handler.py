"""Handles the commands about apps: create, list, rotate the secret, set rules, and the public keys that sign login tokens."""

import base64
import hashlib
from collections.abc import Callable
from uuid import uuid5

import msgspec

from parlour.auth.domain import login_token
from parlour.auth.domain.application import (
    SECOND,
    Active,
    AddKey,
    AppCommand,
    Create,
    RemoveKey,
    Rotate,
    SetRules,
    State,
)
from parlour.auth.domain.rules import VALUES
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import AppDescription, AppRules, Apps, LoginKey, LoginKeys, Reply
from parlour.contracts.ids import APP_ID_MAX, check_app_id, invalid
from parlour.contracts.signing_keys import kid_of
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.context import CommandContext, reply_of

from .app_log import APP_LOGS, AppAggregate, load_app, require_app
from .vault import Vault

NAME_BYTES = 128
FIRST_FREE_ID = 10**9
"""Ids below it are left to operators who choose their own."""
FREE_ID_TRIES = 8


class AppHandler:
    """Handles CreateApp, ListApps, RotateSecret, SetAppRules, and AddLoginKey, RemoveLoginKey and ListLoginKeys.

    Stored answers hold no secret: it is added to the reply. `new_secret` makes a secret of 32 characters that nobody can guess.
    """

    def __init__(
        self, apps: AppAggregate[State, AppCommand], vault: Vault, clock: Clock, new_secret: Callable[[], str]
    ) -> None:
        self._apps = apps
        self._vault = vault
        self._clock = clock
        self._new_secret = new_secret

    async def create(self, context: CommandContext, body: cmd.CreateApp) -> Reply:
        """Creates an app with its first secret. One that exists stays as it is, and the answer has no secret then."""
        _check_fields(body)
        secret_id = _secret_id(context)
        app = body.app or await self._free_id(context, secret_id)
        described = await self._describe(app, body.name or f"app {app}")
        if not isinstance(await self._apps.load(app), Active):
            await self._vault.put(described, secret_id, body.secret or self._new_secret())
        return await self._commit(context, app, described, Create(app, described.name, secret_id))

    async def rotate(self, context: CommandContext, body: cmd.RotateSecret) -> Reply:
        """Makes a new secret; the old one stays valid for the overlap."""
        if body.app != context.app:
            raise invalid(Code.APP_ID, "appID", "the app in the command is not the one in the subject")
        state = await load_app(self._apps, context.app)
        described = await self._describe(context.app, state.name)
        await self._vault.put(described, _secret_id(context), self._new_secret())
        return await self._commit(context, context.app, described, Rotate(_secret_id(context), body.overlap_s))

    async def list_all(self, context: CommandContext, body: cmd.ListApps) -> Reply:
        """Answers with all apps, without their secrets."""
        return Reply.with_result(Apps(await self._vault.apps()))

    async def set_rules(self, context: CommandContext, body: cmd.SetAppRules) -> Reply:
        """Sets rules of the app; those that the command leaves empty stay as they are."""
        rules = {rule: getattr(body, rule) for rule in VALUES if getattr(body, rule)}

        def all_rules(state: State) -> AppRules:
            return AppRules(*msgspec.structs.astuple(require_app(context.app, state).rules))

        return reply_of(await self._apps.commit(context, SetRules(rules), all_rules))

    async def add_key(self, context: CommandContext, body: cmd.AddLoginKey) -> Reply:
        """Adds a key; it is named by its digest where the command gives it no name."""
        key = login_token.public_key(body.public_key)
        return await self._change_keys(context, AddKey(body.kid or kid_of(base64.b64decode(key)), key))

    async def remove_key(self, context: CommandContext, body: cmd.RemoveLoginKey) -> Reply:
        """Removes a key: from the commit on, tokens that it signed are refused."""
        return await self._change_keys(context, RemoveKey(body.kid))

    async def list_keys(self, context: CommandContext, body: cmd.ListLoginKeys) -> Reply:
        """Answers with all keys of the app."""
        return Reply.with_result(_keys(await load_app(self._apps, context.app)))

    async def _change_keys(self, context: CommandContext, command: AddKey | RemoveKey) -> Reply:
        done = await self._apps.commit(context, command, lambda state: _keys(require_app(context.app, state)))
        return reply_of(done)

    async def _describe(self, app: int, name: str) -> AppDescription:
        """The description of the app, which is made of `name` and the time where it is new."""
        known = (one for one in await self._vault.apps() if one.app == app)
        return next(known, AppDescription(app, name, self._clock.at() // SECOND))

    async def _commit(
        self, context: CommandContext, app: int, described: AppDescription, command: Create | Rotate
    ) -> Reply:
        def described_after(state: State) -> AppDescription:
            return msgspec.structs.replace(described, name=require_app(app, state).name)

        of_app = msgspec.structs.replace(context, app=app, room="")
        done = await self._apps.commit(of_app, command, described_after, creates=isinstance(command, Create))
        answer = msgspec.json.decode(done.answer, type=AppDescription)
        secret = await self._vault.secret(_secret_id(context)) if done.views else None
        return reply_of(done, msgspec.structs.replace(answer, secret=secret or ""))

    async def _free_id(self, context: CommandContext, secret_id: str) -> int:
        """An app id that is free, the same for each repetition of the command."""
        for attempt in range(FREE_ID_TRIES):
            drawn = hashlib.sha256(f"{context.command_id}/{attempt}".encode()).digest()
            app = FIRST_FREE_ID + int.from_bytes(drawn[:8]) % (APP_ID_MAX - FIRST_FREE_ID)
            state = await self._apps.load(app)
            if not isinstance(state, Active) or secret_id in (ref.secret_id for ref in state.secrets):
                return app
        raise Rejection(Code.UNAVAILABLE, "no free app id was found", hint="choose one")


def _keys(app: Active) -> LoginKeys:
    return LoginKeys(tuple(LoginKey(kid, key) for kid, key in app.login_keys.items()))


def _secret_id(context: CommandContext) -> str:
    """The id of the secret that a command makes, the same for each repetition."""
    return str(uuid5(APP_LOGS, f"secret/{context.command_id}"))


def _check_fields(body: cmd.CreateApp) -> None:
    if body.app:
        check_app_id(body.app)
    if len(body.name.encode()) > NAME_BYTES:
        raise invalid(Code.PARAMETER, "name", "the name is too long", limit=f"{NAME_BYTES} bytes")
    if body.secret and not (len(body.secret) == 32 and body.secret.isascii() and body.secret.isprintable()):
        raise invalid(Code.PARAMETER, "secret", "a secret has 32 printable characters", limit="32 characters")
