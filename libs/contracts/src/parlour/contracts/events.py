"""The facts that a room's log holds. Past tense; the stored tag never changes and never follows a rename.

`Personal` text is sealed in the log under the actor's key and opened only in views. People appear as `actor`, a random id that
stands for (app, user) as long as the person's key exists. A new field gets a default; a changed meaning gets a new tag and an upcaster.
"""

from enum import IntEnum
from typing import Annotated, ClassVar, cast

import msgspec

from .spelling import wire_name

Personal = Annotated[str, msgspec.Meta(extra={"personal": True})]
"""Text about a person: sealed at rest, redacted in logs."""


class Audience(IntEnum):
    """Who may see an event; others only learn that a sequence number was used."""

    MEMBERS = 0
    NAMED = 1
    AUDIT = 2


class Event(msgspec.Struct, frozen=True, rename=wire_name):
    """Base: `AGGREGATE` names the part of the room that it belongs to, `AUDIENCE` its readers."""

    TAG: ClassVar[str] = ""
    AGGREGATE: ClassVar[str] = ""
    AUDIENCE: ClassVar[Audience] = Audience.MEMBERS


class RoomEvent(Event, frozen=True):
    """Base of what belongs to the room itself."""

    AGGREGATE = "room"


class RoomOpened(RoomEvent, frozen=True):
    """A call of a room begins. `previous` cites the last position of the call before, if there was one."""

    TAG = "room.opened.v1"
    app: int
    room: str
    max_member_count: int = 0
    previous: str = ""


class SessionEvent(RoomEvent, frozen=True):
    """Base of what happens to a session in the room."""

    session_id: str
    actor: str


class UserJoined(SessionEvent, frozen=True):
    """`session_id` is one login of one client; `user_name` is as given then."""

    TAG = "room.user_joined.v1"
    user_id: Personal
    user_name: Personal
    user_update: bool = False


class UserSuspended(SessionEvent, frozen=True):
    """The session has had no connection for longer than the grace time; clients are not notified."""

    TAG = "room.user_suspended.v1"
    AUDIENCE = Audience.AUDIT


class UserResumed(SessionEvent, frozen=True):
    """A suspended session is connected again."""

    TAG = "room.user_resumed.v1"
    AUDIENCE = Audience.AUDIT


class UserLeft(SessionEvent, frozen=True):
    """reason: logout, heartbeat_timeout, disconnected, room_closed."""

    TAG = "room.user_left.v1"
    reason: str


class UserKicked(SessionEvent, frozen=True):
    """`code` is what the kicked client is told: 1002050 login elsewhere, 1002055 by the server. Where the stay
    ended with its token, by a rule of the app, `reason` is token_expired.
    """

    TAG = "room.user_kicked.v1"
    code: int
    reason: str = ""
    by: str = ""
    """Who did it: operator, or token/JTI; empty where nobody in particular did."""


class RoomExtraInfoChanged(RoomEvent, frozen=True):
    """One key of the room's extra information was set."""

    TAG = "room.extra_info_changed.v1"
    actor: str
    key: str
    value: Personal


class RoomClosed(RoomEvent, frozen=True):
    """The call ends, and with it every stream that is still there, without an event of its own; reason: empty, closed_by_server."""

    TAG = "room.closed.v1"
    reason: str
    by: str = ""
    """As a kick's."""


class StreamEvent(Event, frozen=True):
    """Base of what happens to a stream. `session_id` and `actor` are the publisher's; of a play, the player's."""

    AGGREGATE = "streams"
    stream_id: str
    session_id: str
    actor: str


class PublicationEvent(StreamEvent, frozen=True):
    """Base of what describes a stream that is published."""

    node: str
    transport_id: str
    extra_info: Personal = ""
    codec: str = ""
    has_audio: bool = True
    has_video: bool = True


class StreamAdded(PublicationEvent, frozen=True):
    """`node` is the relay that takes the stream in, `transport_id` the publisher's transport there."""

    TAG = "stream.added.v1"


class StreamUpdated(PublicationEvent, frozen=True):
    """Extra information changed, or the same session published the stream anew on `node`."""

    TAG = "stream.updated.v1"


class StreamRemoved(StreamEvent, frozen=True):
    """`code`: 1 stopped, 2 heartbeat timeout, 3 repeated login, 4 kicked, 5 disconnected, 6 removed by the server."""

    TAG = "stream.removed.v1"
    code: int


class MutesChanged(StreamEvent, frozen=True):
    """The publisher muted or unmuted the stream's microphone or camera. A stream begins with neither muted."""

    TAG = "stream.mutes_changed.v1"
    audio_muted: bool
    video_muted: bool


class PlayStarted(StreamEvent, frozen=True):
    """A session plays a stream."""

    TAG = "stream.play_started.v1"
    AUDIENCE = Audience.AUDIT
    node: str
    transport_id: str


class PlayStopped(StreamEvent, frozen=True):
    """reason: stopped, left, disconnected. `remaining` transports of the session play the stream on. A stream's removal ends all
    its plays without events of their own."""

    TAG = "stream.play_stopped.v1"
    AUDIENCE = Audience.AUDIT
    reason: str
    transport_id: str = ""
    remaining: int = 0


class MessageEvent(Event, frozen=True):
    """Base of what a session says to the room."""

    AGGREGATE = "im"
    session_id: str
    actor: str
    text: Personal


class BroadcastSent(MessageEvent, frozen=True):
    """A reliable message to all of the room; its message id is its seq."""

    TAG = "im.broadcast_sent.v1"


class BarrageSent(MessageEvent, frozen=True):
    """A message that the app may choose not to record."""

    TAG = "im.barrage_sent.v1"


class CommandSent(MessageEvent, frozen=True):
    """A signalling message; `to` are actors, empty for the whole room."""

    TAG = "im.command_sent.v1"
    AUDIENCE = Audience.NAMED
    to: tuple[str, ...] = ()


class AppEvent(Event, frozen=True):
    """Base of what happens to the app itself."""

    AGGREGATE = "app"
    AUDIENCE = Audience.AUDIT
    app: int


class AppCreated(AppEvent, frozen=True):
    """An app was created."""

    TAG = "app.created.v1"
    name: str


class SecretRotated(AppEvent, frozen=True):
    """A new secret is active; the one before stays valid until `old_valid_until_s` (unix seconds)."""

    TAG = "app.secret_rotated.v1"
    secret_id: str
    old_valid_until_s: int


class TokenIssued(AppEvent, frozen=True):
    """The suite issued a token for an actor."""

    TAG = "app.token_issued.v1"
    actor: str
    room: str
    expires_s: int


class RuleSet(AppEvent, frozen=True):
    """A rule of the app was set: `login_tokens` (any, ordered, signed), `privileges` (enforced, text) or `expiry` (keep, end)."""

    TAG = "app.rule_set.v1"
    rule: str
    value: str


class LoginKeyAdded(AppEvent, frozen=True):
    """Login tokens signed with this Ed25519 key are taken from now on; `public_key` is the base64 of its 32 bytes, `kid` its name."""

    TAG = "app.login_key_added.v1"
    kid: str
    public_key: str


class LoginKeyRemoved(AppEvent, frozen=True):
    """Login tokens signed with this key are refused from now on."""

    TAG = "app.login_key_removed.v1"
    kid: str


class SubscriptionIssued(AppEvent, frozen=True):
    """A signed token for readers outside was made; `room` and `actor` empty: for any, for nobody in particular."""

    TAG = "app.subscription_issued.v1"
    jti: str
    actor: str
    room: str
    scopes: tuple[str, ...]
    expires_s: int


class SubscriptionsRevoked(AppEvent, frozen=True):
    """Signed tokens made up to `at_ms` (unix) are refused: one by `jti`, or all of an actor or a room; all are over at `until_s`."""

    TAG = "app.subscriptions_revoked.v1"
    jti: str
    actor: str
    room: str
    at_ms: int
    until_s: int


class PrivacyEvent(Event, frozen=True):
    """Base of what concerns erasures and holds; `actor` is the user, empty where a hold is about a room."""

    AGGREGATE = "privacy"
    AUDIENCE = Audience.AUDIT
    actor: str


class ErasureRequested(PrivacyEvent, frozen=True):
    """A user's erasure was requested; `waits`: it waits for a hold to end."""

    TAG = "app.erasure_requested.v1"
    waits: bool = False


class ErasureFreed(PrivacyEvent, frozen=True):
    """No hold covers the user any more, whose erasure can go on."""

    TAG = "app.erasure_freed.v1"


class UserErased(PrivacyEvent, frozen=True):
    """The user's key was destroyed: nobody can open the personal text about them any more."""

    TAG = "app.user_erased.v1"


class HoldPlaced(PrivacyEvent, frozen=True):
    """A hold protects a user (`actor`), or all who appear in a room, from erasure."""

    TAG = "app.hold_placed.v1"
    room: str
    reason: str = ""


class BanEvent(Event, frozen=True):
    """Base of what concerns one ban. `kind`: user, address, room. `actor` stands for the user or for the address, as for a person; `room`
    empty: any of the app's."""

    AGGREGATE = "bans"
    AUDIENCE = Audience.AUDIT
    kind: str
    actor: str
    room: str


class BanPlaced(BanEvent, frozen=True):
    """A user, an address or everybody may not log in to `room` (empty: to any of the app's) until `until_s` (unix seconds, 0: until the
    ban is lifted). `kind`: user, address, room. `actor` stands for the user or for the address, as for a person."""

    TAG = "app.ban_placed.v1"
    until_s: int
    at_s: int
    reason: str = ""
    by: str = ""


class BanLifted(BanEvent, frozen=True):
    """A ban was ended before its time."""

    TAG = "app.ban_lifted.v1"
    by: str = ""


class HoldReleased(PrivacyEvent, frozen=True):
    """A hold was ended."""

    TAG = "app.hold_released.v1"
    room: str


ALL: tuple[type[Event], ...] = (
    RoomOpened, UserJoined, UserSuspended, UserResumed, UserLeft, UserKicked, RoomExtraInfoChanged, RoomClosed,
    StreamAdded, StreamUpdated, StreamRemoved, MutesChanged, PlayStarted, PlayStopped,
    BroadcastSent, BarrageSent, CommandSent,
    AppCreated, SecretRotated, TokenIssued, RuleSet, LoginKeyAdded, LoginKeyRemoved, SubscriptionIssued, SubscriptionsRevoked,
    ErasureRequested, ErasureFreed, UserErased, HoldPlaced, HoldReleased, BanPlaced, BanLifted,
)  # fmt: skip
BY_TAG: dict[str, type[Event]] = {event.TAG: event for event in ALL}


def audience_of(event: Event) -> Audience:
    """Returns who may see an event: its type's audience, but a command without addressees is for the whole room."""
    return Audience.MEMBERS if isinstance(event, CommandSent) and not event.to else event.AUDIENCE


def personal_fields(event: type[Event]) -> tuple[str, ...]:
    """Returns the names of an event type's sealed fields, in their order."""
    return _PERSONAL[event]


def _is_personal(kind: msgspec.inspect.Type) -> bool:
    if not isinstance(kind, msgspec.inspect.Metadata):
        return False
    extra = cast("dict[str, object]", kind.extra or {})
    return bool(extra.get("personal"))


def _find_personal(event: type[Event]) -> tuple[str, ...]:
    described = msgspec.inspect.type_info(event)
    assert isinstance(described, msgspec.inspect.StructType)
    return tuple(field.name for field in described.fields if _is_personal(field.type))


_PERSONAL: dict[type[Event], tuple[str, ...]] = {event: _find_personal(event) for event in ALL}
