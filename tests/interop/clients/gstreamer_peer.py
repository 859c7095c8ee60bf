"""What WHIP and WHEP share, by GStreamer's webrtcbin and the standard library: an offer with all its candidates is POSTed, the answer
applied, the resource taken away (`DELETE`) once standard input closes.

Prints the connection's states as they change, and the status of the `DELETE`. Runs under the system's own Python.
"""

import sys
import threading
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import gi  # pyright: ignore[reportMissingImports] the system's Python has it

for name in ("Gst", "GstSdp", "GstWebRTC"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402  # pyright: ignore[reportMissingImports]

ANSWER_WITHIN_S = 10
Gst.init(None)


class Peer:
    """One pipeline with a webrtcbin named `peer`, one resource."""

    def __init__(self, url: str, token: str, pipeline: Gst.Pipeline) -> None:
        self.url, self.token = url, token
        self.resource = ""
        self.loop = GLib.MainLoop()
        self.pipeline = pipeline
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("on-negotiation-needed", self.offer)
        self.peer.connect("notify::ice-gathering-state", self.gathered)
        self.peer.connect("notify::connection-state", self.connection)

    def offer(self, peer: Gst.Element) -> None:
        """Asks webrtcbin for its offer."""
        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, promise: Gst.Promise) -> None:
        """Starts to gather."""
        promise.wait()
        # The description dies with the reply that holds it; the text makes one of its own.
        reply = promise.get_reply()
        _, sdp = GstSdp.SDPMessage.new_from_text(reply.get_value("offer").sdp.as_text())
        offer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, sdp)
        self.peer.emit("set-local-description", offer, Gst.Promise.new())

    def gathered(self, peer: Gst.Element, _what: object) -> None:
        """The offer has its candidates now."""
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            threading.Thread(target=self.post, daemon=True).start()

    def post(self) -> None:
        """Offer in, answer out."""
        offer = self.peer.get_property("local-description").sdp.as_text()
        ask = Request(self.url, offer.encode(), self.headers() | {"Content-Type": "application/sdp"})
        with urlopen(ask, timeout=ANSWER_WITHIN_S) as reply:
            self.resource = urljoin(self.url, reply.headers["Location"])
            _, sdp = GstSdp.SDPMessage.new_from_text(reply.read().decode())
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.peer.emit("set-remote-description", answer, Gst.Promise.new())

    def connection(self, peer: Gst.Element, _what: object) -> None:
        """Tells."""
        state = peer.get_property("connection-state")
        print(state.value_nick, flush=True)
        if state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            self.loop.quit()

    def headers(self) -> dict[str, str]:
        """The bearer."""
        return {"Authorization": f"Bearer {self.token}"}

    def until_told(self) -> None:
        """Standard input is the stop button."""
        sys.stdin.read()
        self.loop.quit()

    def run(self) -> None:
        """Goes on until it is told to stop."""
        threading.Thread(target=self.until_told, daemon=True).start()
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.resource:
            ask = Request(self.resource, headers=self.headers(), method="DELETE")
            with urlopen(ask, timeout=ANSWER_WITHIN_S) as reply:
                print("deleted", reply.status, flush=True)
        self.pipeline.set_state(Gst.State.NULL)
