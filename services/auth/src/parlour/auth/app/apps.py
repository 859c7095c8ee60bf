"""Apps: created, listed, given a new secret."""

import hashlib
import secrets
from uuid import UUID, uuid5

import msgspec

from parlour.auth.domain import application
from parlour.auth.domain.application import Active, AppCommand, Create, Rotate, SetRules
from parlour.auth.domain.rules import VALUES
from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import AppDescription, AppRules, Apps, Reply
from parlour.contracts.ids import APP_ID_MAX, check_app_id, invalid
from parlour.kernel.decider import Clock, Ids, fold
from parlour.kernel.log import LogKey
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Change, Draft, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit

from .tokens import SECOND, existing
from .vault import Vault

APP_LOGS = UUID("7f0e4d6c-52c8-5a0e-9c57-6d6a0f3a9b11")
"""Namespace of the uids of apps' own logs."""
NAME_BYTES = 128
LEAST_DRAWN = 10**9
DRAWS = 8


def log_of(app: int) -> LogKey:
    """The app's own log."""
    return LogKey(app, "", uuid5(APP_LOGS, str(app)))


class AppBook:
    """Handlers for CreateApp, ListApps, RotateSecret and SetAppRules. Answers in the record hold no secret: it is added to the reply."""

    def __init__(
        self, cache: StateCache[application.State], committer: Committer, vault: Vault, clock: Clock, ids: Ids
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._vault = vault
        self._clock = clock
        self._ids = ids

    async def create(self, call: Call, body: contract.CreateApp) -> Reply:
        """A new app with its first secret. One that exists stays as it is, and its secret is not told."""
        _check(body)
        secret_id = _secret_id(call)
        app = body.app or await self._free(call, secret_id)
        loaded = await self._cache.load(app, "")
        described = await self._describe(app, body.name or f"app {app}")
        if not isinstance(loaded.state, Active):
            await self._vault.put(described, secret_id, body.secret or secrets.token_hex(16))
        return await self._change(call, app, described, Create(app, described.name, secret_id))

    async def rotate(self, call: Call, body: contract.RotateSecret) -> Reply:
        """A new secret; the old one stays valid for the overlap."""
        if body.app != call.app:
            raise invalid(Code.APP_ID, "appID", "the app in the command is not the one in the subject")
        state = existing(await self._cache.load(call.app, ""))
        described = await self._describe(call.app, state.name)
        await self._vault.put(described, _secret_id(call), secrets.token_hex(16))
        return await self._change(call, call.app, described, Rotate(_secret_id(call), body.overlap_s))

    async def set_rules(self, call: Call, body: contract.SetAppRules) -> Reply:
        """Rules of the app from now on; those that the command leaves empty stay."""
        asked = {rule: getattr(body, rule) for rule in VALUES if getattr(body, rule)}

        def decide(app: Loaded[application.State]) -> Draft:
            events = application.decide(existing(app), SetRules(asked), at=self._clock.at(), ids=self._ids)
            assert app.key is not None, "an app that exists has a log"
            rules = fold(application.evolve, app.state, events)
            assert isinstance(rules, Active)
            changes = (Change(app.key, application.AGGREGATE, app.version, events),) if events else ()
            return call.draft(*changes, result=AppRules(*msgspec.structs.astuple(rules.rules)))

        done = await decide_and_commit(self._cache, self._committer, call, decide)
        return reply_of(done, msgspec.json.decode(done.answer, type=AppRules))

    async def list_all(self, call: Call, body: contract.ListApps) -> Reply:
        """All apps, without secrets."""
        return Reply(msgspec.Raw(msgspec.json.encode(Apps(await self._vault.apps()))))

    async def _describe(self, app: int, name: str) -> AppDescription:
        """The app as it is known, or as it begins now."""
        known = (one for one in await self._vault.apps() if one.app == app)
        return next(known, AppDescription(app, name, self._clock.at() // SECOND))

    async def _change(self, call: Call, app: int, described: AppDescription, command: AppCommand) -> Reply:
        of_app = msgspec.structs.replace(call, app=app, room="")

        def decide(loaded: Loaded[application.State]) -> Draft:
            events = application.decide(loaded.state, command, at=self._clock.at(), ids=self._ids)
            creates = loaded.key is None
            changes = (
                (Change(loaded.key or log_of(app), application.AGGREGATE, loaded.version, events, creates),)
                if events
                else ()
            )
            after = fold(application.evolve, loaded.state, events)
            name = after.name if isinstance(after, Active) else described.name
            return of_app.draft(*changes, result=msgspec.structs.replace(described, name=name))

        done = await decide_and_commit(self._cache, self._committer, of_app, decide)
        answer = msgspec.json.decode(done.answer, type=AppDescription)
        secret = await self._vault.secret(_secret_id(call)) if done.views else None
        return reply_of(done, msgspec.structs.replace(answer, secret=secret or ""))

    async def _free(self, call: Call, secret_id: str) -> int:
        """An id that nobody has, the same for each repetition of the command."""
        for attempt in range(DRAWS):
            drawn = hashlib.sha256(f"{call.command_id}/{attempt}".encode()).digest()
            app = LEAST_DRAWN + int.from_bytes(drawn[:8]) % (APP_ID_MAX - LEAST_DRAWN)
            state = (await self._cache.load(app, "")).state
            if not isinstance(state, Active) or secret_id in (ref.secret_id for ref in state.secrets):
                return app
        raise Rejection.of(Code.UNAVAILABLE, "no free app id was found", hint="choose one")


def _secret_id(call: Call) -> str:
    """The id of the secret that a command makes, the same for each repetition."""
    return str(uuid5(APP_LOGS, f"secret/{call.command_id}"))


def _check(body: contract.CreateApp) -> None:
    if body.app:
        check_app_id(body.app)
    if len(body.name.encode()) > NAME_BYTES:
        raise invalid(Code.PARAMETER, "name", "the name is too long", limit=f"{NAME_BYTES} bytes")
    if body.secret and not (len(body.secret) == 32 and body.secret.isascii() and body.secret.isprintable()):
        raise invalid(Code.PARAMETER, "secret", "a secret has 32 printable characters", limit="32 characters")
