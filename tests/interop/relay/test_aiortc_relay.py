"""aiortc's own peer connections publish to the relay and play from it."""

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from fractions import Fraction

import pytest
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame, VideoFrame

from parlour.contracts.relay import (
    CloseTransport,
    MediaStarted,
    StopPlay,
    StopPublish,
    TransportConnected,
    TransportGone,
)
from parlour.testkit.harness.relay_node import APP, Bench, running_node
from parlour.testkit.waiting import eventually


class Colour(VideoStreamTrack):
    """Frames of one colour, at the pace that aiortc keeps."""

    def __init__(self, luma: int) -> None:
        super().__init__()
        self._luma = luma

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(320, 240, "yuv420p")
        for plane, value in zip(frame.planes, (self._luma, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


def peer() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


async def publish(bench: Bench, pc: RTCPeerConnection, stream: str, luma: int = 200, transport: str = "") -> str:
    pc.addTransceiver(AudioStreamTrack(), direction="sendonly")
    pc.addTransceiver(Colour(luma), direction="sendonly")
    await pc.setLocalDescription(await pc.createOffer())
    audio, video = pc.getTransceivers()[-2:]
    answer = bench.negotiate(
        pc.localDescription.sdp,
        owner="publisher",
        transport_id=transport,
        publish=(stream, audio.mid or "", video.mid or ""),
    )
    await pc.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    return answer.transport_id


async def play(
    bench: Bench, pc: RTCPeerConnection, stream: str, transport: str = ""
) -> tuple[str, dict[str, MediaStreamTrack]]:
    for kind in ("audio", "video"):
        pc.addTransceiver(kind, direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    audio, video = pc.getTransceivers()[-2:]
    answer = bench.negotiate(
        pc.localDescription.sdp, owner="player", transport_id=transport, play=(stream, audio.mid or "", video.mid or "")
    )
    await pc.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    return answer.transport_id, {"audio": audio.receiver.track, "video": video.receiver.track}


async def luma_of(track: MediaStreamTrack) -> int:
    async with asyncio.timeout(10):
        frame = await track.recv()
    assert isinstance(frame, VideoFrame)
    plane = frame.planes[0]
    return bytes(plane)[60 * plane.line_size + 160]


async def audio_frame(track: MediaStreamTrack) -> AudioFrame:
    frame = await track.recv()
    assert isinstance(frame, AudioFrame)
    return frame


async def until_luma(track: MediaStreamTrack, luma: int) -> None:
    async with asyncio.timeout(15):
        while abs(await luma_of(track) - luma) > 12:
            pass


@asynccontextmanager
async def peers(count: int) -> AsyncGenerator[list[RTCPeerConnection]]:
    made = [peer() for _ in range(count)]
    try:
        yield made
    finally:
        await asyncio.gather(*(pc.close() for pc in made))


async def test_one_publishes_two_play(bench: Bench) -> None:
    async with peers(3) as (one, two, three):
        await publish(bench, one, "s")
        players = [await play(bench, pc, "s") for pc in (two, three)]
        for _, tracks in players:
            await until_luma(tracks["video"], 200)
            async with asyncio.timeout(10):
                await audio_frame(tracks["audio"])
        connected = [fact for fact in bench.facts.told if isinstance(fact, TransportConnected)]
        assert len(connected) == 3
        assert {fact.kind for fact in bench.facts.told if isinstance(fact, MediaStarted)} == {"audio", "video"}
        numbers = [fact.number for fact in bench.facts.told]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_one_transport_publishes_two_streams_and_one_plays_both(bench: Bench) -> None:
    async with peers(2) as (one, two):
        transport = await publish(bench, one, "a", 40)
        await publish(bench, one, "b", 220, transport)
        playing, first = await play(bench, two, "a")
        _, second = await play(bench, two, "b", playing)
        await until_luma(first["video"], 40)
        await until_luma(second["video"], 220)
        assert bench.node.table.counts()[0] == 2


async def test_players_keep_playing_when_the_publisher_comes_again(bench: Bench) -> None:
    async with peers(3) as (one, two, three):
        first = await publish(bench, one, "s", 40)
        _, tracks = await play(bench, two, "s")
        await until_luma(tracks["video"], 40)
        await publish(bench, three, "s", 220)
        await until_luma(tracks["video"], 220)
        await bench.node.relay.close_transport(CloseTransport(first))
        await luma_of(tracks["video"])


async def test_stop_publish_and_stop_play_are_idempotent(bench: Bench) -> None:
    async with peers(2) as (one, two):
        publishing = await publish(bench, one, "s")
        playing, tracks = await play(bench, two, "s")
        await until_luma(tracks["video"], 200)
        relay = bench.node.relay
        assert relay.stop_play(StopPlay(playing, "s")).changed
        assert not relay.stop_play(StopPlay(playing, "s")).changed
        assert relay.stop_publish(StopPublish(publishing, "s")).changed
        assert not relay.stop_publish(StopPublish(publishing, "s")).changed
        assert bench.node.table.counts() == (2, 0, 0)


async def test_a_peer_that_closes_is_told_as_gone(bench: Bench) -> None:
    async with peers(1) as (one,):
        transport = await publish(bench, one, "s")
        await bench.facts.wait(lambda fact: isinstance(fact, TransportConnected))
        await one.close()
        gone = await bench.facts.wait(lambda fact: isinstance(fact, TransportGone))
        assert isinstance(gone, TransportGone)
        assert (gone.transport_id, gone.reason, gone.streams, gone.app) == (transport, "peer_closed", ("s",), APP)
        assert bench.node.table.counts() == (0, 0, 0)


async def test_closing_by_command_reaches_the_peer(bench: Bench) -> None:
    async with peers(1) as (one,):
        transport = await publish(bench, one, "s")
        await bench.facts.wait(lambda fact: isinstance(fact, TransportConnected))
        assert (await bench.node.relay.close_transport(CloseTransport(transport))).changed
        assert not (await bench.node.relay.close_transport(CloseTransport(transport))).changed
        await eventually(lambda: one.connectionState in ("closed", "failed"))


async def test_a_peer_with_another_certificate_gets_no_keys(bench: Bench) -> None:
    async with peers(1) as (one,):
        one.addTransceiver(Colour(9), direction="sendonly")
        await one.setLocalDescription(await one.createOffer())
        forged = re.sub(
            r"(a=fingerprint:sha-256 )[0-9A-F:]+", r"\g<1>" + ":".join(["00"] * 32), one.localDescription.sdp
        )
        answer = bench.negotiate(forged, publish=("s", "", one.getTransceivers()[0].mid or ""))
        await one.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        gone = await bench.facts.wait(lambda fact: isinstance(fact, TransportGone))
        assert isinstance(gone, TransportGone)
        assert gone.reason == "dtls_failed"


async def test_a_peer_that_vanishes_is_gone_after_its_consent() -> None:
    async with running_node(consent_timeout_s=1.0) as bench, peers(1) as (one,):
        await publish(bench, one, "s")
        await bench.facts.wait(lambda fact: isinstance(fact, TransportConnected))
        for transport in {transceiver.sender.transport.transport for transceiver in one.getTransceivers()}:
            await transport.iceGatherer._connection.close()  # pyright: ignore[reportPrivateUsage] - no farewell
        gone = await bench.facts.wait(lambda fact: isinstance(fact, TransportGone))
        assert isinstance(gone, TransportGone)
        assert gone.reason == "ice_timeout"


async def test_a_transport_that_the_core_gave_up_ends_alone(bench: Bench) -> None:
    async with peers(3) as (one, two, three):
        publishing = await publish(bench, one, "s", 40)
        _, tracks = await play(bench, two, "s")
        await until_luma(tracks["video"], 40)
        number = bench.node.table.transports[publishing].number
        bench.node.core.remove_transport(number)
        await bench.node.monitor.handle_event(("panic", number, "as the core does"))
        gone = await bench.facts.wait(lambda fact: isinstance(fact, TransportGone))
        assert isinstance(gone, TransportGone)
        assert (gone.transport_id, gone.reason) == (publishing, "fault")
        assert bench.node.table.counts() == (1, 0, 2)
        await publish(bench, three, "s", 220)
        await until_luma(tracks["video"], 220)


async def test_time_base_of_audio_is_kept(bench: Bench) -> None:
    async with peers(2) as (one, two):
        await publish(bench, one, "s")
        _, tracks = await play(bench, two, "s")
        async with asyncio.timeout(10):
            frames = [await audio_frame(tracks["audio"]) for _ in range(20)]
        assert {frame.time_base for frame in frames} == {Fraction(1, 48000)}
        steps = {(b.pts or 0) - (a.pts or 0) for a, b in itertools.pairwise(frames)}
        assert steps == {960}


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_both_video_codecs(bench: Bench, codec: str) -> None:
    async with peers(2) as (one, two):
        one.addTransceiver(Colour(90), direction="sendonly")
        await one.setLocalDescription(await one.createOffer())
        mid = one.getTransceivers()[0].mid or ""
        answer = bench.negotiate(one.localDescription.sdp, publish=("s", "", mid), codec=codec)
        await one.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        _, tracks = await play(bench, two, "s")
        await until_luma(tracks["video"], 90)
