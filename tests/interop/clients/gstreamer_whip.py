"""A WHIP publisher made of GStreamer's webrtcbin and the standard library; run it under the system's own Python.

    python3 gstreamer_whip.py URL TOKEN [VP8|H264]

Prints `connected` once media may flow, publishes until its standard input closes, then takes its resource away (`DELETE`) and prints
the status. webrtcbin gathers all candidates before the offer is sent, so that no trickle is needed.
"""

import sys
import threading
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import gi  # pyright: ignore[reportMissingImports] the system's Python has it

for name in ("Gst", "GstSdp", "GstWebRTC"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402  # pyright: ignore[reportMissingImports]

VIDEO = {
    "VP8": "vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay pt=96 picture-id-mode=2 ! "
    "application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "H264": "openh264enc gop-size=30 ! video/x-h264,profile=constrained-baseline ! rtph264pay pt=96 config-interval=-1 "
    "aggregate-mode=zero-latency ! application/x-rtp,media=video,encoding-name=H264,payload=96,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f",
}
PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! videoconvert ! {video} ! peer.
audiotestsrc is-live=true wave=ticks ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=97
  ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
"""


class Publisher:
    """One pipeline, one resource."""

    def __init__(self, url: str, token: str, codec: str) -> None:
        self.url, self.token = url, token
        self.resource = ""
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE.format(video=VIDEO[codec]))
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
        with urlopen(ask, timeout=10) as reply:
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
        """Publishes until it is told to stop."""
        threading.Thread(target=self.until_told, daemon=True).start()
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.resource:
            with urlopen(Request(self.resource, headers=self.headers(), method="DELETE"), timeout=10) as reply:
                print("deleted", reply.status, flush=True)
        self.pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    Gst.init(None)
    Publisher(sys.argv[1], sys.argv[2], (sys.argv[3:] or ["VP8"])[0]).run()
