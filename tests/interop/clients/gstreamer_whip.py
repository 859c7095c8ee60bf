"""A WHIP publisher made of GStreamer; run it under the system's own Python.

    python3 gstreamer_whip.py URL TOKEN [VP8|H264]

Prints `connected` once media may flow, publishes until its standard input closes, then takes its resource away and prints the status.
"""

import sys

from gstreamer_peer import Gst, Peer  # pyright: ignore[reportAttributeAccessIssue] the system's Python has it

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

if __name__ == "__main__":
    video = VIDEO[(sys.argv[3:] or ["VP8"])[0]]
    Peer(sys.argv[1], sys.argv[2], Gst.parse_launch(PIPELINE.format(video=video))).run()
