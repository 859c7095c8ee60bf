"""Handles the commands about subscription tokens: issue, verify, revoke. A revocation is on the app's log, where every replica reads it."""

from uuid import uuid5

from parlour.auth.domain import subscription
from parlour.auth.domain.application import SECOND, Revoke, Subscribe
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, SubscriptionMade
from parlour.contracts.ids import check_room_id, check_user_id, invalid
from parlour.contracts.subscriptions import OF_ONE_USER, TTL_MAX_S, Subscription
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.context import CommandContext, digest_of, principal_of, reply_of

from .app_log import APP_LOGS, load_app
from .token_handler import TokenHandler, TokenSeed

MILLISECOND_US = 1000


class SubscriptionSeed(TokenSeed, frozen=True):
    """When the token was made, in unix milliseconds."""

    at_ms: int


class SubscriptionTokenHandler(TokenHandler):
    """Handles IssueSubscription, VerifySubscription and RevokeSubscriptions."""

    async def verify(self, context: CommandContext, body: cmd.VerifySubscription) -> Reply:
        """Answers with what the token allows; a refusal is counted."""
        with self.refusals.counted():
            return Reply.with_result(await self._verified(context.app, body.token))

    async def verify_for_nats(self, token: str) -> Subscription:
        """What a token allows that names its app itself; a refusal is counted."""
        with self.refusals.counted():
            return await self._verified(subscription.app_of(token), token)

    async def is_revoked(self, who: Subscription) -> bool:
        """Whether a token that was verified before has been revoked since."""
        state = await load_app(self.apps, who.app)
        actor = await self.people.known(who.app, who.user) if who.user and state.revoked else None
        return state.is_revoked(who.jti, actor or "", who.room or "", who.issued_ms)

    async def issue(self, context: CommandContext, body: cmd.IssueSubscription) -> Reply:
        """Issues a token; the log has for whom and for what, never the token. A repeated command id makes the same one again."""
        _check_fields(body)
        actor = await self.people.actor(context.app, body.user_id) if body.user_id else ""
        at_ms = self.clock.at() // MILLISECOND_US
        jti = str(uuid5(APP_LOGS, f"subscription/{context.command_id}"))
        command = Subscribe(jti, actor, body.room, body.scopes, at_ms // 1000 + body.ttl_s)
        done, seed, secret = await self.issue_seed(
            context, command, at_ms // 1000, lambda secret: SubscriptionSeed(secret, at_ms), SubscriptionSeed
        )
        claims = subscription.claims_for(
            context.app, body.room, body.user_id, body.scopes, jti=jti, at_ms=seed.at_ms, ttl_s=body.ttl_s
        )
        return reply_of(done, SubscriptionMade(subscription.sign(claims, secret), jti, claims.exp))

    async def revoke(self, context: CommandContext, body: cmd.RevokeSubscriptions) -> Reply:
        """Revokes tokens: from the commit on they are refused, and gateways that see the event disconnect their readers."""
        if sum(map(bool, (body.jti, body.user_id, body.room))) != 1:
            raise invalid(Code.PARAMETER, "jti", "name exactly one: jti, user_id or room")
        actor = await self.people.actor(context.app, check_user_id(body.user_id)) if body.user_id else ""
        room = check_room_id(body.room) if body.room else ""
        return reply_of(await self.apps.commit(context, Revoke(body.jti, actor, room), versioned=False))

    async def revoke_because(self, app: int, jti: str, cause: str) -> None:
        """Revokes one token because of an event (`cause`: `room_uid:seq`); once for each event, however often it is called."""
        body = cmd.RevokeSubscriptions(jti=jti)
        asker = cmd.Caller(kind="service")
        request = cmd.Request(str(uuid5(APP_LOGS, f"ended/{cause}/{jti}")), asker, body)
        principal, digest = principal_of(app, asker), digest_of(request)
        await self.revoke(CommandContext(app, "", request.command_id, principal, digest, causation_id=cause), body)

    async def _verified(self, app: int, token: str) -> Subscription:
        state = await load_app(self.apps, app)
        now_s = self.clock.at() // SECOND
        found = subscription.read(token, app, await self.vault.secrets(state.valid(now_s)), now_s, self.limits.leeway_s)
        if await self.is_revoked(found):
            raise Rejection(Code.TOKEN_REFUSED, "the token was revoked", hint="ask for a new token")
        return found


def _check_fields(body: cmd.IssueSubscription) -> None:
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
