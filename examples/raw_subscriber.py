"""Follows a room for ever, written from docs/protocol.md: prints each event once and in order, and "resync" where it has to begin anew.

PARLOUR_TOKEN=… python raw_subscriber.py ROOM POSITION ws://gateway/ws …   (POSITION: of the last event printed; "" for now)
"""

import contextlib, itertools, json, os, random, sys, time, uuid

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

room, held, *gateways = sys.argv[1:]
ours = {"subprotocols": ["parlour.v1.json"], "ping_interval": 10, "ping_timeout": 10}
for gateway in itertools.cycle(gateways):
    with contextlib.suppress(OSError, WebSocketException), connect(gateway, **ours) as socket:
        ask = {"t": "subscribe", "roomID": room, "token": os.environ["PARLOUR_TOKEN"], "after": held}
        socket.send(json.dumps({"id": str(uuid.uuid4()), **ask}))
        while True:
            frame = json.loads(text := socket.recv())
            kind, pos = frame["t"], frame.get("pos")
            code = frame.get("code") or frame.get("error", {}).get("code")
            if code in (1012, 1100002, 1100999, 9000004, 9000010):  # not now, or not here
                break
            elif code:
                sys.exit(f"it is over: {text}")
            elif kind == "snap":
                print("resync", held := pos, flush=True)
            elif kind in ("ev", "skip"):
                (call, seq, hash8), first = held.split("."), frame.get("from", frame.get("seq"))
                if first != (int(seq) + 1 if pos.startswith(call) else 1) or frame.get("prev", hash8) not in (
                    hash8,
                    "0" * 16,
                ):
                    break  # something is missing: ask again
                held = pos
                if kind == "ev":
                    print(text, flush=True)
    time.sleep(random.uniform(0.2, 2))
