"""A call on the demo page between two windows on the machine away, through a suite on the machine at home."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from parlour.testkit.browser.chromium import chromium, executable
from parlour.testkit.browser.conditions import STREAM_ADDED
from parlour.testkit.browser.window import Window, open_window, page_address
from parlour.testkit.network.namespaces import Namespace
from parlour.testkit.suite import Suite

TRUSTING = "--ignore-certificate-errors"
"""As if somebody had accepted the self-signed certificate."""
STATS = """async () => {
  const found = {inbound: [], outbound: [], pairs: [], locals: [], remotes: [], sdp: []};
  for (const peer of window.__peers) {
    if (peer.connectionState === 'closed' || !peer.remoteDescription) continue;
    found.sdp.push(peer.remoteDescription.sdp);
    const stats = [...(await peer.getStats()).values()], byId = Object.fromEntries(stats.map(s => [s.id, s]));
    for (const s of stats) {
      if (s.type === 'inbound-rtp') found.inbound.push(s);
      if (s.type === 'outbound-rtp') found.outbound.push(s);
      const selected = s.type === 'transport' && byId[s.selectedCandidatePairId];
      if (selected) {
        found.pairs.push(selected);
        found.locals.push(byId[selected.localCandidateId]);
        found.remotes.push(byId[selected.remoteCandidateId]);
      }
    }
  }
  return found;
}"""


async def stats(window: Window) -> dict[str, Any]:
    """getStats of all peer connections of the page: RTP in and out, the candidate pairs in use, the relay's answers."""
    return cast("dict[str, Any]", await window.page.evaluate(STATS))


def address(suite: Suite, user: str, room: str, page: str = "/demo/video", **more: str) -> str:
    """The page's address with all that it needs to log in by itself."""
    return page_address(suite.url, page, token=suite.token(user), room=room, user=user, app=suite.app_id, **more)


@asynccontextmanager
async def call(
    suite: Suite, away: Namespace, folder: Path, room: str, **more: str
) -> AsyncGenerator[tuple[Window, Window]]:
    """alice and bob on the demo page, each seeing the other."""
    program = away.program(executable(), folder)
    async with chromium(program=program, extra=(TRUSTING,)) as browser:
        alice = await open_window(browser, address(suite, "alice", room, **more))
        bob = await open_window(browser, address(suite, "bob", room, **more))
        for side in (alice, bob):
            await side.until(STREAM_ADDED, timeout_s=30, what="the other's stream")
            await side.until_media(video=True, audio=True, timeout_s=30)
        yield alice, bob
