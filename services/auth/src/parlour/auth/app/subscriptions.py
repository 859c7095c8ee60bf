"""Subscription tokens: made, verified, revoked. What revokes them is in the app's log, so that every replica knows."""

from uuid import uuid5

import msgspec

from parlour.auth.domain import application, subscription
from parlour.auth.domain.application import Revoke, Subscribe
from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, SubscriptionMade
from parlour.contracts.ids import check_room_id, check_user_id, invalid
from parlour.contracts.subscriptions import OF_ONE_USER, TTL_MAX_S, Subscription
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Change, Draft, digest_of, principal_of, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit

from .apps import APP_LOGS
from .refusals import Refusals
from .tokens import existing
from .vault import Vault

MILLISECOND = 1000


class _Note(msgspec.Struct, frozen=True):
    """What is kept of a token that was made: enough to make the same one again, not the token."""

    secret_id: str
    at_ms: int


class Subscriptions:
    """Handlers for IssueSubscription, VerifySubscription and RevokeSubscriptions."""

    def __init__(
        self, cache: StateCache[application.State], committer: Committer, people: People, vault: Vault,
        clock: Clock, ids: Ids, refusals: Refusals, *, leeway_s: int,
    ) -> None:  # fmt: skip
        self._cache = cache
        self._committer = committer
        self._people = people
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._refusals = refusals
        self._leeway_s = leeway_s

    async def verify(self, call: Call, body: contract.VerifySubscription) -> Reply:
        """What the token allows. A refusal is counted, never recorded."""
        try:
            found = await self._verified(call.app, body.token)
        except Rejection as refused:
            self._refusals.count(refused.problem)
            raise
        return Reply(msgspec.Raw(msgspec.json.encode(found)))

    async def admitted(self, token: str) -> Subscription:
        """What a token allows that says itself which app it is for. A refusal is counted, as above."""
        try:
            return await self._verified(subscription.app_of(token), token)
        except Rejection as refused:
            self._refusals.count(refused.problem)
            raise

    async def is_revoked(self, who: Subscription) -> bool:
        """Whether a token that was valid is so no more."""
        state = existing(await self._cache.load(who.app, ""))
        actor = await self._people.known(who.app, who.user) if who.user and state.revoked else None
        return state.is_revoked(who.jti, actor or "", who.room or "", who.issued_ms)

    async def issue(self, call: Call, body: contract.IssueSubscription) -> Reply:
        """A token; the record has for whom and for what, never the token. A repetition makes the same one again."""
        _check(body)
        actor = await self._people.actor(call.app, body.user_id) if body.user_id else ""
        at_ms = self._clock.at() // MILLISECOND
        jti = str(uuid5(APP_LOGS, f"subscription/{call.command_id}"))

        def decide(app: Loaded[application.State]) -> Draft:
            note = _Note(existing(app).valid(at_ms // 1000)[0], at_ms)
            command = Subscribe(jti, actor, body.room, body.scopes, at_ms // 1000 + body.ttl_s)
            return self._draft(call, app, command, note)

        done = await decide_and_commit(self._cache, self._committer, call, decide)
        note = msgspec.json.decode(done.answer, type=_Note)
        secret = await self._vault.secret(note.secret_id)
        if secret is None:
            raise Rejection.of(Code.UNAVAILABLE, "the app's secret is not readable", hint="check the master key")
        claims = subscription.claims_for(
            call.app, body.room, body.user_id, body.scopes, jti=jti, at_ms=note.at_ms, ttl_s=body.ttl_s
        )
        return reply_of(done, SubscriptionMade(subscription.sign(claims, secret), jti, claims.exp))

    async def revoke(self, call: Call, body: contract.RevokeSubscriptions) -> Reply:
        """From the commit on the tokens are refused; gateways hear of it by the event and cut their readers."""
        if sum(map(bool, (body.jti, body.user_id, body.room))) != 1:
            raise invalid(Code.PARAMETER, "jti", "name exactly one: jti, user_id or room")
        actor = await self._people.actor(call.app, check_user_id(body.user_id)) if body.user_id else ""
        room = check_room_id(body.room) if body.room else ""
        command = Revoke(body.jti, actor, room)
        done = await decide_and_commit(
            self._cache, self._committer, call, lambda app: self._draft(call, app, command, None)
        )
        return reply_of(done)

    async def end(self, app: int, jti: str, cause: str) -> None:
        """Revokes one token because of an event (`room_uid:seq`): once, whoever says so how often."""
        body = contract.RevokeSubscriptions(jti=jti)
        asker = contract.Caller(kind="service")
        request = contract.Request(str(uuid5(APP_LOGS, f"ended/{cause}/{jti}")), asker, body)
        await self.revoke(
            Call(app, "", request.command_id, principal_of(app, asker), digest_of(request), causation_id=cause), body
        )

    def _draft(
        self, call: Call, app: Loaded[application.State], command: application.AppCommand, note: _Note | None
    ) -> Draft:
        events = application.decide(existing(app), command, at=self._clock.at(), ids=self._ids)
        assert app.key is not None, "an app that exists has a log"
        return call.draft(Change(app.key, application.AGGREGATE, None, events), result=note)

    async def _verified(self, app: int, token: str) -> Subscription:
        state = existing(await self._cache.load(app, ""))
        now_s = self._clock.at() // application.SECOND
        found = subscription.read(token, app, await self._vault.secrets(state.valid(now_s)), now_s, self._leeway_s)
        if await self.is_revoked(found):
            raise Rejection.of(Code.TOKEN_REFUSED, "the token was revoked", hint="ask for a new token")
        return found


def _check(body: contract.IssueSubscription) -> None:
    if body.user_id:
        check_user_id(body.user_id)
    if body.room:
        check_room_id(body.room)
    subscription.check_scopes(body.scopes)
    if body.user_id and not OF_ONE_USER.issuperset(body.scopes):
        raise invalid(
            Code.PARAMETER, "scopes", "a token on behalf of one user has no scope over the whole app",
            limit=", ".join(sorted(OF_ONE_USER)),
        )  # fmt: skip
    if not 0 < body.ttl_s <= TTL_MAX_S:
        raise invalid(Code.PARAMETER, "ttl_s", "the lifetime is out of range", limit=f"1..{TTL_MAX_S} s")
