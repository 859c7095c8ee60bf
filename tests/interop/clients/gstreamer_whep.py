"""A WHEP player made of GStreamer; run it under the system's own Python.

    python3 gstreamer_whep.py URL TOKEN

Offers to receive VP8 with retransmissions and Opus, decodes what comes, and prints `video 60` and the like at every 15th frame and every
50th piece of sound that it decoded, until its standard input closes.
"""

import sys
from collections import Counter

from gstreamer_peer import Gst, GstWebRTC, Peer  # pyright: ignore[reportAttributeAccessIssue] the system's Python has it

CAPS = {
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2",
    "video": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000,"
    "rtcp-fb-nack=true,rtcp-fb-nack-pli=true",
}
DECODERS = {
    "audio": "queue ! rtpopusdepay ! opusdec ! fakesink name=end signal-handoffs=true sync=false",
    "video": "queue ! rtpvp8depay ! vp8dec ! fakesink name=end signal-handoffs=true sync=false",
}
TOLD_EVERY = {"audio": 50, "video": 15}


class Player(Peer):
    """Receives one stream and counts what it decodes."""

    def __init__(self, url: str, token: str) -> None:
        pipeline = Gst.Pipeline()
        pipeline.add(Gst.parse_launch("webrtcbin name=peer bundle-policy=max-bundle latency=100"))
        super().__init__(url, token, pipeline)
        self.decoded: Counter[str] = Counter()
        self.peer.connect("pad-added", self.came)
        for kind, caps in CAPS.items():
            line = self.peer.emit(
                "add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps)
            )
            line.set_property("do-nack", kind == "video")

    def came(self, _peer: Gst.Element, pad: Gst.Pad) -> None:
        """A medium arrives: it is decoded."""
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        decoder = Gst.parse_bin_from_description(DECODERS[kind], True)
        decoder.get_by_name("end").connect("handoff", self.count, kind)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def count(self, _end: Gst.Element, _buffer: Gst.Buffer, _pad: Gst.Pad, kind: str) -> None:
        """One more frame or piece of sound."""
        self.decoded[kind] += 1
        if self.decoded[kind] % TOLD_EVERY[kind] == 0:
            print(kind, self.decoded[kind], flush=True)


if __name__ == "__main__":
    Player(sys.argv[1], sys.argv[2]).run()
