"""Handles the commands about apps: create, list, rotate the secret, set rules."""

import hashlib
from collections.abc import Callable
from uuid import uuid5

import msgspec

from parlour.auth.domain import application as domain
from parlour.auth.domain.application import SECOND, Active, Create, Rotate, SetRules
from parlour.auth.domain.rules import VALUES
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import AppDescription, AppRules, Apps, Reply
from parlour.contracts.ids import APP_ID_MAX, check_app_id, invalid
from parlour.kernel.decider import Clock
from parlour.kernel.log import AppendUnit
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache, decide_and_commit

from .app_units import APP_LOGS, AppDecider, require_app
from .vault import Vault

NAME_BYTES = 128
FIRST_FREE_ID = 10**9
"""Ids below it are left to operators who choose their own."""
FREE_ID_TRIES = 8


class AppHandler:
    """Handles CreateApp, ListApps, RotateSecret and SetAppRules. Stored answers hold no secret: it is added to the reply.

    `new_secret` makes a secret of 32 characters that nobody can guess.
    """

    def __init__(
        self,
        cache: StateCache[domain.State],
        committer: Committer,
        decider: AppDecider,
        vault: Vault,
        clock: Clock,
        new_secret: Callable[[], str],
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._decider = decider
        self._vault = vault
        self._clock = clock
        self._new_secret = new_secret

    async def create(self, context: CommandContext, body: cmd.CreateApp) -> Reply:
        """Creates an app with its first secret. One that exists stays as it is, and the answer has no secret then."""
        _check_fields(body)
        secret_id = _secret_id(context)
        app = body.app or await self._free_id(context, secret_id)
        loaded = await self._cache.load(app, "")
        described = await self._describe(app, body.name or f"app {app}")
        if not isinstance(loaded.state, Active):
            await self._vault.put(described, secret_id, body.secret or self._new_secret())
        return await self._commit(context, app, described, Create(app, described.name, secret_id))

    async def rotate(self, context: CommandContext, body: cmd.RotateSecret) -> Reply:
        """Makes a new secret; the old one stays valid for the overlap."""
        if body.app != context.app:
            raise invalid(Code.APP_ID, "appID", "the app in the command is not the one in the subject")
        state = require_app(await self._cache.load(context.app, ""))
        described = await self._describe(context.app, state.name)
        await self._vault.put(described, _secret_id(context), self._new_secret())
        return await self._commit(context, context.app, described, Rotate(_secret_id(context), body.overlap_s))

    async def set_rules(self, context: CommandContext, body: cmd.SetAppRules) -> Reply:
        """Sets rules of the app; those that the command leaves empty stay as they are."""
        rules = {rule: getattr(body, rule) for rule in VALUES if getattr(body, rule)}

        def decide(app: RoomSnapshot[domain.State]) -> AppendUnit:
            require_app(app)
            decision = self._decider.decide(app, SetRules(rules))
            assert isinstance(decision.after, Active)
            return context.make_unit(*decision.changes, result=AppRules(*msgspec.structs.astuple(decision.after.rules)))

        done = await decide_and_commit(self._cache, self._committer, context, decide)
        return reply_of(done, msgspec.json.decode(done.answer, type=AppRules))

    async def list_all(self, context: CommandContext, body: cmd.ListApps) -> Reply:
        """Answers with all apps, without their secrets."""
        return Reply(msgspec.Raw(msgspec.json.encode(Apps(await self._vault.apps()))))

    async def _describe(self, app: int, name: str) -> AppDescription:
        """The description of the app, which is made of `name` and the time where it is new."""
        known = (one for one in await self._vault.apps() if one.app == app)
        return next(known, AppDescription(app, name, self._clock.at() // SECOND))

    async def _commit(
        self, context: CommandContext, app: int, described: AppDescription, command: Create | Rotate
    ) -> Reply:
        of_app = msgspec.structs.replace(context, app=app, room="")

        def decide(loaded: RoomSnapshot[domain.State]) -> AppendUnit:
            decision = self._decider.decide(loaded, command)
            name = decision.after.name if isinstance(decision.after, Active) else described.name
            return of_app.make_unit(*decision.changes, result=msgspec.structs.replace(described, name=name))

        done = await decide_and_commit(self._cache, self._committer, of_app, decide)
        answer = msgspec.json.decode(done.answer, type=AppDescription)
        secret = await self._vault.secret(_secret_id(context)) if done.views else None
        return reply_of(done, msgspec.structs.replace(answer, secret=secret or ""))

    async def _free_id(self, context: CommandContext, secret_id: str) -> int:
        """An app id that is free, the same for each repetition of the command."""
        for attempt in range(FREE_ID_TRIES):
            drawn = hashlib.sha256(f"{context.command_id}/{attempt}".encode()).digest()
            app = FIRST_FREE_ID + int.from_bytes(drawn[:8]) % (APP_ID_MAX - FIRST_FREE_ID)
            state = (await self._cache.load(app, "")).state
            if not isinstance(state, Active) or secret_id in (ref.secret_id for ref in state.secrets):
                return app
        raise Rejection.of(Code.UNAVAILABLE, "no free app id was found", hint="choose one")


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
