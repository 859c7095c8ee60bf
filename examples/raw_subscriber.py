"""Follows a room for ever, written from docs/protocol.md: prints each event once and in order, and "resync" where it has to begin anew.

PARLOUR_TOKEN=04… python raw_subscriber.py APP ROOM USER POSITION ws://gateway/ws …   (POSITION: of the last event printed; "" for now)
"""

import contextlib, itertools, json, os, random, sys, time, uuid

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

app, room, user, held, *gateways = sys.argv[1:]
login = {"appID": int(app), "roomID": room, "token": os.environ["PARLOUR_TOKEN"], "user": {"userID": user}}
session, ours = "", {"subprotocols": ["parlour.v1.json"], "ping_interval": 10, "ping_timeout": 10}
for gateway in itertools.cycle(gateways):
    with contextlib.suppress(OSError, WebSocketException), connect(gateway, **ours) as socket:
        ask, waiting = "resume" if session else "login", False
        while True:
            if ask:
                fields = login if ask == "login" else {"sessionID": session, "rooms": {room: held}}
                socket.send(json.dumps({"t": ask, "id": str(uuid.uuid4()), **fields}))
                ask, waiting = "", True
            frame = json.loads(text := socket.recv())
            kind, pos = frame["t"], frame.get("pos") or frame.get("position") or held
            code = frame.get("code") or frame.get("error", {}).get("code")
            session, waiting = frame.get("sessionID", session), waiting and kind != "res"
            if code in (1102001, 9000007):  # the stay ran out
                ask = "login"
            elif code in (1012, 1100002, 9000004, 9000010):  # not now, or not here
                break
            elif code:
                sys.exit(f"the stay is over: {text}")
            elif kind == "snap" or pos.split(".")[0] != held.split(".")[0]:
                print("resync", held := pos, flush=True)
            elif kind in ("ev", "skip") and frame.get("from", frame.get("seq")) == int(held.split(".")[1]) + 1:
                held = pos
                if kind == "ev":
                    print(text, flush=True)
            elif int(pos.split(".")[1]) > int(held.split(".")[1]) and not waiting:
                ask = "resume"  # something is missing
    time.sleep(random.uniform(0.2, 2))
