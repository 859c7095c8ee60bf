"""Each service counts its own work on its own page, and `status` says where that is."""

import asyncio
import re
import time
from pathlib import Path
from urllib.request import urlopen

from parlour.testkit.client import raw_client
from parlour.testkit.suite import Suite

OFFER = (Path(__file__).parents[1] / "fixtures" / "sdp" / "chromium-publish.sdp").read_bytes().decode()
OWN = {
    "auth": r'parlour_requests_total{endpoint="verify_token",outcome="ok"}',
    "room": r'parlour_requests_total{endpoint="join",outcome="ok"}',
    "registry": r'parlour_requests_total{endpoint="publish",outcome="ok"}',
    "relay": r'parlour_requests_total{endpoint="negotiate",outcome="ok"}',
    "im": r'parlour_requests_total{endpoint="send_broadcast",outcome="ok"}',
    "record": r'parlour_tailed_events_total{outcome="told"}',
    "gateway": "parlour_connections",
}
ALSO = {"room": r'parlour_commits_total{outcome="committed"}', "relay": "parlour_relay_transports"}


def pages(suite: Suite, service: str) -> list[str]:
    """Of each replica."""
    found = [one for one in suite.status()["services"] if re.fullmatch(rf"{service}(-\d+)?", one["name"])]
    texts: list[str] = []
    for one in found:
        with urlopen(one["metrics"], timeout=5) as page:
            assert page.headers["Content-Type"].startswith("text/plain")
            texts.append(page.read().decode())
    return texts


def value(suite: Suite, service: str, series: str) -> float:
    """Of all replicas together."""
    line = re.compile(rf"^{re.escape(series)} (\S+)$", re.MULTILINE)
    return sum(float(found) for page in pages(suite, service) for found in line.findall(page))


async def test_each_service_counts_its_own_work(doubled: Suite) -> None:
    """Somebody enters, publishes and speaks."""
    series = [*OWN.items(), *ALSO.items()]
    before = {name: value(doubled, service, name) for service, name in series}
    async with raw_client(doubled.url) as ann:
        await ann.login(doubled.app_id, "counted", "counted-ann", doubled.dev_token("counted-ann"))
        media = {"audioMid": "0", "videoMid": "1"}
        await ann.ask("publish", roomID="counted", streamID="counted-1", sdp=OFFER, media=media)
        said = await ann.ask("broadcast", roomID="counted", message="counted")
        assert said["messageID"]
        await ann.wait_for(lambda frame: frame.get("type") == "im.broadcast_sent.v1")
        idle = [(service, name) for service, name in series if not value(doubled, service, name) > before[name]]
        until = time.monotonic() + 20
        while idle:  # the record's replica looks at the log now and then
            assert time.monotonic() < until, (idle, before)
            await asyncio.sleep(0.1)
            idle = [(service, name) for service, name in idle if not value(doubled, service, name) > before[name]]


def test_no_metric_names_a_person_a_room_or_a_stream(doubled: Suite) -> None:
    for service in OWN:
        for page in pages(doubled, service):
            assert "counted" not in page
