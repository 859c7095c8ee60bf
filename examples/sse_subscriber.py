"""Follows a room by server-sent events, with the standard library only: prints each event once and in order, after its position.

PARLOUR_TOKEN=… python sse_subscriber.py ROOM POSITION http://gateway …   (POSITION: of the last event printed; "" for all from the start)

The token is a subscription token: parlour token --subscribe --room ROOM --scope events.
"""

import itertools
import os
import re
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SILENT_S = 40
"""The server sends a line at least every 15 s; after this long without one the connection counts as lost."""
PASSING = {429, 500, 502, 503, 504}


def encoded(room: str) -> str:
    """Encodes a room's id for a path."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0][0], room.encode()).decode()


def messages(gateway: str, room: str, held: str) -> Iterator[tuple[str, str, str]]:
    """Yields (kind, position, body) of each message of one connection."""
    headers = {"Authorization": f"Bearer {os.environ['PARLOUR_TOKEN']}", "Accept": "text/event-stream"}
    request = Request(
        f"{gateway}/v1/rooms/{encoded(room)}/events", headers=headers | ({"Last-Event-ID": held} if held else {})
    )
    with urlopen(request, timeout=SILENT_S) as stream:
        message: dict[str, str] = {}
        for line in stream:
            name, _, text = line.decode().rstrip("\r\n").partition(": ")
            if name:
                message[name] = text
            elif "data" in message:  # an empty line ends a message; a partial one is dropped
                yield message.get("event", "event"), message.get("id", held), message["data"]
                message = {}


def follow(room: str, held: str, gateways: list[str]) -> None:
    """Follows the room until the token no longer allows it."""
    for gateway in itertools.cycle(gateways):
        try:
            for kind, position, body in messages(gateway, room, held):
                if kind == "end":
                    sys.exit(f"the stream is over: {body}")
                held = position
                if kind != "skip":
                    print(held, body if kind == "event" else kind, flush=True)
        except HTTPError as refused:
            if refused.code not in PASSING:
                sys.exit(f"refused: {refused.read().decode()}")
        except (OSError, HTTPException):
            pass  # the connection broke: continue at the next gateway from the last position
        time.sleep(1)


if __name__ == "__main__":
    follow(sys.argv[1], sys.argv[2], sys.argv[3:])
