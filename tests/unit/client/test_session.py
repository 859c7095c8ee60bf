"""A session over connections that come and go: first frames, repetition, resumes, ends."""

import json
from itertools import count
from typing import Any

from parlour.client.errors import CONNECTION_TAKEN_OVER
from parlour.client.items import Resync
from parlour.client.membership import Account
from parlour.client.position import Position
from parlour.client.session import FIRST_ANSWER_TIMEOUT_S, PONG_TIMEOUT_S, Session
from parlour.client.session_events import ConnectionReady, Disconnect, ItemReceived, Outcome, RequestAnswered, RoomEnded
from parlour.client.state import User

LIFE = "01a1fe90-8a89-7380-8d79-9eab291a37a6"
Frame = dict[str, Any]


def place(seq: int) -> str:
    return f"{LIFE}.{seq}.{seq:016x}"


def ev(seq: int, room: str = "r") -> Frame:
    return {
        "t": "ev", "roomID": room, "pos": place(seq), "seq": seq, "prev": f"{seq - 1:016x}", "at": seq,
        "type": "im.broadcast_sent.v1", "data": {},
    }  # fmt: skip


class Wire:
    """A session with a gateway played by hand."""

    def __init__(self, *rooms: str) -> None:
        numbers = count(1)
        self.session = Session(Account(1, User("ann"), "token"), lambda: f"id-{next(numbers)}")
        self.now = 100.0
        for room in rooms:
            self.session.enter(room)

    def connect(self) -> list[Frame]:
        self.session.handle_connected(self.now)
        return self.sent()

    def lose(self, code: int = 1006) -> list[Outcome]:
        self.session.handle_lost(code)
        return self.outcomes()

    def sent(self) -> list[Frame]:
        return [json.loads(text) for text in iter(self.session.poll_text, None)]

    def outcomes(self) -> list[Outcome]:
        return list(iter(self.session.poll_outcome, None))

    def take(self, *frames: Frame) -> list[Outcome]:
        for frame in frames:
            self.session.handle_text(json.dumps(frame), self.now)
        return self.outcomes()

    def wait(self, seconds: float) -> list[Outcome]:
        self.now += seconds
        self.session.handle_time(self.now)
        return self.outcomes()

    def logged_in(self, asked: Frame, seq: int = 1, session: str = "secret") -> list[Outcome]:
        lists: Frame = {"users": [], "streams": [], "extraInfo": []}
        beat = {"intervalMs": 15_000, "windowMs": 90_000, "reconnectMs": 1_200_000}
        return self.take(
            {
                "t": "res",
                "id": asked["id"],
                "ok": True,
                "sessionID": session,
                "heartbeat": beat,
                "position": place(seq),
                **lists,
            }
        )

    def is_inside(self) -> "Wire":
        (login,) = self.connect()
        self.logged_in(login)
        return self


def refused(asked: Frame, code: int) -> Frame:
    return {"t": "res", "id": asked["id"], "ok": False, "error": {"code": code, "message": "no"}}


def test_it_logs_in_and_tells_the_room() -> None:
    wire = Wire("r")
    (login,) = wire.connect()
    assert (login["t"], login["roomID"], login["appID"]) == ("login", "r", 1)
    settled, given = sorted(wire.logged_in(login), key=lambda outcome: isinstance(outcome, ItemReceived))
    assert isinstance(settled, ConnectionReady)
    assert isinstance(given, ItemReceived)
    assert isinstance(given.item, Resync)
    assert given.item.reason == "start"
    assert list(given.item.state.users) == ["ann"], "the lists leave out oneself, the state does not"


def test_a_login_that_was_not_answered_is_repeated_under_its_id() -> None:
    wire = Wire("r")
    (first,) = wire.connect()
    wire.lose()
    assert wire.connect() == [first]


def test_a_new_token_makes_a_new_login() -> None:
    wire = Wire("r")
    (first,) = wire.connect()
    wire.lose()
    wire.session.account.token = "fresh"
    (again,) = wire.connect()
    assert again["token"] == "fresh"
    assert again["id"] != first["id"]


def test_requests_are_repeated_until_they_are_answered() -> None:
    wire = Wire("r").is_inside()
    wire.session.request("barrage", {"roomID": "r", "message": "hello"}, "cmd")
    (asked,) = wire.sent()
    wire.lose()
    (resume,) = wire.connect()
    assert (resume["t"], resume["sessionID"], resume["rooms"]) == ("resume", "secret", {"r": place(1)})
    wire.take({"t": "res", "id": resume["id"], "ok": True, "rooms": {"r": "tail"}})
    assert wire.sent() == [asked]
    assert RequestAnswered("cmd", {"t": "res", "id": "cmd", "ok": True}) in wire.take(
        {"t": "res", "id": "cmd", "ok": True}
    )
    wire.lose()
    wire.connect()
    assert wire.take({"t": "res", "id": "cmd", "ok": True}) == [], "nobody waits any more"


def test_a_session_that_ran_out_is_begun_again_and_continues_where_it_was() -> None:
    wire = Wire("r").is_inside()
    wire.take(ev(2), ev(3))
    wire.lose()
    (resume,) = wire.connect()
    wire.take(refused(resume, 9000007))
    (login,) = wire.sent()
    assert login["t"] == "login"
    assert not [o for o in wire.logged_in(login, 9, "another") if isinstance(o, ItemReceived)]
    (catch_up,) = wire.sent()
    assert (catch_up["t"], catch_up["rooms"], catch_up["sessionID"]) == ("resume", {"r": place(3)}, "another")


def test_a_stay_that_ran_out_is_begun_again_one_that_was_ended_is_not() -> None:
    wire = Wire("r").is_inside()
    wire.take({"t": "end", "roomID": "r", "code": 1102001, "reason": "heartbeat timeout"})
    (login,) = wire.sent()
    wire.logged_in(login, 4)
    wire.sent()
    assert wire.take({"t": "end", "roomID": "r", "code": 1002055, "reason": "kicked"}) == [
        RoomEnded("r", 1002055, "kicked")
    ]
    assert wire.sent() == []
    wire.lose()
    assert wire.connect() == []


def test_being_resumed_elsewhere_is_final() -> None:
    wire = Wire("r").is_inside()
    (over,) = wire.lose(CONNECTION_TAKEN_OVER)
    assert isinstance(over, RoomEnded)
    assert over.code == 1002050


def test_a_refused_login_is_told_unless_it_passes() -> None:
    wire = Wire("r")
    (login,) = wire.connect()
    (drop,) = wire.take(refused(login, 9000010))
    assert isinstance(drop, Disconnect)
    wire.lose()
    (again,) = wire.connect()
    assert wire.take(refused(again, 1102020)) == [RoomEnded("r", 1102020, "no", refused=True)]


def test_a_gap_is_asked_for_on_the_same_connection_and_not_in_a_loop() -> None:
    wire = Wire("r").is_inside()
    wire.take(ev(4))
    (resume,) = wire.sent()
    assert resume["rooms"] == {"r": place(1)}
    wire.take({"t": "res", "id": resume["id"], "ok": True, "rooms": {"r": "tail"}}, ev(4))
    assert wire.sent() == [], "so soon it would only be a flood"
    when = wire.session.next_time()
    assert when is not None
    wire.wait(when - wire.now)
    assert [frame["t"] for frame in wire.sent()] == ["resume"]


def test_a_silent_gateway_is_left() -> None:
    wire = Wire("r").is_inside()
    assert wire.wait(15) == []
    assert [frame["t"] for frame in wire.sent()] == ["ping"]
    (drop,) = wire.wait(PONG_TIMEOUT_S)
    assert isinstance(drop, Disconnect)


def test_a_gateway_that_never_answers_the_first_frame_is_left() -> None:
    wire = Wire("r")
    wire.connect()
    (drop,) = wire.wait(FIRST_ANSWER_TIMEOUT_S)
    assert isinstance(drop, Disconnect)


def test_a_full_reader_is_fed_later_from_where_it_stood() -> None:
    wire = Wire("r").is_inside()
    wire.take(ev(2))
    wire.session.pause_reading("r", Position.parse(place(2)))
    assert wire.take(ev(3), ev(4)) == []
    wire.session.resume_reading("r", Position.parse(place(2)), wire.now)
    (resume,) = wire.sent()
    assert resume["rooms"] == {"r": place(2)}
    given = wire.take({"t": "res", "id": resume["id"], "ok": True, "rooms": {"r": "tail"}}, ev(3), ev(4))
    assert [outcome.item.position.seq for outcome in given if isinstance(outcome, ItemReceived)] == [3, 4]


def test_several_rooms_are_resumed_at_once() -> None:
    wire = Wire("r", "s")
    for login in wire.connect():
        wire.logged_in(login)
    wire.take(ev(2, "s"))
    wire.lose()
    (resume,) = wire.connect()
    assert resume["rooms"] == {"r": place(1), "s": place(2)}


def test_what_is_no_frame_ends_the_connection() -> None:
    wire = Wire("r").is_inside()
    wire.session.handle_text('{"t": "ev", "roomID": "r"}', wire.now)
    (drop,) = wire.outcomes()
    assert isinstance(drop, Disconnect)
