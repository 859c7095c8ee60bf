"""Receives webhooks, verifies their signatures, and stores each event once in a SQLite file, with one JSON line on standard output.

PARLOUR_WEBHOOK_SECRET=whsec_… python webhook_receiver.py PORT [EVENTS.db]     (then: parlour webhooks add http://…:PORT/)

Parlour sends an event again until it is answered 2xx, so after a crash an event may come twice, with the same id; the file has all ids.
The answer is sent once the event is on disk: after an earlier answer, a crash would lose the event.
"""

import json
import os
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

MOST_BYTES = 1 << 20
SECONDS_FOR_A_REQUEST = 60


class Events:
    """The file of received events, by id. It serves one request at a time, since SQLite has one writer."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.file = sqlite3.connect(path, check_same_thread=False)
        with self.file:
            self.file.execute("CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, type TEXT, body TEXT)")

    def take(self, event: dict[str, Any]) -> bool:
        """Stores an event; false if it is stored already. Your own program does its work inside the same transaction."""
        with self.lock, self.file:
            row = (event["id"], event["type"], json.dumps(event))
            if not self.file.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?)", row).rowcount:
                return False
            print(json.dumps(event.get("data", event)), flush=True)  # a crash before the commit prints it twice
            return True


class Receiver(BaseHTTPRequestHandler):
    """Answers the requests of one connection: 2xx once an event is stored, 4xx if it is not signed."""

    protocol_version = "HTTP/1.1"
    timeout = SECONDS_FOR_A_REQUEST
    events: Events

    def do_POST(self) -> None:
        """Answers 200 for a stored event, 401 for one that is not from Parlour, 411 and 413 for a body that is not read."""
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            return self.answer(413 if length.isdecimal() else 411)
        body = self.rfile.read(int(length))
        try:
            Webhook(os.environ["PARLOUR_WEBHOOK_SECRET"]).verify(body, dict(self.headers))
        except WebhookVerificationError:
            return self.answer(401)
        self.events.take(json.loads(body))
        return self.answer(200)

    def answer(self, status: int) -> None:
        """Answers with a status and no body."""
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
        """Logs nothing: standard output has only events."""


if __name__ == "__main__":
    Receiver.events = Events(sys.argv[2] if len(sys.argv) > 2 else "events.db")
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
