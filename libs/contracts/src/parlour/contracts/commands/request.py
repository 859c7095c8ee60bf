"""How a command travels, and how it is answered."""

import msgspec

from parlour.contracts.codes import Problem
from parlour.contracts.ids import Seq

from . import apps, bans, history, messages, privacy, rooms, streams, tokens
from .caller import Caller

AnyCommand = (
    rooms.JoinRoom | rooms.LeaveRoom | rooms.KickUser | rooms.EndStay | rooms.CloseRoom | rooms.SetRoomExtraInfo | rooms.DescribeRoom
    | streams.Publish | streams.StopPublish | streams.Play | streams.StopPlay | streams.SetStreamExtraInfo | streams.SetMutes
    | streams.RestartIce | streams.EndResource | streams.RenewIce | streams.DescribeStreams
    | messages.SendBroadcast | messages.SendBarrage | messages.SendCommand
    | tokens.VerifyToken | tokens.IssueToken | tokens.IssueLoginToken | tokens.AddLoginKey | tokens.RemoveLoginKey
    | tokens.ListLoginKeys | tokens.IssueSubscription | tokens.VerifySubscription | tokens.RevokeSubscriptions
    | apps.CreateApp | apps.ListApps | apps.RotateSecret | apps.SetAppRules
    | history.DescribeHistory | history.RebuildHistory
    | privacy.EraseUser | privacy.PlaceHold | privacy.ReleaseHold | privacy.ListHolds
    | bans.PlaceBan | bans.LiftBan | bans.ListBans
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
