"""A client's session over whatever connections it has: logins, resumes, requests and their repetition. No input or output of its own.

Contract: call `handle_*` with what happened and `now` (monotonic seconds), then send what `poll_text` gives and do what `poll_outcome`
gives, each until it gives None; call `handle_time` at `next_time`. Between `handle_lost` and the next `handle_connected` there is nothing
to send.

Invariants: 1. The first frame on a connection is `login` or `resume`. 2. A request keeps its id until it is answered, over any number of
connections, so that it is done once. 3. A stay that ran out is begun again; one that was ended for another reason is not.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import cast

from .errors import CONNECTION_TAKEN_OVER, LOGIN_ELSEWHERE, PASSING, RAN_OUT, SESSION_UNKNOWN
from .items import Item
from .outcomes import Answered, Drop, Given, Outcome, Over, Settled
from .pages import Pages
from .place import Place
from .position import Position
from .seat import Account, Fields, Pulse, Seat

PONG_WITHIN_S = 10.0
INTRODUCED_WITHIN_S = 15.0
"""A connection whose first request is not answered in this time is given up."""
RESUME_PAUSE_S = 0.3
"""Between two resumes of a room on one connection, so that a server that contradicts itself is not flooded."""


class Session:
    """See the module's contract. `new_id` makes UUIDs as text."""

    def __init__(self, account: Account, new_id: Callable[[], str]) -> None:
        self.account = account
        self.seats: dict[str, Seat] = {}
        self.id = ""
        self._new_id = new_id
        self._pages = Pages()
        self._pulse = Pulse()
        self._connected = False
        self._introduced = False
        self._texts: deque[str] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._requests: dict[str, Fields] = {}
        self._asked: dict[str, Callable[[Fields, float], None]] = {}

    # what the application wants

    def enter(self, room_id: str, after: Position | None = None) -> None:
        """Wants to be in a room; repeating it changes nothing."""
        if room_id in self.seats:
            return
        self.seats[room_id] = Seat(Place(room_id, after, self.account.user))
        if self._introduced or (self._connected and not self._asked):
            self._login(room_id)

    def forget(self, room_id: str) -> None:
        """Wants nothing more of a room; `logout` is a request of its own."""
        self.seats.pop(room_id, None)

    def ask(self, kind: str, fields: Fields, request_id: str) -> None:
        """Sends a request, and again on each new connection until it is answered."""
        self._requests[request_id] = {"t": kind, "id": request_id, **fields}
        if self._introduced:
            self._send(self._requests[request_id])

    def give_up(self, request_id: str) -> None:
        """Nobody waits for the answer any more."""
        self._requests.pop(request_id, None)

    def pause(self, room_id: str, position: Position) -> None:
        """The reader of a room is full: it took what comes up to here, and takes nothing more until `go_on`."""
        seat = self.seats[room_id]
        seat.paused, seat.place.position = True, position

    def go_on(self, room_id: str, position: Position, now: float) -> None:
        """The reader took everything up to here and wants what follows."""
        seat = self.seats.get(room_id)
        if seat is None or not seat.paused:
            return
        seat.paused, seat.place.position = False, position
        if self._introduced and seat.inside:
            self._resume((room_id,), now)

    # what happens

    def handle_connected(self, now: float) -> None:
        """A connection to some gateway is open."""
        self._connected = True
        self._pulse.silent_from = now + INTRODUCED_WITHIN_S
        inside = tuple(room for room, seat in self.seats.items() if self.id and seat.inside and seat.place.position)
        if inside:
            self._resume(inside, now)
        else:
            self.id = ""
            self._login_all()

    def handle_lost(self, close_code: int = 0) -> None:
        """The connection is gone."""
        self._connected = self._introduced = False
        self._pulse.due = self._pulse.silent_from = None
        self._pages = Pages()
        self._texts.clear()
        self._asked.clear()
        for seat in self.seats.values():
            seat.place.lost()
        if close_code == CONNECTION_TAKEN_OVER:
            self._all_over(LOGIN_ELSEWHERE, "the session was resumed on another connection", refused=False)

    def handle_text(self, text: str | bytes, now: float) -> None:
        """A frame came."""
        if self._pulse.silent_from is not None and self._introduced:
            self._pulse.silent_from = None  # whatever it is, the gateway is there
        try:
            frame = self._pages.complete(json.loads(text))
            if frame is not None:
                self._frame(frame, now)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            self._outcomes.append(Drop(f"the server sent what is no frame: {error!r}"))

    def handle_time(self, now: float) -> None:
        """A time that `next_time` named has come."""
        if self._pulse.silent_from is not None and now >= self._pulse.silent_from:
            self._pulse.silent_from = None
            self._outcomes.append(Drop("no answer"))
        if self._pulse.due is not None and now >= self._pulse.due:
            self._pulse.due = now + self._pulse.interval_s
            self._pulse.silent_from = self._pulse.silent_from or now + PONG_WITHIN_S
            self._send({"t": "ping", "id": self._new_id()})
        for room, seat in self.seats.items():
            self._look_after(room, seat, now)

    # what comes of it

    def poll_text(self) -> str | None:
        """A frame to send."""
        return self._texts.popleft() if self._texts else None

    def poll_outcome(self) -> Outcome | None:
        """Something that the application should know or do."""
        return self._outcomes.popleft() if self._outcomes else None

    def next_time(self) -> float | None:
        """When to call `handle_time`."""
        behind = [seat.not_before for seat in self.seats.values() if self._introduced and seat.place.behind]
        times = [*behind, *(t for t in (self._pulse.due, self._pulse.silent_from) if t is not None)]
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
                self._outcomes.append(Drop("the gateway ends the connection", frame.get("retryAfterMs", 0) / 1000))
            case _ if room in self.seats:
                seat = self.seats[room]
                if seat.inside and not seat.paused:
                    self._give(room, seat.place.handle_frame(frame))
                    self._look_after(room, seat, now)
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
            self._outcomes.append(Answered(request_id, frame))

    def _end(self, room: str, code: int, reason: str) -> None:
        seat = self.seats.get(room)
        if seat is None or not seat.inside:
            return
        seat.inside = False
        if code in RAN_OUT:
            self._login(room)
        else:
            self._over(room, code, reason)

    # entering

    def _login_all(self) -> None:
        for room, seat in self.seats.items():
            seat.inside = False
            self._login(room)

    def _login(self, room: str) -> None:
        account, seat = self.account, self.seats[room]
        if seat.login is None or seat.login["token"] != account.token:
            seat.login = {
                "t": "login", "id": self._new_id(), "appID": account.app, "roomID": room, "token": account.token,
                "user": {"userID": account.user.user_id, "userName": account.user.user_name},
                "config": {"userUpdate": account.user_update}, "multiRoom": True,
            }  # fmt: skip
        self._asked[seat.login["id"]] = lambda frame, now: self._logged_in(room, frame, now)
        self._send(seat.login)

    def _entering(self, seat: Seat) -> bool:
        return seat.login is not None and seat.login["id"] in self._asked

    def _logged_in(self, room: str, frame: Fields, now: float) -> None:
        seat = self.seats.get(room)
        if seat is None:
            return
        seat.login = None
        if not frame.get("ok"):
            self._login_refused(room, cast("Fields", frame.get("error", {})))
            return
        self.id = str(frame["sessionID"])
        self._pulse.interval_s = float(frame.get("heartbeat", {}).get("intervalMs", 15_000)) / 1000
        seat.inside, seat.not_before = True, now
        if not seat.paused:
            self._give(room, seat.place.handle_login(frame))
        self._introduce(now)
        self._look_after(room, seat, now)

    def _login_refused(self, room: str, error: Fields) -> None:
        code, message = int(error.get("code", 0)), str(error.get("message", "refused"))
        if code in PASSING or code in RAN_OUT:
            self._outcomes.append(Drop(f"login: {message}"))
        else:
            self._over(room, code, message, refused=True)

    # resuming

    def _resume(self, rooms: tuple[str, ...], now: float) -> None:
        frame: Fields = {
            "t": "resume", "id": self._new_id(), "sessionID": self.id,
            "rooms": {room: str(self.seats[room].place.position) for room in rooms},
        }  # fmt: skip
        for room in rooms:
            self.seats[room].place.resuming()
            self.seats[room].not_before = now + RESUME_PAUSE_S
        self._asked[frame["id"]] = lambda answer, then: self._resumed(rooms, answer, then)
        self._send(frame)

    def _resumed(self, rooms: tuple[str, ...], frame: Fields, now: float) -> None:
        if not frame.get("ok"):
            self._resume_refused(cast("Fields", frame.get("error", {})))
            return
        for room in rooms:
            if room in self.seats:
                self.seats[room].place.resumed()
        self._introduce(now)

    def _resume_refused(self, error: Fields) -> None:
        code, message = int(error.get("code", 0)), str(error.get("message", "refused"))
        if code == SESSION_UNKNOWN:
            self.id, self._introduced = "", False
            self._login_all()
        elif code in PASSING:
            self._outcomes.append(Drop(f"resume: {message}"))
        else:
            self._all_over(code, message, refused=False)

    def _look_after(self, room: str, seat: Seat, now: float) -> None:
        if self._introduced and seat.inside and seat.place.behind and now >= seat.not_before:
            self._resume((room,), now)

    # smaller things

    def _introduce(self, now: float) -> None:
        if self._introduced:
            return
        self._introduced = True
        self._pulse.silent_from, self._pulse.due = None, now + self._pulse.interval_s
        self._outcomes.append(Settled())
        for room in [room for room, seat in self.seats.items() if not seat.inside and not self._entering(seat)]:
            self._login(room)
        for frame in self._requests.values():
            self._send(frame)

    def _give(self, room: str, item: Item | None) -> None:
        if item is not None:
            self._outcomes.append(Given(room, item))

    def _over(self, room: str, code: int, reason: str, *, refused: bool = False) -> None:
        self.forget(room)
        self._outcomes.append(Over(room, code, reason, refused))

    def _all_over(self, code: int, reason: str, *, refused: bool) -> None:
        for room in list(self.seats):
            self._over(room, code, reason, refused=refused)

    def _send(self, frame: Fields) -> None:
        self._texts.append(json.dumps(frame, separators=(",", ":"), ensure_ascii=False))
