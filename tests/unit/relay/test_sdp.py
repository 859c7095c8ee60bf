"""Real offers in, answers out; garbage is refused by field."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parlour.relay.domain.sdp.answer import AnswerMedia, LocalTransport, Outgoing, write_answer
from parlour.relay.domain.sdp.codecs import answered, choose, extensions, supported
from parlour.relay.domain.sdp.model import Direction, Fingerprint
from parlour.relay.domain.sdp.parse import MAX_MEDIA, MAX_SDP_BYTES, BadSdp, parse

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sdp"
OFFERS = sorted(path.stem for path in FIXTURES.glob("*.sdp"))
LOCAL = LocalTransport("ufragufr", "p" * 24, Fingerprint("sha-256", "AA:BB"), (("192.0.2.1", 5000), ("fd00::1", 5000)))


def offer_text(name: str) -> str:
    return (FIXTURES / f"{name}.sdp").read_bytes().decode()


def test_there_are_offers_of_both_browsers() -> None:
    assert {name.split("-")[0] for name in OFFERS} == {"chromium", "firefox"}


@pytest.mark.parametrize("name", OFFERS)
def test_every_real_offer_parses_completely(name: str) -> None:
    text = offer_text(name)
    offer = parse(text)
    assert len(offer.media) == text.count("\nm=")
    assert [media.mid for media in offer.media] == [
        line[6:].strip() for line in text.splitlines() if line.startswith("a=mid:")
    ]
    for media in offer.media:
        if media.kind in ("audio", "video") and not media.stopped:
            names = {payload.name for payload in supported(media)}
            assert names >= ({"opus"} if media.kind == "audio" else {"VP8"})
            assert media.transport.ufrag
            assert media.transport.fingerprints[0].algorithm == "sha-256"
            assert media.rtcp_mux


def test_chromium_publish_in_detail() -> None:
    audio, video = parse(offer_text("chromium-publish")).media
    assert (audio.kind, audio.mid, audio.direction) == ("audio", "0", Direction.SENDONLY)
    assert len(audio.primary_and_rtx) == 1
    assert len(video.primary_and_rtx) == 2
    assert [(p.name, p.codec.payload_type, p.rtx_payload_type) for p in supported(video)] == [
        ("VP8", 96, 97),
        ("H264", 108, 109),
    ]


def test_bundle_only_lines_of_firefox_are_alive_at_port_zero() -> None:
    _, video = parse(offer_text("firefox-publish")).media
    assert video.port == 0
    assert not video.stopped


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_stopped_and_recycled_lines(browser: str) -> None:
    stopped = parse(offer_text(f"{browser}-publish-stopped"))
    assert [media.stopped for media in stopped.media] == [True, True, False, False]
    recycled = parse(offer_text(f"{browser}-publish-recycled"))
    assert [media.stopped for media in recycled.media] == [False] * 4
    assert recycled.media[0].mid != stopped.media[0].mid


H264_ONLY = (
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=sendonly\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {fmtp}\r\n"
)


def test_h264_is_constrained_baseline_in_packetization_mode_1() -> None:
    _, video = parse(offer_text("chromium-publish")).media
    chosen = choose(video, "H264")
    assert chosen is not None
    assert chosen.codec.parameter("profile-level-id") == "42e01f"
    assert chosen.codec.parameter("packetization-mode") == "1"


@pytest.mark.parametrize(
    ("profile_level_id", "taken"),
    [
        *((spelling, True) for spelling in ("42e01f", "42C02A", "42c016", "42401f", "4d801f", "58c01f")),
        *((spelling, True) for spelling in ("42001f", "42801f", "58801f", "")),
        *((spelling, False) for spelling in ("4d001f", "64001f", "58001f", "42e0", "zz001f", "42e01f0")),
    ],
)
def test_every_spelling_of_baseline_in_rfc_6184_is_taken_and_no_other_profile(
    profile_level_id: str, taken: bool
) -> None:
    fmtp = "packetization-mode=1" + (f";profile-level-id={profile_level_id}" if profile_level_id else "")
    video = parse(H264_ONLY.format(fmtp=fmtp)).media[0]
    assert (choose(video, None) is not None) is taken


def test_of_two_h264_the_constrained_one_is_preferred() -> None:
    text = H264_ONLY.format(fmtp="packetization-mode=1;profile-level-id=42001f").replace("AVPF 96", "AVPF 96 97")
    text += "a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=58c01f;packetization-mode=1\r\n"
    chosen = choose(parse(text).media[0], None)
    assert chosen is not None
    assert chosen.codec.payload_type == 97


def test_feedback_for_every_payload_is_feedback_of_each() -> None:
    text = H264_ONLY.format(fmtp="packetization-mode=1;profile-level-id=42e01f")
    text += "a=rtcp-fb:* nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:* ccm fir\r\n"
    assert parse(text).media[0].codecs[0].feedback == ("ccm fir", "nack pli")


@pytest.mark.parametrize(("payload", "taken"), [(63, True), (64, False), (95, False), (96, True)])
def test_a_payload_type_that_looks_like_rtcp_is_not_taken(payload: int, taken: bool) -> None:
    lines = f"v=0\nm=audio 9 UDP/TLS/RTP/SAVPF {payload}\na=mid:0\na=rtpmap:{payload} opus/48000/2\n"
    (media,) = parse(lines).media
    assert bool(supported(media)) is taken


def test_a_mid_may_be_a_uuid_and_no_longer_than_its_limit() -> None:
    mid = "9f1c2a34-58aa-4e0b-9d7e-0d4b7f2f7f10"
    text = H264_ONLY.format(fmtp="packetization-mode=1")
    assert parse(text.replace("mid:0", f"mid:{mid}")).media[0].mid == mid
    with pytest.raises(BadSdp, match="1 to 64"):
        parse(text.replace("mid:0", f"mid:{'m' * 65}"))


def test_a_codec_that_is_not_offered_is_not_chosen() -> None:
    _, video = parse(offer_text("firefox-publish-stopped")).media[:2]
    assert choose(video, "AV1") is None


def test_the_answer_is_lite_passive_bundled_and_parses() -> None:
    offer = parse(offer_text("chromium-play"))
    answers = [
        AnswerMedia(
            Direction.SENDONLY,
            tuple(codec for payload in supported(media) for codec in answered(payload, publishes=False)),
            extensions(media, publishes=False),
            Outgoing("stream 1/ä", f"t-{media.kind}", 1000 + index, 2000 if media.kind == "video" else None),
        )
        for index, media in enumerate(offer.media)
    ]
    text = write_answer(offer, answers, LOCAL, session_id=7, version=3)
    parsed = parse(text)
    assert parsed.ice_lite
    assert parsed.bundle == ("0", "1")
    assert [media.transport.setup for media in parsed.media] == ["passive", "passive"]
    assert text.count("a=candidate:") == 4
    assert "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n" in text
    assert "a=msid:stream%201%2F%C3%A4 t-audio\r\n" in text
    assert parsed.media[1].primary_and_rtx == (1001, 2000)
    assert {payload.name for payload in supported(parsed.media[1])} == {"VP8", "H264"}
    assert {ext.uri for ext in parsed.media[1].extensions} <= {ext.uri for ext in offer.media[1].extensions}
    assert all(line.isprintable() for line in text.split("\r\n"))


def test_a_data_channel_is_refused_with_port_zero() -> None:
    offer = parse(offer_text("chromium-sendrecv-datachannel"))
    text = write_answer(offer, [AnswerMedia()] * 3, LOCAL, session_id=1, version=1)
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in text
    assert "BUNDLE" not in text


BASE = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "v"),
        ("hello", "v"),
        (BASE + "garbage", "line 5"),
        (BASE + "m=audio\r\n", "m[0]"),
        (BASE + "m=audio 99999 X 1\r\n", "m[0]"),
        (BASE + "m=smell 9 X 1\r\n", "m[0]"),
        (BASE + AUDIO.replace("a=mid:0\r\n", ""), "m[0] a=mid"),
        (BASE + AUDIO + AUDIO, "a=mid"),
        (BASE + AUDIO.replace("opus/48000", "opus/many"), "m[0] a=rtpmap"),
        (BASE + AUDIO.replace("SAVPF 111", "SAVPF 300"), "m[0] a=rtpmap"),
        (BASE + AUDIO + "a=extmap:0 urn:x\r\n", "m[0] a=extmap"),
        (BASE + AUDIO + "a=extmap:1 urn:x\r\na=extmap:1 urn:y\r\n", "m[0] a=extmap"),
        (BASE + AUDIO + "a=ssrc:4294967296 cname:x\r\n", "m[0] a=ssrc"),
        (BASE + AUDIO + "a=ssrc-group:FID 1 x\r\n", "m[0] a=ssrc-group"),
        (BASE + AUDIO + "a=sendonly\r\na=recvonly\r\n", "m[0] a=direction"),
        (BASE + AUDIO + "a=ice-ufrag:x\r\n", "m[0] a=ice-ufrag"),
        (BASE + AUDIO + "a=ice-pwd:short\r\n", "m[0] a=ice-pwd"),
        (BASE + AUDIO + "a=fingerprint:sha-256 zz\r\n", "m[0] a=fingerprint"),
        (BASE + "x" * MAX_SDP_BYTES, "sdp"),
        (BASE + AUDIO * (MAX_MEDIA + 1), "m"),
    ],
)
def test_garbage_is_refused_by_field(text: str, field: str) -> None:
    with pytest.raises(BadSdp) as refused:
        parse(text)
    assert refused.value.field == field


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400), st.integers(0, 400))
@example("a=group", 0)
def test_any_text_parses_or_is_refused(noise: str, at: int) -> None:
    for text in (noise, BASE + noise, (BASE + AUDIO)[:at] + noise + (BASE + AUDIO)[at:]):
        parses_or_is_refused(text)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(OFFERS), st.data())
def test_mutilated_offers_parse_or_are_refused(name: str, data: st.DataObject) -> None:
    lines = offer_text(name).split("\r\n")
    keep = data.draw(st.lists(st.booleans(), min_size=len(lines), max_size=len(lines)))
    parses_or_is_refused("\r\n".join(line for line, kept in zip(lines, keep, strict=True) if kept))


def parses_or_is_refused(text: str) -> None:
    """Any other exception fails the test."""
    with contextlib.suppress(BadSdp):
        assert len(parse(text).media) <= MAX_MEDIA
