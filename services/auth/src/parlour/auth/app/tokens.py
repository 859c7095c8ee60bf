"""Tokens: checked on every login, made on request."""

import hashlib
import hmac

import msgspec

from parlour.auth.domain import application, login_token, privilege, token04, verify
from parlour.auth.domain.application import Active, Issue
from parlour.auth.domain.verify import Question
from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, TokenMade
from parlour.contracts.ids import check_room_id, check_stream_id, check_user_id, invalid
from parlour.contracts.login_tokens import AUDIENCE, LONGEST_S
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Change, Done, Draft, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit

from .refusals import Refusals
from .vault import Vault

SECOND = 1_000_000
MAX_TTL_S = 366 * 86400
_NONCE_BITS = 31


class _Note(msgspec.Struct, frozen=True):
    """What is kept of a token that was made: enough to make the same one again, not the token."""

    secret_id: str
    ctime: int
    expire: int


class TimeLimits(msgspec.Struct, frozen=True):
    """How far the clocks of token makers may be off, and for how long a token may still be valid; both in seconds."""

    leeway_s: int
    longest_s: int


class Tokens:
    """Handlers for VerifyToken, IssueToken and IssueLoginToken."""

    def __init__(
        self,
        cache: StateCache[application.State],
        committer: Committer,
        people: People,
        vault: Vault,
        clock: Clock,
        ids: Ids,
        refusals: Refusals,
        limits: TimeLimits,
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._people = people
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._refusals = refusals
        self._limits = limits

    async def verify(self, call: Call, body: contract.VerifyToken) -> Reply:
        """What the token allows. A refusal is counted, never recorded: strangers must not fill the record."""
        question = Question(call.app, body.user_id, body.room, body.purpose, body.stream_id)
        try:
            app = existing(await self._cache.load(call.app, ""))
            secrets = await self._vault.secrets(app.valid(self._now_s()))
            checked = self._with_end(self._checked(body.token, question, app, secrets), app)
        except Rejection as refused:
            self._refusals.count(refused.problem)
            raise
        return Reply(msgspec.Raw(msgspec.json.encode(checked)))

    def _checked(self, token: str, question: Question, app: Active, secrets: tuple[str, ...]) -> contract.TokenChecked:
        leeway_s, longest_s = self._limits.leeway_s, self._limits.longest_s
        if login_token.is_signed(token):
            return login_token.check(
                token, question, secrets, app.login_keys, self._now_s(), leeway_s=leeway_s, longest_s=longest_s
            )
        return verify.check(token, question, secrets, self._now_s(), leeway_s, rules=app.rules, longest_s=longest_s)

    def _with_end(self, checked: contract.TokenChecked, app: Active) -> contract.TokenChecked:
        """When the stay ends, where the app ends stays with their tokens: when the token would not be taken any more."""
        if app.rules.expiry != "end":
            return checked
        return msgspec.structs.replace(checked, stay_ends_s=checked.expires_s + self._limits.leeway_s)

    async def issue(self, call: Call, body: contract.IssueToken) -> Reply:
        """A token04. The record has who got one for what, never the token; a repetition makes the same one again."""
        done, note = await self._issued(call, body, MAX_TTL_S)
        return reply_of(done, TokenMade(await self._made(call, body, note), note.expire))

    async def issue_signed(self, call: Call, body: contract.IssueLoginToken) -> Reply:
        """A signed login token, on the record as a token04 is."""
        for stream_id in body.stream_ids:
            check_stream_id(stream_id)
        done, note = await self._issued(call, body, LONGEST_S)
        claims = login_token.Claims(
            AUDIENCE, call.app, body.user_id, note.ctime, note.expire, room=body.room, publish=body.may_publish,
            streams=body.stream_ids, jti=call.command_id,
        )  # fmt: skip
        return reply_of(done, TokenMade(login_token.sign(claims, await self._secret(note)), note.expire))

    async def _issued(
        self, call: Call, body: contract.IssueToken | contract.IssueLoginToken, longest_s: int
    ) -> tuple[Done, _Note]:
        check_user_id(body.user_id)
        if body.room:
            check_room_id(body.room)
        longest_s = min(longest_s, self._limits.longest_s)
        if not 0 < body.ttl_s <= longest_s:
            raise invalid(Code.PARAMETER, "ttl_s", "the lifetime is out of range", limit=f"1..{longest_s} s")
        actor = await self._people.actor(call.app, body.user_id)
        now_s = self._now_s()

        def decide(app: Loaded[application.State]) -> Draft:
            state = existing(app)
            note = _Note(state.valid(now_s)[0], now_s, now_s + body.ttl_s)
            issue = Issue(actor, body.room, note.expire)
            events = application.decide(state, issue, at=self._clock.at(), ids=self._ids)
            assert app.key is not None, "an app that exists has a log"
            return call.draft(Change(app.key, application.AGGREGATE, None, events), result=note)

        done = await decide_and_commit(self._cache, self._committer, call, decide)
        return done, msgspec.json.decode(done.answer, type=_Note)

    async def _secret(self, note: _Note) -> str:
        secret = await self._vault.secret(note.secret_id)
        if secret is None:
            raise Rejection.of(Code.UNAVAILABLE, "the app's secret is not readable", hint="check the master key")
        return secret

    async def _made(self, call: Call, body: contract.IssueToken, note: _Note) -> str:
        secret = await self._secret(note)
        unique = hmac.digest(secret.encode(), f"parlour.token.{call.command_id}".encode(), hashlib.sha256)
        nonce = int.from_bytes(unique[8:12]) >> (32 - _NONCE_BITS)
        token = token04.Token(call.app, body.user_id, nonce, note.ctime, note.expire, privilege.encode(body.room))
        return token04.encode(token, secret, unique[:8].hex().encode())

    def _now_s(self) -> int:
        return self._clock.at() // SECOND


def existing(app: Loaded[application.State]) -> Active:
    """The app, or the refusal that names it."""
    if not isinstance(app.state, Active):
        raise Rejection.of(Code.APP_ID, f"there is no app {app.app}", field="appID", hint="parlour apps list")
    return app.state
