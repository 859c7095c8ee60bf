"""Each service counts its own work on its own page, and the supervisor says where that is."""

import asyncio
import re
import time
from pathlib import Path
from urllib.request import urlopen

from parlour.testkit.client import raw_client
from parlour.testkit.faults.processes import Processes
from parlour.testkit.suite import Suite

OFFER = (Path(__file__).parents[1] / "fixtures" / "sdp" / "chromium-publish.sdp").read_bytes().decode()
OWN = (
    ("auth", 'parlour_requests_total{endpoint="verify_token",outcome="ok"}'),
    ("room", 'parlour_requests_total{endpoint="join",outcome="ok"}'),
    ("room", 'parlour_commits_total{outcome="committed"}'),
    ("registry", 'parlour_requests_total{endpoint="publish",outcome="ok"}'),
    ("relay", 'parlour_requests_total{endpoint="negotiate",outcome="ok"}'),
    ("relay", "parlour_relay_transports"),
    ("im", 'parlour_requests_total{endpoint="send_broadcast",outcome="ok"}'),
    ("record", 'parlour_tailed_events_total{outcome="published"}'),
    ("gateway", "parlour_connections"),
    ("gateway", 'parlour_frames_total{frame="broadcast",outcome="ok"}'),
    ("gateway", 'parlour_http_requests_total{method="POST",route="/v1/dev/token",status="200"}'),
)
WITHIN_S = 10.0
ATTEMPTS = 5


def pages(processes: Processes) -> dict[str, str]:
    """By service, of all its replicas together."""
    texts: dict[str, str] = {}
    for name, one in processes.all().items():
        if one.get("metrics"):
            with urlopen(one["metrics"], timeout=10) as page:
                assert page.headers["Content-Type"].startswith("text/plain")
                texts[name.partition("-")[0]] = texts.get(name.partition("-")[0], "") + page.read().decode()
    return texts


async def values(processes: Processes) -> dict[tuple[str, str], float]:
    """Of each series now; 0 for one that is not there yet."""
    texts = await asyncio.to_thread(pages, processes)
    lines = {one: re.compile(rf"^{re.escape(one[1])} (\S+)$", re.MULTILINE) for one in OWN}
    return {one: sum(map(float, line.findall(texts[one[0]]))) for one, line in lines.items()}


async def test_each_service_counts_its_own_work(doubled: Suite, processes: Processes) -> None:
    """Each rises when somebody enters, publishes and speaks. A gauge may fall at that moment by what another test left behind: so anew."""
    idle: list[tuple[str, str]] = []
    for attempt in range(ATTEMPTS):
        if not (idle := await idle_metrics(doubled, processes, f"counted-{attempt}")):
            return
    assert not idle


async def idle_metrics(suite: Suite, processes: Processes, user: str) -> list[tuple[str, str]]:
    """The metrics that did not rise in `WITHIN_S` seconds after a user entered a room of the same name, published and spoke."""
    before = most = await values(processes)
    async with raw_client(suite.url) as client:
        await client.login(suite.app_id, user, user, suite.dev_token(user))
        media = {"audioMid": "0", "videoMid": "1"}
        await client.ask("publish", roomID=user, streamID=f"{user}-1", sdp=OFFER, media=media)
        await client.ask("broadcast", roomID=user, message=user)
        until = time.monotonic() + WITHIN_S
        while (idle := [one for one in OWN if most[one] <= before[one]]) and time.monotonic() < until:
            now = await values(processes)
            most = {one: max(most[one], now[one]) for one in OWN}
    return idle


def test_no_metric_names_a_person_a_room_or_a_stream(processes: Processes) -> None:
    texts = pages(processes)
    assert set(texts) == {service for service, _ in OWN}
    assert not [service for service, text in texts.items() if "counted" in text]
