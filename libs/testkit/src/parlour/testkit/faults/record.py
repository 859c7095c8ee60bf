"""The record of the rooms that a crowd was in, read over one connection, and the checker's word on it."""

from collections.abc import Iterable
from typing import Any

import msgspec

from parlour.cli.operator.connection import connect
from parlour.cli.operator.room_log import RoomLog
from parlour.testkit.faults.crowd import Crowd
from parlour.testkit.history import Logged, Violation, check, from_views


async def logs(nats: str, app: int, calls: Iterable[tuple[str, str]]) -> list[Logged]:
    """All events of calls, each named by (room, room_uid)."""
    found: list[Logged] = []
    async with connect(nats) as bus:
        for room, call in sorted(set(calls)):
            views = [
                msgspec.json.decode(msgspec.json.encode(view))
                async for view in RoomLog(bus, app, room).events(call=call)
            ]
            found += from_views(views)
    return found


async def verdict(nats: str, crowd: Crowd) -> list[Violation]:
    """Waits until everybody has seen everything, then checks what all saw and were told against the record.

    The record is read again at the end: a deadline may commit an event while members catch up, and they are shown that one too.
    """
    calls = {(member.room, member.position.split(".")[0]) for member in crowd.members}
    record = await logs(nats, crowd.app, calls)
    heads = {uid: max(event.seq for event in record if event.room_uid == uid) for _, uid in calls}
    for member in crowd.members:
        await member.reach(heads[member.position.split(".")[0]], within_s=20)
    histories = crowd.histories()
    return check(histories, await logs(nats, crowd.app, calls))


def outliving_streams(events: Iterable[dict[str, Any]]) -> list[str]:
    """Streams that are still in a room which their session has left, by one call's record."""
    live: dict[str, str] = {}
    gone: set[str] = set()
    for event in events:
        data = event["data"]
        match event["type"]:
            case "stream.added.v1":
                live[data["streamID"]] = data["sessionID"]
            case "stream.removed.v1":
                live.pop(data["streamID"], None)
            case "room.user_left.v1" | "room.user_kicked.v1":
                gone.add(data["sessionID"])
            case _:
                pass
    return sorted(stream for stream, session in live.items() if session in gone)
