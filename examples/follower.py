"""Writes a room's events to a file, one JSON line per event: each once and in order, even if this program or a gateway is killed.

PARLOUR_TOKEN=04… python follower.py FILE APP ROOM USER http://gateway …

Each line has the event's position, so that the output and the position are always consistent.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from parlour.client import Client, Event, Position, Resync


def kept(file: Path) -> Position | None:
    """Returns the position of the last complete line, and removes a partial line that a crash left behind it."""
    whole = file.read_bytes().rpartition(b"\n")[0] if file.exists() else b""
    file.write_bytes(whole + b"\n" if whole else b"")
    return Position.parse(json.loads(whole.rpartition(b"\n")[2])["position"]) if whole else None


async def follow(file: Path, app: int, room: str, user: str, urls: list[str]) -> None:
    """Follows the room for ever and appends its events to the file."""
    after = kept(file)
    async with Client(urls, app=app, user=user, token=os.environ["PARLOUR_TOKEN"]) as client:
        with file.open("a", buffering=1) as lines:
            async for item in client.room(room).events(after):
                match item:
                    case Event():
                        line = {"position": str(item.position), "type": item.type, "data": dict(item.data)}
                    case Resync():
                        line = {"position": str(item.position), "resync": item.reason, "users": list(item.state.users)}
                lines.write(json.dumps(line) + "\n")
                print(line["position"], flush=True)


if __name__ == "__main__":
    asyncio.run(follow(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]))
