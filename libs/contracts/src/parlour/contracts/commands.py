"""What may be asked of a service over NATS, and how it answers.

A command travels as `Request`, its tag in `body`; the subject names app, room and verb. The same `command_id` again returns the
first answer and changes nothing; with another body it is refused.
"""

import msgspec

from .codes import Problem
from .ids import Seq


class Caller(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who asks, as the gateway authenticated it. `session_id` and `actor` are empty before the login."""

    user_id: str = ""
    session_id: str = ""
    actor: str = ""
    kind: str = "client"
    """client, service or operator."""


class Command(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do"):
    """Base of all commands."""


class JoinRoom(Command, frozen=True, tag="room.join"):
    """Enter a room, opening it if need be. `multi_room`: the session may hold up to five rooms."""

    session_id: str
    user_id: str
    user_name: str = ""
    max_member_count: int = 0
    user_update: bool = False
    multi_room: bool = False
    token_expires_s: int = 0
    address: str = ""
    """Where the client connects from, as the gateway sees it."""


class LeaveRoom(Command, frozen=True, tag="room.leave"):
    """reason: logout, disconnected."""

    session_id: str
    reason: str = "logout"


class KickUser(Command, frozen=True, tag="room.kick"):
    """Operator's command, answered by `Kicked`; a user who is not there is no error. `by`: operator, or token/JTI."""

    user_id: str
    reason: str = ""
    by: str = "operator"


class EndStay(Command, frozen=True, tag="room.end_stay"):
    """A service's command: one session's stay is over, for a `reason`; the session is kicked (1002055). Answered by `Kicked`."""

    session_id: str
    actor: str
    reason: str


class CloseRoom(Command, frozen=True, tag="room.close"):
    """Everybody is kicked (1002055) and the life ends. Answered by `Closed`. `by` as in `KickUser`."""

    reason: str = "closed_by_server"
    by: str = "operator"


class SetRoomExtraInfo(Command, frozen=True, tag="room.set_extra_info"):
    """One key of at most 10 bytes."""

    session_id: str
    key: str
    value: str


class Media(msgspec.Struct, frozen=True, omit_defaults=True):
    """The media sections of an offer that carry one stream; "" where there is none."""

    audio_mid: str = ""
    video_mid: str = ""


class Publish(Command, frozen=True, tag="stream.publish"):
    """Offer to send a stream on the session's publishing transport (`transport_id` empty: a new one)."""

    session_id: str
    stream_id: str
    sdp: str
    media: Media
    transport_id: str = ""
    extra_info: str = ""
    codec: str = ""
    resource: str = ""
    """Names a transport that stands for itself (WHIP), apart from the session's others and their limit."""


class StopPublish(Command, frozen=True, tag="stream.stop_publish"):
    """Remove an own stream; `close_transport`: the transport carries nothing else and ends too."""

    session_id: str
    stream_id: str
    close_transport: bool = False


class Play(Command, frozen=True, tag="stream.play"):
    """Offer to receive a stream on the session's playing transport (`transport_id` empty: a new one)."""

    session_id: str
    stream_id: str
    sdp: str
    media: Media
    transport_id: str = ""
    resource: str = ""
    """As in `Publish` (WHEP)."""


class StopPlay(Command, frozen=True, tag="stream.stop_play"):
    """Stop receiving a stream: on one transport, which then ends with it, or (`transport_id` empty) on all of the session's."""

    session_id: str
    stream_id: str
    transport_id: str = ""


class SetStreamExtraInfo(Command, frozen=True, tag="stream.set_extra_info"):
    """At most 1,024 bytes."""

    session_id: str
    stream_id: str
    extra_info: str


class SetMutes(Command, frozen=True, tag="stream.set_mutes"):
    """What the publisher holds back of an own stream from now on, both kinds at once."""

    session_id: str
    stream_id: str
    audio_muted: bool
    video_muted: bool


class RestartIce(Command, frozen=True, tag="stream.restart_ice"):
    """A new offer with new ICE credentials for a transport that exists."""

    session_id: str
    transport_id: str
    sdp: str


class EndResource(Command, frozen=True, tag="stream.end_resource"):
    """End what a WHIP (`publishes`) or WHEP resource carries, and its transport; a stream that has moved to another transport stays.

    Answered by `ResourceEnded`. Any gateway may ask, with what the resource's address says."""

    session_id: str
    stream_id: str
    transport_id: str
    publishes: bool


class RenewIce(Command, frozen=True, tag="stream.renew_ice"):
    """New ICE credentials of the peer for a resource's transport; without them only the question how it stands.

    `match`: the relay's ufrag that the asker knows, empty for any. Answered by `relay.IceRenewed`."""

    session_id: str
    transport_id: str
    ufrag: str = ""
    pwd: str = ""
    match: str = ""


class DescribeRoom(Command, frozen=True, tag="room.describe"):
    """Operator's question to the room service: what it holds in memory at this moment."""


class DescribeStreams(Command, frozen=True, tag="registry.describe"):
    """Operator's question to the registry: what it holds in memory at this moment."""


class SendBroadcast(Command, frozen=True, tag="im.send_broadcast"):
    """Reliable, to all of the room but the sender."""

    session_id: str
    text: str


class SendBarrage(Command, frozen=True, tag="im.send_barrage"):
    """To all of the room but the sender."""

    session_id: str
    text: str


class SendCommand(Command, frozen=True, tag="im.send_command"):
    """To the users named, or to all of the room where none is."""

    session_id: str
    text: str
    to_user_ids: tuple[str, ...] = ()


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


class CreateApp(Command, frozen=True, tag="auth.create_app"):
    """`app` 0 draws a free id; `secret` empty draws one (32 characters)."""

    app: int = 0
    name: str = ""
    secret: str = ""


class ListApps(Command, frozen=True, tag="auth.list_apps"):
    """All apps, without secrets."""


class RotateSecret(Command, frozen=True, tag="auth.rotate_secret"):
    """A new secret beside the old one, which stays valid for `overlap_s`."""

    app: int
    overlap_s: int = 86400


class SetAppRules(Command, frozen=True, tag="auth.set_app_rules"):
    """Rules of the app from now on, as `AppRules` has them; an empty one stays as it is. Answered by `AppRules`."""

    login_tokens: str = ""
    privileges: str = ""
    expiry: str = ""


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
    """Refuse what the key signed. Answered by `LoginKeys`."""

    kid: str


class ListLoginKeys(Command, frozen=True, tag="auth.list_login_keys"):
    """Every public key of the app. Answered by `LoginKeys`."""


class IssueSubscription(Command, frozen=True, tag="auth.issue_subscription"):
    """A signed token for readers outside: `room` empty means any, `user_id` empty means nobody; see `subscriptions.SCOPES`."""

    room: str = ""
    user_id: str = ""
    scopes: tuple[str, ...] = ("events",)
    ttl_s: int = 3600


class VerifySubscription(Command, frozen=True, tag="auth.verify_subscription"):
    """What a signed token allows now."""

    token: str


class RevokeSubscriptions(Command, frozen=True, tag="auth.revoke_subscriptions"):
    """Signed tokens are refused from now on: the one of this `jti`, or all that were made for a user or a room. Name exactly one."""

    jti: str = ""
    user_id: str = ""
    room: str = ""


class DescribeHistory(Command, frozen=True, tag="record.describe_history"):
    """Operator's question: which projections there are and how far each has come. Answered by `history.History`."""


class RebuildHistory(Command, frozen=True, tag="record.rebuild_history"):
    """Operator's command: build the projections anew beside those that answer; one rebuild at a time. Answered by `history.History`."""


class EraseUser(Command, frozen=True, tag="auth.erase_user"):
    """Destroy a person's key, now or when no hold covers them any more."""

    user_id: str


class PlaceHold(Command, frozen=True, tag="auth.place_hold"):
    """Nobody whom it covers is erased: one user, or all who appear in a room."""

    user_id: str = ""
    room: str = ""
    reason: str = ""


class ReleaseHold(Command, frozen=True, tag="auth.release_hold"):
    """End a hold; erasures that waited behind it are done."""

    user_id: str = ""
    room: str = ""


class ListHolds(Command, frozen=True, tag="auth.list_holds"):
    """What is held in the app."""


class PlaceBan(Command, frozen=True, tag="auth.place_ban"):
    """A user, an address (one of them at most) may not log in: to one room, or without `room` to any. With a room alone nobody may.

    `until_s`: unix seconds; or `for_s`: seconds from now; with neither until it is lifted. Who is inside is put out. Answered by
    `Ban`."""

    user_id: str = ""
    address: str = ""
    room: str = ""
    until_s: int = 0
    for_s: int = 0
    reason: str = ""
    by: str = "operator"


class LiftBan(Command, frozen=True, tag="auth.lift_ban"):
    """End a ban before its time; names it as `PlaceBan` did. Answered by `Ban`."""

    user_id: str = ""
    address: str = ""
    room: str = ""
    by: str = "operator"


class ListBans(Command, frozen=True, tag="auth.list_bans"):
    """The bans in force. Answered by `Bans`."""


AnyCommand = (
    JoinRoom | LeaveRoom | KickUser | EndStay | CloseRoom | SetRoomExtraInfo
    | Publish | StopPublish | Play | StopPlay | SetStreamExtraInfo | SetMutes | RestartIce
    | EndResource | RenewIce | DescribeRoom | DescribeStreams
    | SendBroadcast | SendBarrage | SendCommand
    | VerifyToken | IssueToken | CreateApp | ListApps | RotateSecret | SetAppRules
    | IssueLoginToken | AddLoginKey | RemoveLoginKey | ListLoginKeys
    | IssueSubscription | VerifySubscription | RevokeSubscriptions
    | DescribeHistory | RebuildHistory | EraseUser | PlaceHold | ReleaseHold | ListHolds
    | PlaceBan | LiftBan | ListBans
)  # fmt: skip


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command with its id (UUID text) and caller. `if_seq` asks for refusal when the room's head is another."""

    command_id: str
    caller: Caller
    body: AnyCommand
    if_seq: Seq | None = None


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """`problem` or `result`; `position` is where the room's log stood after the commit."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    problem: Problem | None = None
    position: str = ""
    repeated: bool = False


# results, by command


class Joined(msgspec.Struct, frozen=True):
    """Of JoinRoom: `created` tells that this login opened the room."""

    room_uid: str
    actor: str
    created: bool = False


class Published(msgspec.Struct, frozen=True):
    """Of Publish and Play: the relay's answer."""

    transport_id: str
    sdp: str
    node: str


class ResourceEnded(msgspec.Struct, frozen=True):
    """Of EndResource: whether it was there, and how many other transports its session has."""

    found: bool
    remaining: int


class MessageSent(msgspec.Struct, frozen=True):
    """Of the three messages: `message_id` is the event's seq; `absent` are addressees who are not in the room."""

    message_id: int
    absent: tuple[str, ...] = ()


class TokenChecked(msgspec.Struct, frozen=True):
    """Of VerifyToken. `stay_ends_s`: unix seconds when whoever is in a room by this token is put out; 0: never."""

    user_id: str
    expires_s: int
    room: str = ""
    may_publish: bool = True
    stream_ids: tuple[str, ...] = ()
    stay_ends_s: int = 0


class TokenMade(msgspec.Struct, frozen=True):
    """Of IssueToken and IssueLoginToken."""

    token: str
    expires_s: int


class SubscriptionMade(msgspec.Struct, frozen=True):
    """Of IssueSubscription."""

    token: str
    jti: str
    expires_s: int


class AppDescription(msgspec.Struct, frozen=True):
    """One app; `secret` only in the answers of create and rotate."""

    app: int
    name: str
    created_s: int
    secret: str = ""


class LoginKey(msgspec.Struct, frozen=True):
    """An Ed25519 key by which an app signs login tokens: its name, and the base64 of its 32 public bytes."""

    kid: str
    public_key: str


class LoginKeys(msgspec.Struct, frozen=True):
    """Of AddLoginKey, RemoveLoginKey and ListLoginKeys: all keys of the app."""

    keys: tuple[LoginKey, ...]


class AppRules(msgspec.Struct, frozen=True):
    """Of SetAppRules: login_tokens is any, ordered or signed; privileges enforced or text; expiry keep or end."""

    login_tokens: str
    privileges: str
    expiry: str


class Apps(msgspec.Struct, frozen=True):
    """Of ListApps."""

    apps: tuple[AppDescription, ...]


class Erasure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of EraseUser. outcome: erased, waiting (behind a hold), unknown (no such person)."""

    outcome: str
    actor: str = ""


class Holds(msgspec.Struct, frozen=True):
    """Of ListHolds; `waiting` counts erasures behind them."""

    users: tuple[str, ...]
    rooms: tuple[str, ...]
    waiting: int
