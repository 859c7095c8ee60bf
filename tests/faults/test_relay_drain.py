"""A relay is asked to stop while another one is there: its call moves, the page is told of nothing, and the record has the moves alone."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Browser

from parlour.testkit.browser.window import Call as Callback
from parlour.testkit.browser.window import Window
from parlour.testkit.faults.call import Call
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.results import note
from parlour.testkit.suite import Suite
from parlour.testkit.waiting import eventually, wait_until

MOVED_WITHIN_S = 60.0
QUIET_MS = 6_000
"""For how long the call is watched before the drain: about as long as the drain takes."""
STATES = ("publisherStateUpdate", "playerStateUpdate", "roomStateUpdate", "roomStreamUpdate")
MOVES = ["stream.play_started.v1"] * 2 + ["stream.updated.v1"] * 2
WATCH = """() => {
  const still = window.__shown = {longest: 0};
  for (const video of document.querySelectorAll('video')) {
    let before = performance.now();
    const onFrame = (now) => {
      still.longest = Math.max(still.longest, now - before);
      before = now;
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  }
}"""
"""Measures, over all video elements of the page, the longest time without a new picture."""
TAKE = """() => {
  const {longest} = window.__shown;
  window.__shown.longest = 0;
  return longest;
}"""


@contextmanager
def second_relay(processes: Processes, name: str, log: Path) -> Iterator[None]:
    """Runs one more relay beside the suite's own, on a free port, once it is ready."""
    process = Path(f"/proc/{processes.pid('relay')}")
    given = process.joinpath("environ").read_text().split("\0")
    environment = dict(line.split("=", 1) for line in given if "=" in line)
    for own in ("PARLOUR_READY_FILE", "PARLOUR_RELAY_UDP_PORT"):
        environment.pop(own, None)
    environment |= {"PARLOUR_RELAY_NODE": name, "PARLOUR_HEALTH_PORT": "0"}
    arguments = process.joinpath("cmdline").read_text().split("\0")[:-1]
    with log.open("w") as output:
        running = subprocess.Popen(arguments, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: '"ready"' in log.read_text(), "the second relay is ready", timeout_s=MOVED_WITHIN_S)
        yield
    finally:
        running.kill()
        running.wait()


async def states_of(side: Window) -> list[Callback]:
    """What the page was told of states, so far."""
    return [call for call in await side.calls() if call.name in STATES]


async def test_a_call_moves_to_the_other_relay_before_the_old_one_stops(
    doubled: Suite, processes: Processes, browser: Browser, tmp_path: Path
) -> None:
    room, users = "drain-relay", ("drain-ann", "drain-bob")
    tokens = {user: doubled.dev_token(user) for user in users}
    call = await Call.begin(browser, doubled.urls, doubled.app_id, room, tokens)
    with second_relay(processes, "relay-b", tmp_path / "relay-b.log"):
        before = len(doubled.events(room))
        told = [len(await states_of(side)) for side in call.sides]
        for side in call.sides:
            await side.page.evaluate(WATCH)
        await call.sides[0].page.wait_for_timeout(QUIET_MS)
        quiet_ms = [round(float(await side.page.evaluate(TAKE))) for side in call.sides]
        dead = processes.restart("relay")
        await eventually(
            lambda: processes.pid("relay") != dead, "the old relay is empty and stops", timeout_s=MOVED_WITHIN_S
        )
        still_ms = [round(float(await side.page.evaluate(TAKE))) for side in call.sides]
        await call.still_up()
        note("relay_drain", {"still_ms": max(still_ms), "quiet_call_still_ms": max(quiet_ms)})
        print("longest stillness in ms:", still_ms, "in a quiet call:", quiet_ms)
        moves = doubled.events(room)[before:]
        assert sorted(event["type"] for event in moves) == MOVES
        assert {event["data"]["node"] for event in moves} == {"relay-b"}
        for side, count in zip(call.sides, told, strict=True):
            assert (await states_of(side))[count:] == [], "the page is told of no change"
