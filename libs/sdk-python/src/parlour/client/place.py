"""One room's place in its log, and what may be applied there (docs/protocol.md, rule 1 for clients). Pure.

Contract: `handle_frame` takes the room's frames in the order of arrival and gives at most one item to hand on. When `behind` is true,
the frames that came do not continue what is held: send `resume` with `position`, and call `resuming`; until `resumed` nothing else is
asked for, since what arrives meanwhile belongs to the time before the answer.

Invariants: 1. Handed-on events and skips continue each other, seq by seq and hash by hash, from where the last resync stood.
2. What is at or below the position is dropped. 3. A history that is not ours is never continued silently: the server must say `resync`.
"""

from typing import Any

from .items import Event, Frame, Item, Live, Resync, Skip
from .position import Position
from .state import State, User


class Place:
    """Begins at `after`, or wherever the first login or snapshot says."""

    def __init__(self, room_id: str, after: Position | None = None, own: User | None = None) -> None:
        self.room_id = room_id
        self.position = after
        self.behind = False
        self._own = own
        self._asked = False
        self._reason = ""

    def handle_login(self, answer: Frame) -> Item | None:
        """The answer to `login` sets the place, unless what is held can be continued."""
        position = Position.parse(str(answer["position"]))
        held, self._asked, self.behind = self.position, False, False
        if held is None or held.room_uid != position.room_uid:
            return self._set(position, answer, "start" if held is None else "new_life")
        self.behind = held != position  # even if only the hash differs: the server says so, then
        return None

    def handle_frame(self, frame: Frame) -> Item | None:
        """A frame of this room. KeyError or ValueError when it is malformed."""
        match frame["t"]:
            case "ev":
                return self._event(Event.read(frame))
            case "skip":
                first, position = int(frame["from"]), Position.parse(str(frame["pos"]))
                return self._advance(Skip(self.room_id, position, first), first, position)
            case "snap":
                self._asked = self.behind = False
                reason, self._reason = self._reason or "snapshot", ""
                return self._set(Position.parse(str(frame["pos"])), frame, reason)
            case "resync":
                self._reason = str(frame.get("reason", "resync"))
            case "live":
                return self._live(Position.parse(str(frame["pos"])))
            case "head":
                self._look(Position.parse(str(frame["pos"])))
            case _:
                pass
        return None

    def resuming(self) -> None:
        """`resume` was sent with the position held."""
        self.behind, self._asked = False, True

    def resumed(self) -> None:
        """It was answered; what was missed follows."""
        self._asked = False

    def lost(self) -> None:
        """The connection is gone; what was asked on it will not be answered."""
        self.behind, self._asked, self._reason = False, False, ""

    def _event(self, event: Event) -> Item | None:
        held = self.position
        if held is not None and event.seq == held.seq + 1 and event.prev != held.hash8:
            self._fall_behind()
            return None
        return self._advance(event, event.seq, event.position)

    def _advance(self, item: Item, first: int, position: Position) -> Item | None:
        held = self.position
        if held is None:
            return None
        if position.room_uid != held.room_uid:
            if position.room_uid > held.room_uid:
                self._fall_behind()
            return None
        if position.seq <= held.seq:
            return None
        if first > held.seq + 1:
            self._fall_behind()
            return None
        self.position = position
        return item

    def _live(self, position: Position) -> Item | None:
        self._look(position)
        return Live(self.room_id, position) if position == self.position else None

    def _look(self, position: Position) -> None:
        """Where the room stands, by the server's word."""
        held = self.position
        if held is None or position.room_uid != held.room_uid or position.seq > held.seq:
            self._fall_behind()

    def _fall_behind(self) -> None:
        self.behind = self.position is not None and not self._asked

    def _set(self, position: Position, lists: Any, reason: str) -> Resync:
        self.position = position
        return Resync(self.room_id, position, State.read(self.room_id, position, lists, self._own), reason)
