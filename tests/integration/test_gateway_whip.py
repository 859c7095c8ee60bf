"""WHIP and WHEP through all services and the native relay, by aiortc's client: media flows, and each end leaves nothing behind."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from parlour.testkit.client import RawClient
from parlour.testkit.harness.whip import APP, Viewer, WhipHarness, connected, offer, publish, publisher, running_whip

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(running: Any, environment: Any) -> AsyncIterator[WhipHarness]:
    async with running_whip(running, environment, secrets.token_hex(32)) as made:
        yield made


async def test_one_publishes_two_play_and_nothing_is_left_behind(house: WhipHarness) -> None:
    token = await house.token("load", "whip")
    watcher = await RawClient.open(house.url)
    user = {"userID": "eve", "userName": "Eve"}
    await watcher.ask("login", appID=APP, roomID="whip", token=await house.token("eve"), user=user)
    peer, published = await publish(house, "/whip/w1", token)
    viewers = [Viewer(), Viewer()]
    locations: list[str] = []
    for viewer in viewers:
        status, location, answer = await house.post("/whep/w1", token, await offer(viewer.peer))
        assert status == 201, answer
        locations.append(location)
        await viewer.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    async with asyncio.timeout(20):
        for viewer in viewers:
            await asyncio.gather(*(event.wait() for event in viewer.seen.values()))
    added = await watcher.wait_for(lambda f: f.get("type") == "stream.added.v1")
    assert (added["user"]["userID"], added["data"]["streamID"]) == ("load", "w1")

    assert await house.delete(locations[0], await house.token("mallory", "whip")) == 403
    assert await house.delete(locations[0], token) == 200
    assert await house.delete(locations[0], token) == 404
    assert not [f for f in watcher.frames if f.get("type") == "room.user_left.v1"], "the session has resources left"
    assert await house.delete(published, token) == 200
    removed = await watcher.wait_for(lambda f: f.get("type") == "stream.removed.v1")
    assert removed["data"]["code"] == 1
    assert await house.delete(locations[1], token) == 200
    await watcher.wait_for(lambda f: f.get("type") == "room.user_left.v1")
    assert await house.transports() == 0
    for viewer in viewers:
        await viewer.close()
    await peer.close()
    await watcher.close()


async def test_a_peer_that_goes_away_ends_its_resource(house: WhipHarness) -> None:
    watcher = await RawClient.open(house.url)
    user = {"userID": "eve2", "userName": "Eve"}
    await watcher.ask("login", appID=APP, roomID="away", token=await house.token("eve2"), user=user)
    peer, location = await publish(house, "/whip/w2", await house.token("gone", "away"))
    await connected(peer)
    await peer.close()
    await watcher.wait_for(lambda f: f.get("type") == "room.user_left.v1", timeout_s=20)
    assert await house.delete(location, await house.token("gone", "away")) == 404
    await watcher.close()


async def test_patch_trickles_and_restarts_ice(house: WhipHarness) -> None:
    token, peer = await house.token("pat", "patched"), publisher()
    sdp = await offer(peer)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
    async with house.http.post("/whip/p1", data=sdp, headers=headers) as made:
        assert made.status == 201
        location, tag = made.headers["location"], made.headers["etag"]
    own = "".join(f"{line}\r\n" for line in sdp.splitlines() if line.startswith("a=ice-"))

    async def patch(body: str, match: str) -> tuple[int, str, str]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/trickle-ice-sdpfrag"}
        headers |= {"if-match": match} if match else {}
        async with house.http.patch(location, data=body, headers=headers) as answer:
            return answer.status, answer.headers.get("etag", ""), await answer.text()

    assert (await patch(own, ""))[0] == 428
    assert (await patch(own, '"stale"'))[0] == 412
    assert (await patch(own, tag))[0] == 204
    assert (await patch("a=ice-ufrag:only\r\n", "*"))[0] == 400
    status, fresh, fragment = await patch("a=ice-ufrag:anew\r\na=ice-pwd:a-password-of-enough-letters\r\n", "*")
    assert (status, fresh != tag) == (200, True)
    assert "a=ice-ufrag:" in fragment and "a=ice-pwd:" in fragment and "a=candidate:" in fragment
    assert (await patch(own, tag))[0] == 412
    assert await house.delete(location, token) == 200
    await peer.close()


async def test_what_is_refused(house: WhipHarness) -> None:
    token, peer = await house.token("ref", "refused"), publisher()
    sdp = await offer(peer)
    await peer.close()
    assert (await house.post("/whip/a%20b", token, sdp))[0] == 400
    assert (await house.post("/whep/nothing", token, sdp))[0] == 404
    assert (await house.post("/whip/x", token, "junk"))[0] == 400
    assert (await house.post("/whip/x", "04junk", sdp))[0] == 401
    assert (await house.post("/whip/x?app=abc", token, sdp))[0] == 400
    assert (await house.post("/whip/x", await house.token("roomless"), sdp))[0] == 400
    assert (await house.post("/whip/x?room=refused", await house.token("roomless"), "v=0"))[0] == 400
    async with house.http.patch("/whip/resource/x") as patched:
        assert patched.status == 415
    async with house.http.options("/whip/x") as preflight:
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == "*"
    async with house.http.post("/whip/x", data=sdp, headers={"authorization": f"Bearer {token}"}) as untyped:
        assert untyped.status == 415
    assert await house.transports() == 0


async def test_the_record_says_what_was_negotiated(house: WhipHarness) -> None:
    token, peer = await house.token("cam", "codec"), RTCPeerConnection()
    sender = peer.addTransceiver("video", direction="sendonly")
    h264 = [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.mimeType == "video/H264"]
    sender.setCodecPreferences(h264)
    sdp = await offer(peer)
    watcher = await RawClient.open(house.url)
    await watcher.ask("login", appID=APP, roomID="codec", token=await house.token("eve"), user={"userID": "eve"})
    status, location, _ = await house.post("/whip/h264", token, sdp)
    assert status == 201
    added = await watcher.wait_for(lambda f: f.get("type") == "stream.added.v1")
    assert (added["data"]["codec"], added["data"]["hasAudio"], added["data"]["hasVideo"]) == ("H264", False, True)
    assert await house.delete(location, token) == 200
    await peer.close()
    await watcher.close()


async def test_offers_of_one_user_do_not_fill_the_node(house: WhipHarness) -> None:
    token, peer = await house.token("greedy", "full"), publisher()
    sdp = await offer(peer)
    await peer.close()
    answers = [await house.post(f"/whip/greedy-{number}", token, sdp) for number in range(18)]
    assert [status for status, _, _ in answers] == [201] * 16 + [429] * 2
    other = await house.post("/whip/modest", await house.token("modest", "full"), sdp)
    assert other[0] == 201
    for _, location, _ in answers[:16]:
        assert await house.delete(location, token) == 200
    assert await house.delete(other[1], await house.token("modest", "full")) == 200


async def test_the_answer_names_the_turn_servers(running: Any, environment: Any) -> None:
    turn = {
        "PARLOUR_GATEWAY_TURN_URLS": "turn:192.0.2.7:3478?transport=udp,turns:192.0.2.7:5349",
        "PARLOUR_GATEWAY_TURN_SECRET": "known to both",
    }
    async with running_whip(running, environment, secrets.token_hex(32), **turn) as with_turn:
        peer, token = publisher(), await with_turn.token("cam", "turn")
        headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
        async with with_turn.http.post("/whip/t1", data=await offer(peer), headers=headers) as answer:
            links = answer.headers.getall("link")
            assert answer.status == 201
        await peer.close()
    assert [link.partition(";")[0] for link in links] == [
        "<turn:192.0.2.7:3478?transport=udp>", "<turns:192.0.2.7:5349>",
    ]  # fmt: skip
    assert all('rel="ice-server"' in link and 'credential-type="password"' in link for link in links)


async def test_a_client_is_told_that_its_transport_never_came_up(house: WhipHarness) -> None:
    client, peer = await RawClient.open(house.url), publisher()
    sdp = await offer(peer)
    await peer.close()
    await client.ask("login", appID=APP, roomID="lost", token=await house.token("ann"), user={"userID": "ann"})
    media = {"audioMid": "1", "videoMid": "0"}
    made = await client.ask("publish", roomID="lost", streamID="never", sdp=sdp, media=media)
    gone = await client.wait_for(lambda f: f["t"] == "media", timeout_s=20)
    assert gone == {
        "t": "media", "roomID": "lost", "streamID": "never", "transportID": made["transportID"], "state": "gone",
    }  # fmt: skip
    await client.close()
