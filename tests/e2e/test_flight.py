"""While a call is up, the relays' flight recorders show each packet's way from publisher to player."""

import json
from urllib.parse import urlencode

from parlour.testkit.browser.conditions import STREAM_ADDED
from parlour.testkit.browser.window import OpenWindow
from parlour.testkit.suite import Suite


async def test_the_flight_recorders_of_a_room_tell_what_came_and_what_was_sent_on(
    suite: Suite, window: OpenWindow, room: str
) -> None:
    def address(user: str) -> str:
        query = {"room": room, "user": user, "token": suite.dev_token(user), "app": suite.app_id, "auto": 1}
        return f"{suite.url}/demo/video?{urlencode(query)}"

    windows = [await window(address(f"{user}-{room}")) for user in ("alice", "bob")]
    for side in windows:
        await side.until(STREAM_ADDED)
        await side.until_media(video=True, audio=True)
    logs = [json.loads(line) for line in suite.run("flight", room, "--json").stdout.splitlines()]
    streams = {stream["streamID"] for stream in suite.replay(room)["streams"]}
    decided = {(run["what"], run.get("kind"), run.get("stream_id")) for log in logs for run in log["runs"]}
    for stream in streams:
        for kind in ("audio", "video"):
            assert {("received", kind, stream), ("forwarded", kind, stream)} <= decided
    assert all(run["took_ms"] <= 100 for log in logs for run in log["runs"])
    kept = list((suite.state / "flight").glob("*-asked.jsonl"))
    assert len(kept) == len(logs)
