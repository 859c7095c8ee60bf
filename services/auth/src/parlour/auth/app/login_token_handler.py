"""Handles the commands about login tokens: verify one at a login, issue a token04 or a signed token."""

import hashlib
import hmac

import msgspec

from parlour.auth.domain import login_token, privilege, token04, verify
from parlour.auth.domain.application import SECOND, Active, AppCommand, Issue, State
from parlour.auth.domain.verify import Question
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, TokenMade
from parlour.contracts.ids import check_room_id, check_stream_id, check_user_id, invalid
from parlour.contracts.login_tokens import AUDIENCE, LONGEST_S
from parlour.kernel.decider import Clock
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.context import CommandContext, CommitResult, reply_of

from .app_log import AppAggregate, require_app
from .refusal_counter import RefusalCounter
from .vault import Vault, signing_secret

MAX_TTL_S = 366 * 86400
_NONCE_BITS = 31


class _TokenSeed(msgspec.Struct, frozen=True):
    """The stored answer: what the same token can be made of again, without the token."""

    secret_id: str
    ctime: int
    expire: int


class TimeLimits(msgspec.Struct, frozen=True):
    """How far the clocks of token makers may be off, and for how long a token may still be valid; both in seconds."""

    leeway_s: int
    longest_s: int


class LoginTokenHandler:
    """Handles VerifyToken, IssueToken and IssueLoginToken."""

    def __init__(
        self, apps: AppAggregate[State, AppCommand], people: UserKeyStore, vault: Vault, clock: Clock,
        refusals: RefusalCounter, limits: TimeLimits,
    ) -> None:  # fmt: skip
        self._apps = apps
        self._people = people
        self._vault = vault
        self._clock = clock
        self._refusals = refusals
        self._limits = limits

    async def verify(self, context: CommandContext, body: cmd.VerifyToken) -> Reply:
        """Answers with what the token allows; a refusal is counted."""
        question = Question(context.app, body.user_id, body.room, body.purpose, body.stream_id)
        with self._refusals.counted():
            app = require_app(context.app, await self._apps.load(context.app))
            secrets = await self._vault.secrets(app.valid(self._now_s()))
            return Reply.with_result(self._with_end(self._checked(body.token, question, app, secrets), app))

    def _checked(self, token: str, question: Question, app: Active, secrets: tuple[str, ...]) -> cmd.TokenChecked:
        leeway_s, longest_s = self._limits.leeway_s, self._limits.longest_s
        if login_token.is_signed(token):
            return login_token.check(
                token, question, secrets, app.login_keys, self._now_s(), leeway_s=leeway_s, longest_s=longest_s
            )
        return verify.check(token, question, secrets, self._now_s(), leeway_s, rules=app.rules, longest_s=longest_s)

    def _with_end(self, checked: cmd.TokenChecked, app: Active) -> cmd.TokenChecked:
        """Adds when the stay ends, in an app whose rule ends stays with their tokens: when the token would be refused."""
        if app.rules.expiry != "end":
            return checked
        return msgspec.structs.replace(checked, stay_ends_s=checked.expires_s + self._limits.leeway_s)

    async def issue(self, context: CommandContext, body: cmd.IssueToken) -> Reply:
        """Issues a token04. The log has for whom and for what, never the token; a repeated command id makes the same one again."""
        done, seed = await self._issued(context, body, MAX_TTL_S)
        return reply_of(done, TokenMade(await self._encode(context, body, seed), seed.expire))

    async def issue_signed(self, context: CommandContext, body: cmd.IssueLoginToken) -> Reply:
        """Issues a signed login token; the log has the same of it as of a token04."""
        for stream_id in body.stream_ids:
            check_stream_id(stream_id)
        done, seed = await self._issued(context, body, LONGEST_S)
        claims = login_token.LoginClaims(
            AUDIENCE, context.app, body.user_id, seed.ctime, seed.expire, room=body.room, publish=body.may_publish,
            streams=body.stream_ids, jti=context.command_id,
        )  # fmt: skip
        return reply_of(
            done, TokenMade(login_token.sign(claims, await signing_secret(self._vault, seed.secret_id)), seed.expire)
        )

    async def _issued(
        self, context: CommandContext, body: cmd.IssueToken | cmd.IssueLoginToken, longest_s: int
    ) -> tuple[CommitResult, _TokenSeed]:
        check_user_id(body.user_id)
        if body.room:
            check_room_id(body.room)
        longest_s = min(longest_s, self._limits.longest_s)
        if not 0 < body.ttl_s <= longest_s:
            raise invalid(Code.PARAMETER, "ttl_s", "the lifetime is out of range", limit=f"1..{longest_s} s")
        actor = await self._people.actor(context.app, body.user_id)
        now_s = self._now_s()

        def seed_of(app: State) -> _TokenSeed:
            return _TokenSeed(require_app(context.app, app).valid(now_s)[0], now_s, now_s + body.ttl_s)

        command = Issue(actor, body.room, now_s + body.ttl_s)
        done = await self._apps.commit(context, command, seed_of, versioned=False)
        return done, msgspec.json.decode(done.answer, type=_TokenSeed)

    async def _encode(self, context: CommandContext, body: cmd.IssueToken, seed: _TokenSeed) -> str:
        secret = await signing_secret(self._vault, seed.secret_id)
        unique = hmac.digest(secret.encode(), f"parlour.token.{context.command_id}".encode(), hashlib.sha256)
        nonce = int.from_bytes(unique[8:12]) >> (32 - _NONCE_BITS)
        token = token04.Token(context.app, body.user_id, nonce, seed.ctime, seed.expire, privilege.encode(body.room))
        return token04.encode(token, secret, unique[:8].hex().encode())

    def _now_s(self) -> int:
        return self._clock.at() // SECOND
