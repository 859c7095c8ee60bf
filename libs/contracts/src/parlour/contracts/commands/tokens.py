"""Commands on tokens: to log in, to read from outside, and the keys that sign them; answered by the auth service."""

import msgspec

from .caller import Command


class VerifyToken(Command, frozen=True, tag="auth.verify_token"):
    """purpose: login, publish, renew. An empty `user_id` takes the token's (bearer tokens)."""

    token: str
    user_id: str = ""
    room: str = ""
    purpose: str = "login"
    stream_id: str = ""


class IssueToken(Command, frozen=True, tag="auth.issue_token"):
    """A token04 made by the suite; `room` limits it to one room."""

    user_id: str
    room: str = ""
    ttl_s: int = 86400


class IssueLoginToken(Command, frozen=True, tag="auth.issue_login_token"):
    """A signed login token under the app's secret; `room` empty means any, no `stream_ids` any stream. Answered by `TokenMade`."""

    user_id: str
    room: str = ""
    ttl_s: int = 86400
    may_publish: bool = True
    stream_ids: tuple[str, ...] = ()


class AddLoginKey(Command, frozen=True, tag="auth.add_login_key"):
    """Take login tokens signed with this Ed25519 key; `public_key` in PEM, `kid` empty names it by its digest. Answered by `LoginKeys`."""

    public_key: str
    kid: str = ""


class RemoveLoginKey(Command, frozen=True, tag="auth.remove_login_key"):
    """Refuses all tokens that the key signed. Answered by `LoginKeys`."""

    kid: str


class ListLoginKeys(Command, frozen=True, tag="auth.list_login_keys"):
    """Asks for the app's public keys. Answered by `LoginKeys`."""


class IssueSubscription(Command, frozen=True, tag="auth.issue_subscription"):
    """A signed token for readers outside: `room` empty means any, `user_id` empty means nobody; see `subscriptions.SCOPES`."""

    room: str = ""
    user_id: str = ""
    scopes: tuple[str, ...] = ("events",)
    ttl_s: int = 3600


class VerifySubscription(Command, frozen=True, tag="auth.verify_subscription"):
    """Asks what a subscription token allows now."""

    token: str


class RevokeSubscriptions(Command, frozen=True, tag="auth.revoke_subscriptions"):
    """Signed tokens are refused from now on: the one of this `jti`, or all that were made for a user or a room. Name exactly one."""

    jti: str = ""
    user_id: str = ""
    room: str = ""


class TokenChecked(msgspec.Struct, frozen=True):
    """The answer to `VerifyToken`. `stay_ends_s`: unix seconds when the user must leave the room; 0: never."""

    user_id: str
    expires_s: int
    room: str = ""
    may_publish: bool = True
    stream_ids: tuple[str, ...] = ()
    stay_ends_s: int = 0


class TokenMade(msgspec.Struct, frozen=True):
    """The answer to `IssueToken` and `IssueLoginToken`."""

    token: str
    expires_s: int


class SubscriptionMade(msgspec.Struct, frozen=True):
    """The answer to `IssueSubscription`: the token, the id by which it is revoked, and its lifetime in seconds."""

    token: str
    jti: str
    expires_s: int


class LoginKey(msgspec.Struct, frozen=True):
    """An Ed25519 key by which an app signs login tokens: its name, and the base64 of its 32 public bytes."""

    kid: str
    public_key: str


class LoginKeys(msgspec.Struct, frozen=True):
    """The answer to `AddLoginKey`, `RemoveLoginKey` and `ListLoginKeys`: all keys of the app."""

    keys: tuple[LoginKey, ...]
