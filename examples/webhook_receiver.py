"""Receives webhooks, checks who sent them, and prints each event as one JSON line.

PARLOUR_WEBHOOK_SECRET=whsec_… python webhook_receiver.py PORT     (then: parlour webhooks add http://…:PORT/)

Parlour sends an event again until it is answered 2xx, so after a crash one may come twice: `id` tells. It is answered only after it was
printed; an answer that came before would lose what a crash takes.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

MOST_BYTES = 1 << 20
LAST_KEPT = 10_000
SEEN: dict[str, None] = {}
"""The ids that were printed, the latest ones."""


class Receiver(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """200 for what is (or was) printed, 401 for what is not from Parlour."""
        body = self.rfile.read(min(MOST_BYTES, int(self.headers.get("content-length", "0"))))
        try:
            Webhook(os.environ["PARLOUR_WEBHOOK_SECRET"]).verify(body, dict(self.headers))
        except WebhookVerificationError:
            return self.answer(401)
        event = json.loads(body)
        if event["id"] not in SEEN:
            print(json.dumps(event["data"]), flush=True)
            SEEN[event["id"]] = None
            if len(SEEN) > LAST_KEPT:
                del SEEN[next(iter(SEEN))]
        return self.answer(200)

    def answer(self, status: int) -> None:
        """No body."""
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
        """Standard output is for events."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
