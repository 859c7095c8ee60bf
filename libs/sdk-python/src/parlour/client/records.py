"""Reads rooms without being in them: events, state as of any moment, and past calls, over HTTP."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .errors import ProtocolViolation
from .gateway_http import Diverged, GatewayHttp, Token, encode_room_id
from .items import Event, Frame, Resync, Skip
from .position import Position
from .state import NOWHERE, State, User, read_stream

LONG_POLL_S = 25
"""How long one request waits at the gateway for the next event."""
EVENTS_PER_PAGE = 500
LISTS = ("sessions", "streams", "plays", "messages")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a room. Times are unix microseconds; `ended_at` is None while it goes on."""

    room_id: str
    room_uid: str
    started_at: int
    ended_at: int | None
    participants: int
    streams: int
    peak: int
    kicks: int

    @classmethod
    def read(cls, frame: Frame) -> Self:
        """Reads an entry of `/v1/calls`."""
        ended = frame.get("endedAt")
        return cls(
            str(frame["room"]), str(frame["roomUID"]), int(frame["startedAt"]), None if ended is None else int(ended),
            int(frame["participants"]), int(frame["streams"]), int(frame["peak"]), int(frame["kicks"]),
        )  # fmt: skip


class Records:
    """`async with Records(url, token=…) as records:` with a subscription token, or a function that gives one.

    Scopes: `events` for events and state, `history` for calls; `audit` shows also what members of a room do not see.
    """

    def __init__(self, urls: str | Sequence[str], *, token: Token, app: int = 0) -> None:
        self._http = GatewayHttp([urls] if isinstance(urls, str) else urls, token, {"app": str(app)} if app else {})

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    # rooms

    async def events(
        self, room_id: str, after: str | Position | None = None, *, types: Sequence[str] = (), live: bool = True
    ) -> AsyncGenerator[Event | Skip | Resync]:
        """Yields each event after a position once and in order, through all later calls; None: from the start of the latest call.

        types: event types or their families; the others are skipped. live: waits for further events, without end; else it ends after the
        last. For a position that is not in the room's history it yields a Resync with the state to continue from. RequestRefused where
        the token may not read (any more).
        """
        position = None if after is None else Position.coerce(after)
        params = {
            "limit": str(EVENTS_PER_PAGE),
            "types": ",".join(types),
            **({"wait": str(LONG_POLL_S)} if live else {}),
        }
        while True:
            try:
                after_it = {} if position is None else {"after": str(position)}
                page = await self._http.get(_path(room_id, "events"), params | after_it, timeout_s=None)
            except Diverged:
                state = await self.state(room_id)
                position = state.position
                yield Resync(room_id, position, state, "diverged")
                continue
            for item in items_of(room_id, page):
                position = next_position(position, item)
                yield item
            position = Position.parse(str(page["next"]))
            if not live and not page["more"]:
                return

    async def state(self, room_id: str, at: str | Position = "", *, not_before: str | Position = "") -> State:
        """Returns the room as of a position or a time (RFC 3339), else as of now; not older than the position `not_before`."""
        params = {name: str(value) for name, value in (("at", at), ("min_pos", not_before)) if value}
        return state_of(room_id, await self._http.get(_path(room_id, "state"), params))

    # calls

    async def calls(self, *, room: str = "", user: str = "", since: str = "", until: str = "") -> AsyncGenerator[Call]:
        """Yields calls that began in a time (RFC 3339 or unix microseconds), newest first; of a room or a user where one is named."""
        params = {"room": room, "user": user, "from": since, "to": until}
        async for page in self._pages("/v1/calls", {name: value for name, value in params.items() if value}):
            for call in page.get("calls", ()):
                yield Call.read(call)

    async def timeline(self, room_uid: str) -> Mapping[str, Any]:
        """Returns a call as intervals, all pages of it: `call`, `sessions`, `streams`, `plays`, `messages` (docs/how-to/history.md)."""
        whole: dict[str, Any] = {name: [] for name in LISTS}
        async for page in self._pages(f"/v1/calls/{room_uid}/timeline", {}):
            whole["call"] = page["call"]
            for name in LISTS:
                whole[name] += page.get(name, ())
        return whole

    async def difference(self, room_uid: str, since: int | str, until: int | str) -> Mapping[str, Any]:
        """Returns the differences between two moments of a call, each an event's number or a time."""
        params = {"from": str(since), "to": str(until)}
        return dict(await self._http.get(f"/v1/calls/{room_uid}/diff", params))

    async def _pages(self, path: str, params: dict[str, str]) -> AsyncGenerator[Frame]:
        while True:
            page = await self._http.get(path, params)
            yield page
            if not page.get("next"):
                return
            params = {**params, "cursor": str(page["next"])}


def _path(room_id: str, what: str) -> str:
    return f"/v1/rooms/{encode_room_id(room_id)}/{what}"


def items_of(room_id: str, page: Frame) -> list[Event | Skip]:
    """Returns a page's events and skips in the order of the record; later calls have later ids."""
    items: list[Event | Skip] = [event_of(room_id, view) for view in page["events"]]
    items += [Skip(room_id, Position.parse(str(s["pos"])), int(s["from"])) for s in page["skipped"]]
    return sorted(items, key=lambda item: (item.position.room_uid, item.position.seq))


def event_of(room_id: str, view: Frame) -> Event:
    """Reads the view of an event that is served over HTTP, by webhooks and on NATS."""
    position = Position(str(view["roomUID"]), int(view["seq"]), str(view["hash"])[:16])
    user = str(view.get("userID", ""))
    return Event(
        room_id, position, str(view["prev"])[:16], int(view["at"]), str(view["type"]), view["data"],
        User(user) if user else None, str(view.get("commandID", "")),
    )  # fmt: skip


def next_position(position: Position | None, item: Event | Skip) -> Position:
    """Returns the position after an item. ProtocolViolation where the item does not continue `position`, since events would be missing."""
    first = item.first if isinstance(item, Skip) else item.seq
    same = position is not None and item.position.room_uid == position.room_uid
    before = position.seq if position is not None and same else 0
    prev = position.hash8 if position is not None and same else NOWHERE
    if first != before + 1 or (isinstance(item, Event) and item.prev != prev):
        raise ProtocolViolation(f"event {first} of {item.position.room_uid} does not follow {position}")
    return item.position


def state_of(room_id: str, state: Frame) -> State:
    """Reads the state as the record serves it, which names users by `actor`."""
    users = {str(user["actor"]): User(str(user["userID"]), str(user["userName"])) for user in state["users"]}
    streams = [read_stream(s, users.get(str(s["actor"]), User("")).user_id) for s in state["streams"]]
    return State(
        room_id, Position(str(state["roomUID"]), int(state["seq"]), str(state["hash"])[:16]),
        {user.user_id: user for user in users.values()}, {stream.stream_id: stream for stream in streams},
        {str(entry["key"]): str(entry["value"]) for entry in state["extraInfo"]}, bool(state["open"]),
    )  # fmt: skip
