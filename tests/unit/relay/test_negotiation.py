"""What an offer changes; numbers in names are the rules of `domain.negotiation`."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from parlour.contracts.codes import Code
from parlour.contracts.commands import MediaSections
from parlour.contracts.relay import PlayMedia, PublishMedia
from parlour.kernel.rejection import Rejection
from parlour.relay.domain.negotiation import MAX_STREAMS, Plan, check_offer, plan
from parlour.relay.domain.sdp.model import Direction, SessionDescription
from parlour.relay.domain.sdp.parse import parse
from parlour.relay.domain.session import SessionTable, Slot, StreamKey, Track

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sdp"
APP = 7


class Counting:
    """Ids in order."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def number(self) -> int:
        return next(self._numbers)

    def ssrc(self) -> int:
        return 1_000_000 + next(self._numbers)


class Node:
    """A table with the effects of plans applied as `app.forwarding` does."""

    def __init__(self) -> None:
        self.table = SessionTable()
        self.numbers = Counting()

    def offer(
        self,
        transport: str,
        name: str | SessionDescription,
        publish: Sequence[PublishMedia] = (),
        play: Sequence[PlayMedia] = (),
    ) -> Plan:
        description = name if isinstance(name, SessionDescription) else fixture(name)
        decided = plan(self.table, transport, APP, description, publish, play, self.numbers)
        for sink in decided.pause_sinks:
            self.table.put_sink(sink)
        for sink in decided.drop_sinks:
            self.table.drop_sink(sink)
        for track in decided.drop_tracks:
            self.table.drop_track(track)
        for track in decided.add_tracks:
            self.table.put_track(track)
        for sink in decided.add_sinks:
            self.table.put_sink(sink)
        return decided

    def track(self, stream: str, kind: str) -> Track | None:
        return self.table.track(Slot(StreamKey(APP, stream), kind))


def fixture(name: str) -> SessionDescription:
    return parse((FIXTURES / f"{name}.sdp").read_bytes().decode())


def publish(stream: str, audio: str = "0", video: str = "1", codec: str = "") -> PublishMedia:
    return PublishMedia(stream, MediaSections(audio_mid=audio, video_mid=video), codec)


def play(stream: str, audio: str = "0", video: str = "1") -> PlayMedia:
    return PlayMedia(stream, MediaSections(audio_mid=audio, video_mid=video))


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_publish_then_play(browser: str) -> None:
    node = Node()
    published = node.offer("pub", f"{browser}-publish", [publish("s")])
    assert [answer.direction for answer in published.answers] == [Direction.RECVONLY] * 2
    assert [codec.name for codec in published.answers[1].codecs] == ["VP8", "rtx"]
    played = node.offer("play", f"{browser}-play", play=[play("s")])
    assert [answer.direction for answer in played.answers] == [Direction.SENDONLY] * 2
    assert [codec.name for codec in played.answers[1].codecs][:2] == ["VP8", "rtx"]
    assert played.answers[1].outgoing is not None
    assert len(node.table.sinks_of(Slot(StreamKey(APP, "s"), "video"))) == 1


def test_the_page_may_pin_h264_and_a_player_without_it_is_told() -> None:
    node = Node()
    published = node.offer("pub", "chromium-publish", [publish("s", codec="H264")])
    assert [codec.name for codec in published.answers[1].codecs] == ["H264", "rtx"]
    with pytest.raises(Rejection) as refused:
        node.offer("play", "firefox-play", play=[play("s")])
    assert refused.value.problem.code == Code.CODEC_UNSUPPORTED
    assert "H264" in refused.value.problem.message
    played = node.offer("play2", "chromium-play", play=[play("s")])
    assert [codec.name for codec in played.answers[1].codecs] == ["H264", "rtx", "VP8", "rtx"]


def test_a_publisher_without_the_codec_is_told() -> None:
    with pytest.raises(Rejection) as refused:
        Node().offer("pub", "firefox-publish", [publish("s", codec="H264")])
    assert refused.value.problem.code == Code.CODEC_UNSUPPORTED


def test_playing_what_is_not_here() -> None:
    with pytest.raises(Rejection) as refused:
        Node().offer("play", "chromium-play", play=[play("s")])
    assert refused.value.problem.code == Code.PLAY_NO_STREAM


def test_streams_of_different_apps_do_not_meet() -> None:
    node = Node()
    plan(node.table, "pub", APP + 1, fixture("chromium-publish"), [publish("s")], [], node.numbers)
    node.offer("pub", "chromium-publish", [publish("other")])
    with pytest.raises(Rejection):
        node.offer("play", "chromium-play", play=[play("s")])


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_rule_1_lines_come_stop_and_are_recycled(browser: str) -> None:
    node = Node()
    node.offer("pub", f"{browser}-publish", [publish("a")])
    first = node.track("a", "video")
    second = node.offer("pub", f"{browser}-publish-second-stream", [publish("b", "2", "3")])
    assert node.track("a", "video") is first
    assert len(second.add_tracks) == 2
    assert second.drop_tracks == ()
    stopped = node.offer("pub", f"{browser}-publish-stopped")
    assert {track.slot.stream.stream_id for track in stopped.drop_tracks} == {"a"}
    assert [bool(answer.codecs) for answer in stopped.answers] == [False, False, True, True]
    recycled = node.offer("pub", f"{browser}-publish-recycled", [publish("c", "4", "5")])
    assert {track.slot.stream.stream_id for track in recycled.add_tracks} == {"c"}
    assert node.track("b", "audio") is not None
    restarted = node.offer("pub", f"{browser}-publish-icerestart")
    assert (restarted.add_tracks, restarted.drop_tracks) == ((), ())


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_rule_1_players_drop_one_and_keep_the_other(browser: str) -> None:
    node = Node()
    node.offer("pa", f"{browser}-publish", [publish("a")])
    node.offer("pb", f"{browser}-publish", [publish("b")])
    node.offer("play", f"{browser}-play", play=[play("a")])
    node.offer("play", f"{browser}-play-two", play=[play("b", "2", "3")])
    kept = node.table.sinks_of(Slot(StreamKey(APP, "b"), "video"))
    dropped = node.offer("play", f"{browser}-play-dropped")
    assert [(sink.slot.stream.stream_id, sink.slot.kind) for sink in dropped.drop_sinks] == [("a", "video")]
    assert [(sink.slot.stream.stream_id, sink.slot.kind, sink.paused) for sink in dropped.pause_sinks] == [
        ("a", "audio", True)
    ]
    assert node.table.sinks_of(Slot(StreamKey(APP, "b"), "video")) == kept
    assert [answer.direction for answer in dropped.answers[2:]] == [Direction.SENDONLY] * 2
    assert dropped.answers[0].direction == Direction.INACTIVE
    assert dropped.answers[0].codecs
    assert not dropped.answers[1].codecs
    again = node.offer("play", f"{browser}-play-two")
    assert [(sink.slot.kind, sink.paused) for sink in again.pause_sinks] == [("audio", False)]
    assert again.add_sinks == ()


def test_rule_2_the_same_command_again_changes_nothing() -> None:
    node = Node()
    node.offer("pub", "chromium-publish", [publish("s")])
    again = node.offer("pub", "chromium-publish", [publish("s")])
    assert (again.add_tracks, again.drop_tracks) == ((), ())
    assert [answer.direction for answer in again.answers] == [Direction.RECVONLY] * 2


def test_rule_2_publishing_elsewhere_moves_the_stream_and_keeps_its_sinks() -> None:
    node = Node()
    node.offer("old", "chromium-publish", [publish("s")])
    node.offer("play", "chromium-play", play=[play("s")])
    moved = node.offer("new", "chromium-publish", [publish("s")])
    assert {track.transport_id for track in moved.drop_tracks} == {"old"}
    track = node.track("s", "video")
    assert track is not None
    assert track.transport_id == "new"
    assert len(node.table.sinks_of(Slot(StreamKey(APP, "s"), "video"))) == 1


def test_rule_3_unbound_lines_are_inactive() -> None:
    decided = Node().offer("x", "chromium-sendrecv-datachannel")
    assert [answer.direction for answer in decided.answers] == [Direction.INACTIVE] * 3
    assert [bool(answer.codecs) for answer in decided.answers] == [True, True, False]


def test_without_mids_the_first_free_lines_are_taken() -> None:
    node = Node()
    wish = [PublishMedia("a", MediaSections())]
    node.offer("pub", "chromium-publish", wish)
    assert node.offer("pub", "chromium-publish", wish).add_tracks == ()
    node.offer("pub", "chromium-publish-second-stream", [PublishMedia("b", MediaSections())])
    assert [track.mid for track in node.table.tracks_of_stream(StreamKey(APP, "b"))] == ["2", "3"]
    node.offer("play", "chromium-play-two", play=[PlayMedia("b", MediaSections())])
    assert [sink.mid for sink in node.table.sinks_on("play")] == ["0", "1"]
    with pytest.raises(Rejection):
        node.offer("pub", "chromium-play", [PublishMedia("c", MediaSections())])


LINES = {
    "audio": "m=audio {port} UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na={way}\r\na=rtpmap:111 opus/48000/2\r\n",
    "video": "m=video {port} UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na={way}\r\na=rtpmap:96 {codec}/90000\r\n",
}


def paper_offer(*lines: tuple[str, str, int], codec: str = "VP8", outside: str = "") -> SessionDescription:
    """An offer of (kind, direction, port) lines, all but the mid `outside` in its bundle."""
    mids = [str(number) for number in range(len(lines)) if str(number) != outside]
    sections = [
        LINES[kind].format(port=port, mid=mid, way=way, codec=codec) for mid, (kind, way, port) in enumerate(lines)
    ]
    return parse(f"v=0\r\na=group:BUNDLE {' '.join(mids)}\r\n" + "".join(sections))


LIVE_AUDIO, LIVE_VIDEO = ("audio", "sendonly", 9), ("video", "sendonly", 9)


@pytest.mark.parametrize(
    ("lines", "audio", "video"),
    [
        ((LIVE_AUDIO, ("video", "inactive", 9)), "0", ""),
        ((LIVE_AUDIO, ("video", "recvonly", 9)), "0", ""),
        ((LIVE_AUDIO, ("video", "inactive", 0)), "0", ""),
        ((("audio", "sendonly", 0), LIVE_VIDEO), "", "1"),
        ((("audio", "inactive", 9), LIVE_VIDEO, LIVE_AUDIO), "2", "1"),
        ((("audio", "recvonly", 9), LIVE_AUDIO, ("video", "recvonly", 9), LIVE_VIDEO), "1", "3"),
    ],
)
def test_without_mids_lines_that_do_not_flow_are_passed_over(
    lines: tuple[tuple[str, str, int], ...], audio: str, video: str
) -> None:
    node = Node()
    node.offer("pub", paper_offer(*lines), [publish("s", "", "")])
    found = {kind: track.mid if (track := node.track("s", kind)) else "" for kind in ("audio", "video")}
    assert found == {"audio": audio, "video": video}


def test_without_mids_a_line_outside_the_bundle_is_passed_over() -> None:
    node = Node()
    node.offer("pub", paper_offer(LIVE_AUDIO, LIVE_VIDEO, LIVE_VIDEO, outside="1"), [publish("s", "", "")])
    track = node.track("s", "video")
    assert track is not None
    assert track.mid == "2"


def test_without_mids_an_unsupported_codec_is_refused_and_not_left_out() -> None:
    with pytest.raises(Rejection) as refused:
        Node().offer("pub", paper_offer(LIVE_AUDIO, LIVE_VIDEO, codec="AV1"), [publish("s", "", "")])
    assert refused.value.problem.code == Code.CODEC_UNSUPPORTED


def test_audio_alone_leaves_the_video_line_inactive_until_it_is_asked_for() -> None:
    node = Node()
    decided = node.offer("pub", "chromium-publish", [publish("s", video="")])
    assert [answer.direction for answer in decided.answers] == [Direction.RECVONLY, Direction.INACTIVE]
    played = node.offer("play", "chromium-play", play=[play("s")])
    assert [answer.direction for answer in played.answers] == [Direction.SENDONLY] * 2


@pytest.mark.parametrize("mids", [("9", "1"), ("1", "0"), ("0", "0")])
def test_mids_that_are_not_there_are_refused_and_nothing_changes(mids: tuple[str, str]) -> None:
    node = Node()
    with pytest.raises(Rejection) as refused:
        node.offer("pub", "chromium-publish", [publish("s", *mids)])
    assert refused.value.problem.field.startswith("sdp mid")
    assert node.table.counts() == (0, 0, 0)


def test_a_played_line_must_receive() -> None:
    node = Node()
    node.offer("pub", "chromium-publish", [publish("s")])
    with pytest.raises(Rejection):
        node.offer("play", "chromium-publish", play=[play("s")])
    with pytest.raises(Rejection):
        node.offer("pub2", "chromium-play", [publish("t")])


def test_streams_of_a_transport_are_limited() -> None:
    text = (FIXTURES / "chromium-publish.sdp").read_bytes().decode()
    head, audio, _ = text.split("m=", 2)
    lines = ["m=" + audio.replace("a=mid:0", f"a=mid:{n}") for n in range(MAX_STREAMS + 1)]
    bundle = "a=group:BUNDLE " + " ".join(map(str, range(MAX_STREAMS + 1)))
    offer = parse(head.replace("a=group:BUNDLE 0 1", bundle) + "".join(lines))
    wishes = [publish(f"s{n}", audio=str(n), video="") for n in range(MAX_STREAMS + 1)]
    with pytest.raises(Rejection) as refused:
        Node().offer("pub", offer, wishes)
    assert refused.value.problem.limit == str(MAX_STREAMS)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("a=group:BUNDLE 0 1\r\n", "", "a=group"),
        ("a=group:BUNDLE 0 1", "a=group:BUNDLE x y", "a=group"),
        ("a=rtcp-mux\r\n", "", "a=rtcp-mux"),
        ("a=ice-ufrag", "a=x-ufrag", "a=ice-ufrag"),
        ("a=fingerprint:sha-256", "a=fingerprint:md5", "a=fingerprint"),
        ("a=setup:actpass", "a=setup:passive", "a=setup"),
    ],
)
def test_offers_that_cannot_be_answered_are_refused_by_field(old: str, new: str, field: str) -> None:
    text = (FIXTURES / "chromium-publish.sdp").read_bytes().decode()
    assert old in text
    with pytest.raises(Rejection) as refused:
        check_offer(parse(text.replace(old, new)))
    assert refused.value.problem.field == f"sdp {field}"


def test_an_offer_of_nothing_alive_is_refused() -> None:
    text = (FIXTURES / "chromium-sendrecv-datachannel.sdp").read_bytes().decode()
    head, *sections = text.split("m=")
    with pytest.raises(Rejection):
        check_offer(parse(head + "m=" + sections[-1]))
