"""Copies a room's events to a file, one JSON line per event: each once and in order, even if this program or a gateway is killed.

PARLOUR_TOKEN=… python room_follower.py FILE ROOM http://gateway …

The token is a subscription token: parlour token --subscribe --room ROOM --scope events. A line with `resync` says that the events
before it are of another history; GET /v1/rooms/ROOM/state?at=POSITION has the state to continue from.
room_follower.mjs and room_follower.go are the same program in Node and Go, without a client library.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from parlour.client import Event, Position, Records, RequestRefused, Resync


def last_position(file: Path) -> Position | None:
    """Returns the position of the last complete line, and removes a partial line that a crash left behind it."""
    whole = file.read_bytes().rpartition(b"\n")[0] if file.exists() else b""
    file.write_bytes(whole + b"\n" if whole else b"")
    return Position.parse(json.loads(whole.rpartition(b"\n")[2])["position"]) if whole else None


async def follow(file: Path, room: str, urls: list[str]) -> None:
    """Follows the room until the token no longer allows it, and appends its events to the file."""
    after = last_position(file)
    async with Records(urls, token=os.environ["PARLOUR_TOKEN"]) as records:
        with file.open("a", buffering=1) as lines:
            async for item in records.events(room, after):
                match item:
                    case Event():
                        line = {"position": str(item.position), "type": item.type, "data": dict(item.data)}
                    case Resync():
                        line = {"position": str(item.position), "resync": item.reason}
                    case _:  # events outside the token's read scope
                        continue
                lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    try:
        asyncio.run(follow(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
    except RequestRefused as refused:
        sys.exit(f"refused: {refused}")
