"""Follows a room by server-sent events, with nothing but the standard library: each event once and in order, printed after its position.

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
"""The stream says something every 15 s; after this it is taken for dead."""
PASSING = {429, 500, 502, 503, 504}


def encoded(room: str) -> str:
    """The room's id as it stands in a path."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0][0], room.encode()).decode()


def messages(gateway: str, room: str, held: str) -> Iterator[tuple[str, str, str]]:
    """(kind, position, body) of each message of one connection."""
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
            elif "data" in message:  # an empty line ends a message; one that was cut off is not given
                yield message.get("event", "event"), message.get("id", held), message["data"]
                message = {}


def follow(room: str, held: str, gateways: list[str]) -> None:
    """Until the token does not allow it any more."""
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
            pass  # the connection broke; the next gateway goes on from the position held
        time.sleep(1)


if __name__ == "__main__":
    follow(sys.argv[1], sys.argv[2], sys.argv[3:])
