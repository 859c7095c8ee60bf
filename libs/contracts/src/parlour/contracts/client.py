"""The frames of the client protocol `parlour.v1.json`: one JSON object each, its type in `t`, names in the seeds' spelling.

`docs/protocol.md` is the normative text; these structs are what the gateway reads and writes.
"""

from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from .codes import Problem
from .commands import MediaSections
from .ids import Int32, Seq
from .spelling import wire_name

SUBPROTOCOL = "parlour.v1.json"
FRAME_BYTES = 64 * 1024
FRAME_DEPTH = 16


class UserRef(msgspec.Struct, frozen=True, rename=wire_name):
    """A user as clients see one."""

    user_id: str
    user_name: str = ""


class LoginConfig(msgspec.Struct, frozen=True, rename=wire_name):
    """How a login wants its room. `max_member_count` counts only where the login opens the room; 0: no limit."""

    user_update: bool = False
    max_member_count: Int32 = 0


class ClientFrame(msgspec.Struct, frozen=True, tag_field="t", rename=wire_name):
    """Base of what a client sends. `id` names the question: the same one again gets the first answer."""

    id: UUID


class RoomRequest(ClientFrame, frozen=True):
    """Base of what a client sends about one room."""

    room_id: str


class RoomCommandFrame(RoomRequest, frozen=True, kw_only=True):
    """Base of frames that become commands. `if_seq`: the command is refused unless the room is at this event."""

    if_seq: Seq | None = None


class StreamCommandFrame(RoomCommandFrame, frozen=True):
    """Base of commands about one stream of the room."""

    stream_id: str


class Login(ClientFrame, frozen=True, tag="login"):
    """Enters a room; the first frame of a new client."""

    app_id: int
    room_id: str
    token: str
    user: UserRef
    config: LoginConfig = LoginConfig()
    multi_room: bool = False

    def __repr__(self) -> str:
        return f"Login(room_id={self.room_id!r})"


class Resume(ClientFrame, frozen=True, tag="resume"):
    """Continues a session: `rooms` holds the position of the last frame applied in each."""

    session_id: str
    rooms: dict[str, str]

    def __repr__(self) -> str:
        return f"Resume(rooms={self.rooms!r})"


class Logout(RoomCommandFrame, frozen=True, tag="logout"):
    """Leaves a room; the session ends with its last one."""


class Publish(StreamCommandFrame, frozen=True, tag="publish"):
    """Offers to send a stream."""

    sdp: str
    media: MediaSections
    transport_id: str = ""
    extra_info: str = ""
    codec: str = ""


class StopPublish(StreamCommandFrame, frozen=True, tag="stopPublish"):
    """Stops sending a stream."""


class Play(StreamCommandFrame, frozen=True, tag="play"):
    """Offers to receive a stream."""

    sdp: str
    media: MediaSections
    transport_id: str = ""


class StopPlay(StreamCommandFrame, frozen=True, tag="stopPlay"):
    """Stops receiving a stream."""


class RestartIce(RoomRequest, frozen=True, tag="restartIce"):
    """Offers new ICE credentials for a transport that exists."""

    transport_id: str
    sdp: str


class StreamExtraInfo(StreamCommandFrame, frozen=True, tag="streamExtraInfo"):
    """Changes an own stream's extra information."""

    extra_info: str


class Mutes(StreamCommandFrame, frozen=True, tag="mutes"):
    """Mutes or unmutes `audio` and `video` of an own stream."""

    audio: bool
    video: bool


class RoomExtraInfo(RoomCommandFrame, frozen=True, tag="roomExtraInfo"):
    """Sets one key of the room's extra information."""

    key: str
    value: str


class Broadcast(RoomCommandFrame, frozen=True, tag="broadcast"):
    """A reliable message to the room."""

    message: str


class Barrage(RoomCommandFrame, frozen=True, tag="barrage"):
    """A message to the room that may be dropped."""

    message: str


class CustomCommand(RoomCommandFrame, frozen=True, tag="command"):
    """A signalling message to some users, or to all where none is named."""

    command: str
    to_user_ids: tuple[str, ...] = msgspec.field(default=(), name="toUserIDs")


class RenewToken(RoomRequest, frozen=True, tag="renewToken"):
    """Brings a new token for the session's stay in a room."""

    token: str

    def __repr__(self) -> str:
        return f"RenewToken(room_id={self.room_id!r})"


class Subscribe(RoomRequest, frozen=True, tag="subscribe"):
    """Reads a room's events without entering it. `after`: the position to go on from, empty: a snapshot first; `types` as over HTTP."""

    token: str
    after: str = ""
    types: tuple[str, ...] = ()
    app_id: int = 0

    def __repr__(self) -> str:
        return f"Subscribe(room_id={self.room_id!r}, after={self.after!r})"


class Unsubscribe(RoomRequest, frozen=True, tag="unsubscribe"):
    """Stops reading a room."""


class Ping(ClientFrame, frozen=True, tag="ping"):
    """Asks whether the gateway is there; answered by `Pong`."""


RoomFrame = (
    Logout | Publish | StopPublish | Play | StopPlay | RestartIce | StreamExtraInfo | Mutes | RoomExtraInfo
    | Broadcast | Barrage | CustomCommand | RenewToken
)  # fmt: skip
"""Frames about a room that the session is in."""

AnyClientFrame = Login | Resume | Ping | Subscribe | Unsubscribe | RoomFrame


class StreamEntry(msgspec.Struct, frozen=True, rename=wire_name):
    """A stream as clients see one."""

    stream_id: str
    user: UserRef
    extra_info: str
    has_audio: bool
    has_video: bool
    codec: str
    audio_muted: bool = False
    video_muted: bool = False


class ExtraInfo(msgspec.Struct, frozen=True, rename=wire_name):
    """One key of room extra information; `update_time` in unix milliseconds."""

    key: str
    value: str
    update_user: UserRef
    update_time: int


class Heartbeat(msgspec.Struct, frozen=True, rename=wire_name):
    """How often to ping, how long a lost connection keeps its session, how long a client tries to come back."""

    interval_ms: int
    window_ms: int
    reconnect_ms: int


class IceServer(msgspec.Struct, frozen=True, rename=wire_name):
    """A TURN server as RTCPeerConnection takes one; the credentials run out."""

    urls: tuple[str, ...]
    username: str
    credential: str


class ServerFrame(msgspec.Struct, frozen=True, tag_field="t", rename=wire_name):
    """Base of what the gateway sends."""


class RoomServerFrame(ServerFrame, frozen=True):
    """Base of what the gateway sends about one room."""

    room_id: str


class Res(ServerFrame, frozen=True, tag="res"):
    """The answer to a request; answers with more fields derive from it."""

    id: str
    ok: bool = True


class RequestRefused(Res, frozen=True, tag="res"):
    """The answer to a request that was refused."""

    error: Problem = Problem(0, "")


class LoggedIn(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `login`: the room as of `position`; the events after it follow."""

    session_id: str
    server_time: int
    heartbeat: Heartbeat
    position: str
    users: tuple[UserRef, ...]
    streams: tuple[StreamEntry, ...]
    extra_info: tuple[ExtraInfo, ...]
    token_expires_in: int
    ice_servers: tuple[IceServer, ...] = ()


class Resumed(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `resume`: for each room `tail` or `snapshot`."""

    rooms: dict[str, str]
    server_time: int
    ice_servers: tuple[IceServer, ...] = ()


class Subscribed(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `subscribe`: `tail` or `snapshot`, as in `Resumed`; the token is valid for `token_expires_in` seconds."""

    mode: str
    token_expires_in: int


class Negotiated(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `publish`, `play` and `restartIce`: the relay's SDP answer."""

    transport_id: str
    sdp: str


class Sent(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `broadcast` (a number) and `barrage` (text)."""

    message_id: int | str


class Delivered(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `command`: the addressees who are not in the room."""

    absent: tuple[str, ...]


class Renewed(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `renewToken`. The session's secret carries its rights, so it changes with the token."""

    token_expires_in: int
    session_id: str


class Pong(Res, frozen=True, tag="res", kw_only=True):
    """The answer to `ping`, with the server's time in unix milliseconds."""

    server_time: int


class Ev(RoomServerFrame, frozen=True, tag="ev", kw_only=True):
    """One event. `prev` is the hash8 before it, `at` unix microseconds, `user` the actor."""

    pos: str
    seq: int
    prev: str
    at: int
    type: str
    data: msgspec.Raw
    user: UserRef | UnsetType = UNSET
    command_id: str | UnsetType = UNSET


class Skip(RoomServerFrame, frozen=True, tag="skip", kw_only=True):
    """Events that are not for this reader; `from` is a keyword, hence `first`."""

    first: int = msgspec.field(name="from")
    to: int
    pos: str


class Snap(RoomServerFrame, frozen=True, tag="snap", kw_only=True):
    """The room as of `pos`; it replaces the state that the client has."""

    pos: str
    users: tuple[UserRef, ...]
    streams: tuple[StreamEntry, ...]
    extra_info: tuple[ExtraInfo, ...]


class Page(RoomServerFrame, frozen=True, tag="page"):
    """Users and streams that come before those in the next `snap` or answer to `login`."""

    users: tuple[UserRef, ...] = ()
    streams: tuple[StreamEntry, ...] = ()


class Live(RoomServerFrame, frozen=True, tag="live"):
    """All events up to `pos` were sent; later ones follow as they happen."""

    pos: str


class HeadAt(RoomServerFrame, frozen=True, tag="head"):
    """The room's last position, for a lagging client, which resumes from its own."""

    pos: str


class Resync(RoomServerFrame, frozen=True, tag="resync"):
    """The client's position can't be continued (diverged, expired, limit); a `snap` follows."""

    reason: str


class End(RoomServerFrame, frozen=True, tag="end"):
    """This session's stay in the room, or this subscription, is over."""

    code: int
    reason: str


class MediaGone(RoomServerFrame, frozen=True, tag="media"):
    """state gone: the relay lost this client's transport, which must be offered again. move: the relay is about to stop; the client makes a
    new transport, without `transportID`, and leaves this one once media flows on the new one."""

    stream_id: str
    transport_id: str
    state: str = "gone"


class Count(RoomServerFrame, frozen=True, tag="count"):
    """The number of users in the room."""

    count: int


class Failure(ServerFrame, frozen=True, tag="error"):
    """The error of a frame without a readable id."""

    error: Problem


class Bye(ServerFrame, frozen=True, tag="bye"):
    """The connection closes; resume elsewhere."""

    code: int
    retry_after_ms: int


AnyAnswer = RequestRefused | LoggedIn | Resumed | Subscribed | Negotiated | Sent | Delivered | Renewed | Pong
AnyServerFrame = Ev | Skip | Snap | Page | Live | HeadAt | Resync | End | MediaGone | Count | Failure | Bye
"""What the gateway sends unasked."""
