"""How a command travels, and how it is answered."""

import msgspec

from parlour.contracts.codes import Problem
from parlour.contracts.ids import Seq

from .apps import CreateApp, ListApps, RotateSecret, SetAppRules
from .bans import LiftBan, ListBans, PlaceBan
from .caller import Caller
from .history import DescribeHistory, RebuildHistory
from .messages import SendBarrage, SendBroadcast, SendCommand
from .privacy import EraseUser, ListHolds, PlaceHold, ReleaseHold
from .rooms import CloseRoom, DescribeRoom, EndStay, JoinRoom, KickUser, LeaveRoom, SetRoomExtraInfo
from .streams import (
    DescribeStreams,
    EndResource,
    Play,
    Publish,
    RenewIce,
    RestartIce,
    SetMutes,
    SetStreamExtraInfo,
    StopPlay,
    StopPublish,
)
from .tokens import (
    AddLoginKey,
    IssueLoginToken,
    IssueSubscription,
    IssueToken,
    ListLoginKeys,
    RemoveLoginKey,
    RevokeSubscriptions,
    VerifySubscription,
    VerifyToken,
)

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

    @property
    def service(self) -> str:
        """The service that takes the command: the first part of its tag."""
        return str(self.body.__struct_config__.tag).partition(".")[0]

    @property
    def verb(self) -> str:
        """The last token of the command's subject: the second part of its tag."""
        return str(self.body.__struct_config__.tag).partition(".")[2]


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """`problem` or `result`; `position` is where the room's log stood after the commit."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    problem: Problem | None = None
    position: str = ""
    repeated: bool = False

    @classmethod
    def with_result(cls, result: msgspec.Struct, position: str = "") -> "Reply":
        """Builds the reply to a command that nothing was committed for."""
        return cls(msgspec.Raw(msgspec.json.encode(result)), position=position)
