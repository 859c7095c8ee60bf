"""What a page's frames say the room was, at each position: a fold of its own, written only from docs/protocol.md.

Deliberately not the product's fold: it is what replay is compared with.
"""

from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """The room as one client sees it: users and streams without its own, room extra information."""

    users: tuple[tuple[str, str], ...]
    streams: tuple[tuple[str, str, str], ...]
    extra: tuple[tuple[str, str], ...]


@dataclass
class FrameFold:
    """Feed it every frame of one client in one room; `states` then holds what it saw at each seq."""

    own: str
    room: str
    users: dict[str, str] = field(default_factory=dict[str, str])
    streams: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    extra: dict[str, str] = field(default_factory=dict[str, str])
    states: dict[int, Seen] = field(default_factory=dict[int, Seen])
    room_uid: str = ""
    seq: int = 0
    messages: list[str] = field(default_factory=list[str])

    def feed(self, frame: Frame) -> None:
        """One frame, in the order of arrival."""
        kind = frame.get("t")
        if kind == "res" and "users" in frame and frame.get("ok"):
            self._snapshot(frame, frame["position"])
        elif frame.get("roomID") != self.room:
            return
        elif kind == "snap":
            self._snapshot(frame, frame["pos"])
        elif kind == "ev":
            assert frame["seq"] == self.seq + 1, f"event {frame['seq']} after {self.seq}"
            self._event(frame)
            self._remember(frame["pos"])
        elif kind == "skip":
            assert frame["from"] == self.seq + 1, f"skip from {frame['from']} after {self.seq}"
            self._remember(frame["pos"])

    def _snapshot(self, frame: Frame, position: str) -> None:
        self.users = {u["userID"]: u.get("userName", "") for u in frame["users"]}
        self.streams = {s["streamID"]: (s["user"]["userID"], s.get("extraInfo", "")) for s in frame["streams"]}
        self.extra = {e["key"]: e["value"] for e in frame.get("extraInfo", [])}
        self._remember(position)

    def _event(self, frame: Frame) -> None:
        data: Frame = frame["data"]
        user: Frame = frame.get("user") or {}
        actor = str(user.get("userID", ""))
        match frame["type"]:
            case "room.user_joined.v1" if data["userID"] != self.own:
                self.users[data["userID"]] = data.get("userName", "")
            case "room.user_left.v1" | "room.user_kicked.v1":
                self.users.pop(actor, None)
            case "room.extra_info_changed.v1":
                self.extra.pop(data["key"], None)
                self.extra[data["key"]] = data["value"]
            case "stream.added.v1" | "stream.updated.v1" if actor != self.own:
                self.streams[data["streamID"]] = (actor, data.get("extraInfo", ""))
            case "stream.removed.v1":
                self.streams.pop(data["streamID"], None)
            case "im.broadcast_sent.v1" | "im.barrage_sent.v1" | "im.command_sent.v1":
                self.messages.append(data["text"])
            case _:
                pass

    def _remember(self, position: str) -> None:
        self.room_uid, seq, _ = position.split(".")
        self.seq = int(seq)
        streams = tuple((s, user, extra) for s, (user, extra) in self.streams.items())
        self.states[self.seq] = Seen(tuple(self.users.items()), streams, tuple(self.extra.items()))


def seen_in_replay(state: Frame, own: str, names: dict[str, str]) -> Seen:
    """The same of a state that `parlour replay --json` printed; `names` are user ids by actor, since streams outlive their users
    for a moment."""
    users = tuple((u["userID"], u["userName"]) for u in state.get("users", []) if u["userID"] != own)
    streams = tuple(
        (s["streamID"], names.get(s["actor"], ""), s["extraInfo"])
        for s in state.get("streams", [])
        if names.get(s["actor"]) != own
    )
    return Seen(users, streams, tuple((e["key"], e["value"]) for e in state.get("extraInfo", [])))
