"""A client's session over whatever connections it has: logins, resumes, requests and their repetition. No input or output of its own.

Contract: call `handle_*` with what happened and `now` (monotonic seconds), then send what `poll_text` gives and do what `poll_outcome`
gives, each until it gives None; call `handle_time` at `next_time`. Between `handle_lost` and the next `handle_connected` there is nothing
to send.

Invariants: 1. The first frame on a connection is `login` or `resume`. 2. A request keeps its id until it is answered, over any number of
connections, so that it is done once. 3. After an expired session the client logs in again; after any other end it does not.
"""

import json
from collections import deque
from collections.abc import Callable

from .cursor import RoomCursor
from .errors import CONNECTION_TAKEN_OVER, EXPIRED, LOGIN_ELSEWHERE, SESSION_UNKNOWN, RequestRefused
from .items import Item
from .membership import Account, Fields, HeartbeatTimers, Membership
from .pages import Pages
from .position import Position
from .session_events import ConnectionReady, Disconnect, ItemReceived, Outcome, RequestAnswered, RoomEnded

PONG_TIMEOUT_S = 10.0
FIRST_ANSWER_TIMEOUT_S = 15.0
"""How long the first request on a connection may stay unanswered before the connection is closed."""
RESUME_PAUSE_S = 0.3
"""The least time between two resumes of a room on one connection, so that an inconsistent server is not flooded."""


class Session:
    """See the module's contract. `new_id` makes UUIDs as text."""

    def __init__(self, account: Account, new_id: Callable[[], str]) -> None:
        self.account = account
        self.memberships: dict[str, Membership] = {}
        self.id = ""
        self._new_id = new_id
        self._pages = Pages()
        self._timers = HeartbeatTimers()
        self._connected = False
        self._ready = False
        self._texts: deque[str] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._requests: dict[str, Fields] = {}
        self._asked: dict[str, Callable[[Fields, float], None]] = {}

    # calls of the application

    def enter(self, room_id: str, after: Position | None = None) -> None:
        """Logs in to a room as soon as possible; repeating the call changes nothing."""
        if room_id in self.memberships:
            return
        self.memberships[room_id] = Membership(RoomCursor(room_id, after, self.account.user))
        if self._ready or (self._connected and not self._asked):
            self._login(room_id)

    def forget(self, room_id: str) -> None:
        """Forgets a room. It does not log out: `logout` is a request of its own."""
        self.memberships.pop(room_id, None)

    def request(self, kind: str, fields: Fields, request_id: str) -> None:
        """Sends a request, and again on each new connection until it is answered."""
        self._requests[request_id] = {"t": kind, "id": request_id, **fields}
        if self._ready:
            self._send(self._requests[request_id])

    def give_up(self, request_id: str) -> None:
        """Stops repeating a request whose answer is no longer needed."""
        self._requests.pop(request_id, None)

    def pause_reading(self, room_id: str, position: Position) -> None:
        """Stops delivery of a room whose queue is full up to `position`, until `resume_reading`."""
        membership = self.memberships[room_id]
        membership.paused, membership.cursor.position = True, position

    def resume_reading(self, room_id: str, position: Position, now: float) -> None:
        """Continues delivery after `position`."""
        membership = self.memberships.get(room_id)
        if membership is None or not membership.paused:
            return
        membership.paused, membership.cursor.position = False, position
        if self._ready and membership.inside:
            self._resume((room_id,), now)

    # events of the connection

    def handle_connected(self, now: float) -> None:
        """Sends the first frame on a new connection: `resume`, or `login` to every room."""
        self._connected = True
        self._timers.silent_from = now + FIRST_ANSWER_TIMEOUT_S
        inside = tuple(
            room
            for room, membership in self.memberships.items()
            if self.id and membership.inside and membership.cursor.position
        )
        if inside:
            self._resume(inside, now)
        else:
            self.id = ""
            self._login_all()

    def handle_lost(self, close_code: int = 0) -> None:
        """Notes that the connection is lost; nothing is sent until the next one."""
        self._connected = self._ready = False
        self._timers.due = self._timers.silent_from = None
        self._pages = Pages()
        self._texts.clear()
        self._asked.clear()
        for membership in self.memberships.values():
            membership.cursor.handle_lost()
        if close_code == CONNECTION_TAKEN_OVER:
            self._end_all_rooms(LOGIN_ELSEWHERE, "the session was resumed on another connection")

    def handle_text(self, text: str | bytes, now: float) -> None:
        """Takes a frame as it came."""
        if self._timers.silent_from is not None and self._ready:
            self._timers.silent_from = None  # whatever it is, the gateway is there
        try:
            frame = self._pages.complete(json.loads(text))
            if frame is not None:
                self._frame(frame, now)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            self._outcomes.append(Disconnect(f"the server sent a malformed frame: {error!r}"))

    def handle_time(self, now: float) -> None:
        """Does what is due at the time that `next_time` named."""
        if self._timers.silent_from is not None and now >= self._timers.silent_from:
            self._timers.silent_from = None
            self._outcomes.append(Disconnect("no answer"))
        if self._timers.due is not None and now >= self._timers.due:
            self._timers.due = now + self._timers.interval_s
            self._timers.silent_from = self._timers.silent_from or now + PONG_TIMEOUT_S
            self._send({"t": "ping", "id": self._new_id()})
        for room, membership in self.memberships.items():
            self._resume_if_needed(room, membership, now)

    # outcomes

    def poll_text(self) -> str | None:
        """Returns the next frame to send."""
        return self._texts.popleft() if self._texts else None

    def poll_outcome(self) -> Outcome | None:
        """Returns the next outcome for the application."""
        return self._outcomes.popleft() if self._outcomes else None

    def next_time(self) -> float | None:
        """Returns when to call `handle_time`, in monotonic seconds."""
        behind = [
            membership.not_before
            for membership in self.memberships.values()
            if self._ready and membership.cursor.needs_resume
        ]
        times = [*behind, *(t for t in (self._timers.due, self._timers.silent_from) if t is not None)]
        return min(times) if times else None

    # frames

    def _frame(self, frame: Fields, now: float) -> None:
        kind, room = str(frame["t"]), str(frame.get("roomID", ""))
        match kind:
            case "res":
                self._answer(frame, now)
            case "end":
                self._end(room, int(frame["code"]), str(frame.get("reason", "")))
            case "bye":
                self._outcomes.append(
                    Disconnect("the gateway ends the connection", frame.get("retryAfterMs", 0) / 1000)
                )
            case _ if room in self.memberships:
                membership = self.memberships[room]
                if membership.inside and not membership.paused:
                    self._deliver(room, membership.cursor.handle_frame(frame))
                    self._resume_if_needed(room, membership, now)
            case _:
                pass

    def _answer(self, frame: Fields, now: float) -> None:
        request_id = str(frame["id"])
        own = self._asked.pop(request_id, None)
        if own is not None:
            own(frame, now)
        elif self._requests.pop(request_id, None) is not None:
            if "sessionID" in frame:
                self.id = str(frame["sessionID"])
            self._outcomes.append(RequestAnswered(request_id, frame))

    def _end(self, room: str, code: int, reason: str) -> None:
        membership = self.memberships.get(room)
        if membership is None or not membership.inside:
            return
        membership.inside = False
        if code in EXPIRED:
            self._login(room)
        else:
            self._end_room(room, code, reason)

    # entering

    def _login_all(self) -> None:
        for room, membership in self.memberships.items():
            membership.inside = False
            self._login(room)

    def _login(self, room: str) -> None:
        account, membership = self.account, self.memberships[room]
        if membership.login is None or membership.login["token"] != account.token:
            membership.login = {
                "t": "login", "id": self._new_id(), "appID": account.app, "roomID": room, "token": account.token,
                "user": {"userID": account.user.user_id, "userName": account.user.user_name},
                "config": {"userUpdate": True}, "multiRoom": True,
            }  # fmt: skip
        self._asked[membership.login["id"]] = lambda frame, now: self._logged_in(room, frame, now)
        self._send(membership.login)

    def _entering(self, membership: Membership) -> bool:
        return membership.login is not None and membership.login["id"] in self._asked

    def _logged_in(self, room: str, frame: Fields, now: float) -> None:
        membership = self.memberships.get(room)
        if membership is None:
            return
        membership.login = None
        if not frame.get("ok"):
            self._login_refused(room, RequestRefused.read(frame.get("error", {})))
            return
        self.id = str(frame["sessionID"])
        self._timers.interval_s = float(frame.get("heartbeat", {}).get("intervalMs", 15_000)) / 1000
        membership.inside, membership.not_before = True, now
        if not membership.paused:
            self._deliver(room, membership.cursor.handle_login(frame))
        self._become_ready(now)
        self._resume_if_needed(room, membership, now)

    def _login_refused(self, room: str, refusal: RequestRefused) -> None:
        if refusal.is_retryable or refusal.code in EXPIRED:
            self._outcomes.append(Disconnect(f"login: {refusal.message}"))
        else:
            self._end_room(room, refusal.code, refusal.message, refused=True)

    # resuming

    def _resume(self, rooms: tuple[str, ...], now: float) -> None:
        frame: Fields = {
            "t": "resume", "id": self._new_id(), "sessionID": self.id,
            "rooms": {room: str(self.memberships[room].cursor.position) for room in rooms},
        }  # fmt: skip
        for room in rooms:
            self.memberships[room].cursor.note_resume_sent()
            self.memberships[room].not_before = now + RESUME_PAUSE_S
        self._asked[frame["id"]] = lambda answer, then: self._resumed(rooms, answer, then)
        self._send(frame)

    def _resumed(self, rooms: tuple[str, ...], frame: Fields, now: float) -> None:
        if not frame.get("ok"):
            self._resume_refused(RequestRefused.read(frame.get("error", {})))
            return
        for room in rooms:
            if room in self.memberships:
                self.memberships[room].cursor.note_resume_answered()
        self._become_ready(now)

    def _resume_refused(self, refusal: RequestRefused) -> None:
        if refusal.code == SESSION_UNKNOWN:
            self.id, self._ready = "", False
            self._login_all()
        elif refusal.is_retryable:
            self._outcomes.append(Disconnect(f"resume: {refusal.message}"))
        else:
            self._end_all_rooms(refusal.code, refusal.message)

    def _resume_if_needed(self, room: str, membership: Membership, now: float) -> None:
        if self._ready and membership.inside and membership.cursor.needs_resume and now >= membership.not_before:
            self._resume((room,), now)

    # smaller things

    def _become_ready(self, now: float) -> None:
        if self._ready:
            return
        self._ready = True
        self._timers.silent_from, self._timers.due = None, now + self._timers.interval_s
        self._outcomes.append(ConnectionReady())
        for room in [
            room
            for room, membership in self.memberships.items()
            if not membership.inside and not self._entering(membership)
        ]:
            self._login(room)
        for frame in self._requests.values():
            self._send(frame)

    def _deliver(self, room: str, item: Item | None) -> None:
        if item is not None:
            self._outcomes.append(ItemReceived(room, item))

    def _end_room(self, room: str, code: int, reason: str, *, refused: bool = False) -> None:
        self.forget(room)
        self._outcomes.append(RoomEnded(room, code, reason, refused))

    def _end_all_rooms(self, code: int, reason: str) -> None:
        for room in list(self.memberships):
            self._end_room(room, code, reason)

    def _send(self, frame: Fields) -> None:
        self._texts.append(json.dumps(frame, separators=(",", ":"), ensure_ascii=False))
