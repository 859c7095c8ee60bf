"""The invariants that hold once a run is quiet: each client has its room's log, and sessions, streams and claims agree."""

from collections.abc import AsyncGenerator, Iterable

from parlour.contracts.queries import RoomState
from parlour.kernel.log import LogKey, Record
from parlour.kernel.view import apply, empty_room
from parlour.runtime.deciding.sealing import open_records
from parlour.testkit.history import Logged, check
from parlour.testkit.user_keys import MemoryUserKeyStore

from .script import Actor
from .world import World

CLIENT_SESSION, LIVE_STREAM = "client_session", "live_stream"


async def folds(world: World) -> dict[str, RoomState]:
    """The fold of every log, by its uid."""
    return {str(key.uid): await fold(world.people, key, records) for key, records in world.log.all_records().items()}


async def fold(people: MemoryUserKeyStore, key: LogKey, records: tuple[Record, ...]) -> RoomState:
    """Returns the state of a call after its last event."""
    state = empty_room(key.app, key.room, str(key.uid))
    for view in await open_records(people, records):
        state = apply(state, view)
    return state


async def check_invariants(world: World, actors: list[Actor]) -> list[str]:
    """Describes every broken invariant."""
    states = await folds(world)
    logged = [line async for line in _logged(world)]
    found = [f"promise {v.promise}: {v.who}: {v.what}" for v in check([a.client.history for a in actors], logged)]
    found += _views(actors, states)
    found += _sessions(world, actors, states)
    found += _streams(world, states)
    return [*world.wrong, *found]


async def is_settled(world: World, actors: list[Actor]) -> bool:
    """Whether everybody who is in a room has all of it, and nobody else is in one."""
    states = await folds(world)
    wrong = (_views(actors, states), _sessions(world, actors, states), _streams(world, states))
    return not any(sentence for part in wrong for sentence in part)


async def _logged(world: World) -> AsyncGenerator[Logged]:
    for key, records in world.log.all_records().items():
        for record, view in zip(records, await open_records(world.people, records), strict=True):
            yield Logged(
                str(key.uid), record.seq, record.at, record.hash.hex(), record.prev.hex(), record.type, view.command_id
            )


def _inside(actors: list[Actor]) -> list[Actor]:
    return [actor for actor in actors if actor.client.room and not actor.gone and not actor.client.final]


def _views(actors: list[Actor], states: dict[str, RoomState]) -> Iterable[str]:
    for actor in _inside(actors):
        client = actor.client
        state = states.get(client.view.uid)
        if state is None:
            yield f"{client.name} is in a call that is not in the log"
        elif difference := client.view.differs(state, client.session_id):
            yield f"{client.name} {difference}"


def _sessions(world: World, actors: list[Actor], states: dict[str, RoomState]) -> Iterable[str]:
    """The people in a room are those whose clients are there, in the log and in the claims."""
    there = {(actor.client.view.uid, actor.client.session_id) for actor in _inside(actors)}
    inside = {(uid, user.session_id) for uid, state in states.items() for user in state.users}
    for uid, session in inside ^ there:
        yield f"session {session} is {'in' if (uid, session) in inside else 'not in'} the log of {uid}"
    claimed = {row.holder for row in world.log.all_claims(CLIENT_SESSION)}
    if claimed != {session for _, session in inside}:
        yield f"claims of sessions: {sorted(claimed)}"
    for uid, state in states.items():
        if state.open and not state.users:
            yield f"the empty room {uid} is open"
    for key in world.log.all_deadlines("room"):
        if not any(key.endswith(session) for _, session in inside):
            yield f"deadline {key} of a session that is gone"
    for door in world.doors.values():
        for session in door.gateway.sessions._sessions.values() if door.process.alive else ():  # pyright: ignore[reportPrivateUsage] nobody else needs to see them
            if session.rooms and session.session_id not in {one for _, one in inside}:
                yield f"{door.process.name} is in a room by session {session.session_id}, which is gone"


def _streams(world: World, states: dict[str, RoomState]) -> Iterable[str]:
    """Streams and plays belong to people in the room; their claims to streams, or at least to somebody who is there."""
    for uid, state in states.items():
        sessions = {user.session_id for user in state.users}
        for stream in state.streams:
            if stream.session_id not in sessions:
                yield f"stream {stream.stream_id} of a session that left {uid}"
            for player in stream.players:
                if player not in sessions:
                    yield f"stream {stream.stream_id} is played by a session that left {uid}"
    live = {(s.stream_id, s.session_id) for state in states.values() if state.open for s in state.streams}
    claims = {(row.key, row.holder.partition("/")[0]) for row in world.log.all_claims(LIVE_STREAM)}
    for stream_id, session in live - claims:
        yield f"stream {stream_id} of {session} has no claim"
    for stream in (stream for state in states.values() if state.open for stream in state.streams):
        node = world.relays.get(stream.node)
        transport = node.transports.get(stream.transport_id) if node is not None else None
        if transport is None or stream.stream_id not in transport.publishes:
            yield f"stream {stream.stream_id} of {stream.session_id} is on record, and {stream.node} does not carry it"
