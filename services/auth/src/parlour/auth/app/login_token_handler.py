"""Handles the commands about login tokens: verify one at a login, issue a token04 or a signed token."""

import hashlib
import hmac

import msgspec

from parlour.auth.domain import login_token, privilege, token04, verify
from parlour.auth.domain.application import SECOND, Active, Issue
from parlour.auth.domain.verify import Question
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, TokenMade
from parlour.contracts.ids import check_room_id, check_stream_id, check_user_id, invalid
from parlour.contracts.login_tokens import AUDIENCE, LONGEST_S
from parlour.runtime.deciding.context import CommandContext, CommitResult, reply_of

from .app_log import load_app
from .token_handler import TokenHandler, TokenSeed

MAX_TTL_S = 366 * 86400
_NONCE_BITS = 31


class LoginTokenSeed(TokenSeed, frozen=True):
    """When the token was made and when it ends, in unix seconds."""

    ctime: int
    expire: int


class LoginTokenHandler(TokenHandler):
    """Handles VerifyToken, IssueToken and IssueLoginToken."""

    async def verify(self, context: CommandContext, body: cmd.VerifyToken) -> Reply:
        """Answers with what the token allows; a refusal is counted."""
        question = Question(context.app, body.user_id, body.room, body.purpose, body.stream_id)
        with self.refusals.counted():
            app = await load_app(self.apps, context.app)
            secrets = await self.vault.secrets(app.valid(self._now_s()))
            return Reply.with_result(self._with_end(self._checked(body.token, question, app, secrets), app))

    def _checked(self, token: str, question: Question, app: Active, secrets: tuple[str, ...]) -> cmd.TokenChecked:
        leeway_s, longest_s = self.limits.leeway_s, self.limits.longest_s
        if login_token.is_signed(token):
            return login_token.check(
                token, question, secrets, app.login_keys, self._now_s(), leeway_s=leeway_s, longest_s=longest_s
            )
        return verify.check(token, question, secrets, self._now_s(), leeway_s, rules=app.rules, longest_s=longest_s)

    def _with_end(self, checked: cmd.TokenChecked, app: Active) -> cmd.TokenChecked:
        """Adds when the stay ends, in an app whose rule ends stays with their tokens: when the token would be refused."""
        if app.rules.expiry != "end":
            return checked
        return msgspec.structs.replace(checked, stay_ends_s=checked.expires_s + self.limits.leeway_s)

    async def issue(self, context: CommandContext, body: cmd.IssueToken) -> Reply:
        """Issues a token04. The log has for whom and for what, never the token; a repeated command id makes the same one again."""
        done, seed, secret = await self._issue(context, body, MAX_TTL_S)
        unique = hmac.digest(secret.encode(), f"parlour.token.{context.command_id}".encode(), hashlib.sha256)
        nonce = int.from_bytes(unique[8:12]) >> (32 - _NONCE_BITS)
        token = token04.Token(context.app, body.user_id, nonce, seed.ctime, seed.expire, privilege.encode(body.room))
        return reply_of(done, TokenMade(token04.encode(token, secret, unique[:8].hex().encode()), seed.expire))

    async def issue_signed(self, context: CommandContext, body: cmd.IssueLoginToken) -> Reply:
        """Issues a signed login token; the log has the same of it as of a token04."""
        for stream_id in body.stream_ids:
            check_stream_id(stream_id)
        done, seed, secret = await self._issue(context, body, LONGEST_S)
        claims = login_token.LoginClaims(
            AUDIENCE, context.app, body.user_id, seed.ctime, seed.expire, room=body.room, publish=body.may_publish,
            streams=body.stream_ids, jti=context.command_id,
        )  # fmt: skip
        return reply_of(done, TokenMade(login_token.sign(claims, secret), seed.expire))

    async def _issue(
        self, context: CommandContext, body: cmd.IssueToken | cmd.IssueLoginToken, longest_s: int
    ) -> tuple[CommitResult, LoginTokenSeed, str]:
        check_user_id(body.user_id)
        if body.room:
            check_room_id(body.room)
        longest_s = min(longest_s, self.limits.longest_s)
        if not 0 < body.ttl_s <= longest_s:
            raise invalid(Code.PARAMETER, "ttl_s", "the lifetime is out of range", limit=f"1..{longest_s} s")
        actor = await self.people.actor(context.app, body.user_id)
        now_s = self._now_s()
        expires_s = now_s + body.ttl_s
        command = Issue(actor, body.room, expires_s)
        return await self.issue_seed(
            context, command, now_s, lambda secret: LoginTokenSeed(secret, now_s, expires_s), LoginTokenSeed
        )

    def _now_s(self) -> int:
        return self.clock.at() // SECOND
