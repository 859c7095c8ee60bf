"""A room as one client holds it: set by lists, moved by events, compared with the fold of the log at the end."""

from typing import Any

from parlour.contracts.queries import RoomState
from parlour.gateway.domain.client_views import snapshot_of

Frame = dict[str, Any]


class RoomView:
    """Users without oneself, streams without one's own, extra information."""

    def __init__(self, user: str) -> None:
        self._user = user
        self.uid = ""
        self.seq = 0
        self.hash8 = ""
        self.users: set[str] = set()
        self.streams: dict[str, tuple[str, str]] = {}
        self.extra: dict[str, str] = {}

    @property
    def position(self) -> str:
        """Where it stands."""
        return f"{self.uid}.{self.seq}.{self.hash8}"

    def begin(self, position: str, lists: Frame) -> None:
        """Everything anew."""
        self._move(position)
        self.users = {user["userID"] for user in lists["users"]}
        self.streams = {s["streamID"]: (s["user"]["userID"], s["extraInfo"]) for s in lists["streams"]}
        self.extra = {entry["key"]: entry["value"] for entry in lists["extraInfo"]}

    def apply(self, kind: str, frame: Frame) -> None:
        """The next event, or a skip."""
        self._move(frame["pos"])
        if kind == "ev":
            self._change(frame["type"], frame["data"], frame.get("user", {}).get("userID", ""))

    def _change(self, type_: str, data: Frame, user: str) -> None:
        own = user == self._user
        match type_:
            case "room.user_joined.v1" if not own:
                self.users.add(user)
            case "room.user_left.v1" | "room.user_kicked.v1":
                self.users.discard(user)
            case "stream.added.v1" | "stream.updated.v1" if not own:
                self.streams[data["streamID"]] = (user, data.get("extraInfo", ""))
            case "stream.removed.v1":
                self.streams.pop(data["streamID"], None)
            case "room.extra_info_changed.v1":
                self.extra[data["key"]] = data["value"]
            case "room.closed.v1":
                self.streams.clear()
            case _:
                pass

    def _move(self, position: str) -> None:
        uid, seq, self.hash8 = position.split(".")
        self.uid, self.seq = uid, int(seq)

    def differs(self, state: RoomState, session_id: str) -> str:
        """What is not as the log has it; empty where all is."""
        snap = snapshot_of(state, session_id)
        mine = (self.position, self.users, self.streams, self.extra)
        due = (
            snap.pos,
            {user.user_id for user in snap.users},
            {s.stream_id: (s.user.user_id, s.extra_info) for s in snap.streams},
            {entry.key: entry.value for entry in snap.extra_info},
        )
        return "" if mine == due else f"holds {mine}, the log {due}"
