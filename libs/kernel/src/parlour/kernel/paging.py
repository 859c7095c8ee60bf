"""A room's state in pages: a room of ten thousand must fit through a bus that carries a megabyte at once.

Rows are the users, then the streams, each in the order of the log; a stream with more players than `PLAYERS` goes on in further rows.
Every page carries the room's other fields and the same position, so that pages of one `room_uid` and `seq` make one state.
"""

from collections.abc import Awaitable, Callable, Iterator

import msgspec

from parlour.contracts.queries import RoomState, Snapshot, SnapshotQuery, StreamState, UserState

PAGE_BYTES = 512 * 1024
PLAYERS = 1000

_encode = msgspec.json.Encoder().encode
Ask = Callable[[SnapshotQuery], Awaitable[Snapshot]]


def page_of(state: RoomState, after: int, most: int = PAGE_BYTES) -> Snapshot:
    """Returns the rows after the first `after` ones, as many as fit into `most` bytes and at least one."""
    users: list[UserState] = []
    streams: list[StreamState] = []
    size = 0
    for number, row in enumerate(_rows(state)):
        if number < after:
            continue
        size += len(_encode(row)) + 1
        if size > most and number > after:
            return Snapshot(_with(state, users, streams), next=number)
        if isinstance(row, UserState):
            users.append(row)
        else:
            streams.append(row)
    return Snapshot(_with(state, users, streams))


async def whole(ask: Ask, query: SnapshotQuery) -> Snapshot:
    """Fetches all pages of one state and joins them; a refusal, or a room that was never opened, is returned as it came."""
    page = await ask(query)
    if page.problem is not None or page.state is None:
        return page
    first, users, streams = page.state, list(page.state.users), list(page.state.streams)
    while page.next:
        page = await ask(SnapshotQuery(first.room_uid, first.seq, after=page.next))
        if page.problem is not None or page.state is None:
            return page
        users += page.state.users
        streams += page.state.streams
    return Snapshot(_with(first, users, _joined(streams)))


def _rows(state: RoomState) -> Iterator[UserState | StreamState]:
    yield from state.users
    for stream in state.streams:
        for begin in range(0, max(1, len(stream.players)), PLAYERS):
            yield msgspec.structs.replace(stream, players=stream.players[begin : begin + PLAYERS])


def _joined(rows: list[StreamState]) -> list[StreamState]:
    streams: list[StreamState] = []
    for row in rows:
        if streams and streams[-1].stream_id == row.stream_id:
            streams[-1] = msgspec.structs.replace(row, players=streams[-1].players + row.players)
        else:
            streams.append(row)
    return streams


def _with(state: RoomState, users: list[UserState], streams: list[StreamState]) -> RoomState:
    return msgspec.structs.replace(state, users=tuple(users), streams=tuple(streams))
