"""An app: created once, its secret rotated, its tokens issued and revoked. The decider of the aggregate `app`.

Invariants, cited by the tests:
1. The first event is `app.created`; the first secret follows it at once.
2. At any time at most two secrets are valid: the newest for ever, the one before until its time is over.
3. Creating an app that exists, rotating to the newest secret, and revoking again at the same moment decide nothing.
4. Nothing but its creation happens to an app that does not exist.
5. A signed token issued before a revocation that names its id, its user or its room is refused until it would have expired anyway.
6. At most `MAX_REVOKED` revocations are in force; one more is refused, and none is dropped.
7. An app has at most `KEYS_MAX` public keys, each under a name of its own; a name is not given to a second key.
8. A rule applies from its event on; setting it to the value that it has decides nothing.

Issuing a token twice is two tokens: that a repeated request issues one is the command id's doing, not this decider's.
"""

import re
from typing import assert_never

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.contracts.login_tokens import KEYS_MAX
from parlour.contracts.subscriptions import TTL_MAX_S
from parlour.kernel.decider import Aggregate, Ids
from parlour.kernel.rejection import Rejection

from .rules import Rules, check_value

MAX_OVERLAP_S = 30 * 86400
MAX_REVOKED = 10_000
SECOND = 1_000_000
_KID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Create(msgspec.Struct, frozen=True):
    """Create an app with its first secret."""

    app: int
    name: str
    secret_id: str


class Rotate(msgspec.Struct, frozen=True):
    """Make this secret the newest; the one before stays valid for `overlap_s`."""

    secret_id: str
    overlap_s: int


class Issue(msgspec.Struct, frozen=True):
    """The suite issued a login token."""

    actor: str
    room: str
    expires_s: int


class Subscribe(msgspec.Struct, frozen=True):
    """The suite issued a subscription token."""

    jti: str
    actor: str
    room: str
    scopes: tuple[str, ...]
    expires_s: int


class Revoke(msgspec.Struct, frozen=True):
    """Refuse signed tokens that were issued until now: by `jti`, `actor` or `room`, of which one is named."""

    jti: str
    actor: str
    room: str


class SetRules(msgspec.Struct, frozen=True):
    """Set rules to values of `rules.VALUES`."""

    rules: dict[str, str]


class AddKey(msgspec.Struct, frozen=True):
    """Accept login tokens signed with this key (base64 of an Ed25519 public key)."""

    kid: str
    public_key: str


class RemoveKey(msgspec.Struct, frozen=True):
    """Refuse login tokens signed with this key."""

    kid: str


AppCommand = Create | Rotate | Issue | Subscribe | Revoke | SetRules | AddKey | RemoveKey


class Absent(msgspec.Struct, frozen=True):
    """The app does not exist."""


class SecretRef(msgspec.Struct, frozen=True):
    """A secret by id, valid until `until_s` (unix seconds); None: without end."""

    secret_id: str
    until_s: int | None = None


class Revoked(msgspec.Struct, frozen=True):
    """Tokens issued up to `at_ms` (unix milliseconds) are refused; all of them have expired after `until_s`."""

    at_ms: int
    until_s: int


class Active(msgspec.Struct, frozen=True):
    """The app exists; `secrets` newest first; `revoked` by ("jti" | "actor" | "room", its name)."""

    app: int
    name: str
    secrets: tuple[SecretRef, ...] = ()
    revoked: dict[tuple[str, str], Revoked] = msgspec.field(default_factory=dict[tuple[str, str], Revoked])
    rules: Rules = Rules()
    login_keys: dict[str, str] = msgspec.field(default_factory=dict[str, str])

    def is_revoked(self, jti: str, actor: str, room: str, issued_ms: int) -> bool:
        """Whether a signed token with this id, user and room, issued at `issued_ms`, is revoked (invariant 5)."""
        found = (self.revoked.get(key) for key in (("jti", jti), ("actor", actor), ("room", room)) if key[1])
        return any(one is not None and (issued_ms <= one.at_ms) for one in found)

    def valid(self, now_s: int) -> tuple[str, ...]:
        """The ids of the secrets that are valid now, newest first."""
        return tuple(ref.secret_id for ref in self.secrets if ref.until_s is None or now_s < ref.until_s)


State = Absent | Active
INITIAL: State = Absent()


def decide(state: State, command: AppCommand, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """The events that the command causes; `Rejection` where a rule forbids it. `at` is unix microseconds; no new ids are needed."""
    match command:
        case Create(app, name, secret_id):
            if isinstance(state, Active):
                return ()
            return ev.AppCreated(app, name), ev.SecretRotated(app, secret_id, 0)
        case Rotate(secret_id, overlap_s):
            app = _existing(state)
            if app.secrets and app.secrets[0].secret_id == secret_id:
                return ()
            if not 0 <= overlap_s <= MAX_OVERLAP_S:
                raise Rejection(
                    Code.PARAMETER, "the overlap is out of range", field="overlap_s", limit=f"0..{MAX_OVERLAP_S}"
                )
            return (ev.SecretRotated(app.app, secret_id, at // SECOND + overlap_s),)
        case Issue(actor, room, expires_s):
            return (ev.TokenIssued(_existing(state).app, actor, room, expires_s),)
        case Subscribe(jti, actor, room, scopes, expires_s):
            return (ev.SubscriptionIssued(_existing(state).app, jti, actor, room, scopes, expires_s),)
        case Revoke(jti, actor, room):
            return _revoke(_existing(state), ev.SubscriptionsRevoked(0, jti, actor, room, at // 1000, 0))
        case SetRules(rules):
            return _set_rules(_existing(state), rules)
        case AddKey():
            return _add_key(_existing(state), command)
        case RemoveKey(kid):
            app = _existing(state)
            return (ev.LoginKeyRemoved(app.app, kid),) if kid in app.login_keys else ()
        case _:
            assert_never(command)


def _add_key(app: Active, command: AddKey) -> tuple[ev.Event, ...]:
    if not _KID.fullmatch(command.kid):
        raise invalid(Code.PARAMETER, "kid", "a key's name has other characters", limit="1..64 of A-Z a-z 0-9 . _ -")
    known = app.login_keys.get(command.kid)
    if known == command.public_key:
        return ()
    if known is not None:
        raise invalid(Code.PARAMETER, "kid", "another key has this name", hint="choose another, or remove that key")
    if len(app.login_keys) >= KEYS_MAX:
        raise invalid(Code.PARAMETER, "kid", "the app has too many keys", limit=str(KEYS_MAX), hint="remove one")
    return (ev.LoginKeyAdded(app.app, command.kid, command.public_key),)


def _set_rules(app: Active, rules: dict[str, str]) -> tuple[ev.Event, ...]:
    for rule, value in rules.items():
        check_value(rule, value)
    changed = ((rule, value) for rule, value in rules.items() if app.rules.with_rule(rule, value) != app.rules)
    return tuple(ev.RuleSet(app.app, rule, value) for rule, value in changed)


def _revoke(app: Active, event: ev.SubscriptionsRevoked) -> tuple[ev.Event, ...]:
    now_s = event.at_ms // 1000
    before = app.revoked.get(_revoked_key(event))
    if before is not None and before.at_ms >= event.at_ms:
        return ()
    if sum(one.until_s >= now_s for one in app.revoked.values()) >= MAX_REVOKED:
        raise Rejection(
            Code.RATE_LIMITED, "too many revocations are in force", limit=str(MAX_REVOKED),
            hint="rotate the app's secret: that ends all of its tokens",
        )  # fmt: skip
    return (msgspec.structs.replace(event, app=app.app, until_s=now_s + TTL_MAX_S),)


def evolve(state: State, event: ev.Event) -> State:
    """The state after one more event; total, and events of other aggregates change nothing."""
    match event:
        case ev.AppCreated(app, name):
            return Active(app, name)
        case ev.RuleSet(_, rule, value) if isinstance(state, Active):
            return msgspec.structs.replace(state, rules=state.rules.with_rule(rule, value))
        case ev.SecretRotated() if isinstance(state, Active):
            before = (SecretRef(ref.secret_id, event.old_valid_until_s) for ref in state.secrets[:1])
            return msgspec.structs.replace(state, secrets=(SecretRef(event.secret_id), *before))
        case ev.LoginKeyAdded(_, kid, key) if isinstance(state, Active):
            return msgspec.structs.replace(state, login_keys={**state.login_keys, kid: key})
        case ev.LoginKeyRemoved(_, gone) if isinstance(state, Active):
            others = {kid: key for kid, key in state.login_keys.items() if kid != gone}
            return msgspec.structs.replace(state, login_keys=others)
        case ev.SubscriptionsRevoked() if isinstance(state, Active):
            return _with_revoked(state, event)
        case _:
            return state


AGGREGATE = Aggregate(ev.AppCreated.AGGREGATE, INITIAL, evolve)


def _with_revoked(state: Active, event: ev.SubscriptionsRevoked) -> Active:
    """With one more revocation, and without those whose tokens have expired."""
    key = _revoked_key(event)
    if not key[1]:
        return state
    in_force = {k: one for k, one in state.revoked.items() if one.until_s >= event.at_ms // 1000}
    return msgspec.structs.replace(state, revoked={**in_force, key: Revoked(event.at_ms, event.until_s)})


def _revoked_key(event: ev.SubscriptionsRevoked) -> tuple[str, str]:
    named = (("jti", event.jti), ("actor", event.actor), ("room", event.room))
    return next((key for key in named if key[1]), ("", ""))


def _existing(state: State) -> Active:
    if isinstance(state, Absent):
        raise Rejection(Code.APP_ID, "there is no such app", field="appID", hint="create it first")
    return state
