"""One client's position in a room's log, and which frames continue it (docs/protocol.md, rule 1 for clients). Pure.

Contract: `handle_frame` takes the room's frames in the order of arrival and returns at most one item. When `needs_resume` is true, the
frames do not continue the position: send `resume` with `position` and call `note_resume_sent`. Until `note_resume_answered` no further
resume is asked for, since frames that arrive meanwhile were sent before the answer.

Invariants: 1. Returned events and skips continue each other, seq by seq and hash by hash, from the last resync on.
2. Frames at or below the position are dropped. 3. Another history is never continued silently: the server must say `resync`.
"""

from typing import Any

from .items import CaughtUp, Event, Frame, Item, Resync, Skip
from .position import Position
from .state import State, User


class RoomCursor:
    """Starts at `after`, or at the position of the first login or snapshot."""

    def __init__(self, room_id: str, after: Position | None = None, own: User | None = None) -> None:
        self.room_id = room_id
        self.position = after
        self.needs_resume = False
        self._own = own
        self._asked = False
        self._reason = ""

    def handle_login(self, answer: Frame) -> Item | None:
        """Takes the position from the answer to `login`, unless the present one can be continued."""
        position = Position.parse(str(answer["position"]))
        held, self._asked, self.needs_resume = self.position, False, False
        if held is None or held.room_uid != position.room_uid:
            return self._set(position, answer, "start" if held is None else "new_call")
        self.needs_resume = held != position  # even if only the hash differs: the server says so, then
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
                self._asked = self.needs_resume = False
                reason, self._reason = self._reason or "snapshot", ""
                return self._set(Position.parse(str(frame["pos"])), frame, reason)
            case "resync":
                self._reason = str(frame.get("reason", "resync"))
            case "live":
                return self._live(Position.parse(str(frame["pos"])))
            case "head":
                self._compare_head(Position.parse(str(frame["pos"])))
            case _:
                pass
        return None

    def note_resume_sent(self) -> None:
        """Notes that `resume` was sent with the present position."""
        self.needs_resume, self._asked = False, True

    def note_resume_answered(self) -> None:
        """Notes that it was answered: the missed events follow."""
        self._asked = False

    def handle_lost(self) -> None:
        """Notes that the connection is lost, and with it the answer to a `resume`."""
        self.needs_resume, self._asked, self._reason = False, False, ""

    def _event(self, event: Event) -> Item | None:
        held = self.position
        if held is not None and event.seq == held.seq + 1 and event.prev != held.hash8:
            self._request_resume()
            return None
        return self._advance(event, event.seq, event.position)

    def _advance(self, item: Item, first: int, position: Position) -> Item | None:
        held = self.position
        if held is None:
            return None
        if position.room_uid != held.room_uid:
            if position.room_uid > held.room_uid:
                self._request_resume()
            return None
        if position.seq <= held.seq:
            return None
        if first > held.seq + 1:
            self._request_resume()
            return None
        self.position = position
        return item

    def _live(self, position: Position) -> Item | None:
        self._compare_head(position)
        return CaughtUp(self.room_id, position) if position == self.position else None

    def _compare_head(self, position: Position) -> None:
        """Compares the position with the room's head, as the server names it."""
        held = self.position
        if held is None or position.room_uid != held.room_uid or position.seq > held.seq:
            self._request_resume()

    def _request_resume(self) -> None:
        self.needs_resume = self.position is not None and not self._asked

    def _set(self, position: Position, lists: Any, reason: str) -> Resync:
        self.position = position
        return Resync(self.room_id, position, State.read(self.room_id, position, lists, self._own), reason)
