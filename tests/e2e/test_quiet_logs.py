"""What a whole run writes down beside the record: no token, no secret, nothing that anybody said or is called."""

import asyncio
import contextlib
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from parlour.testkit.client import Refusal, raw_client
from parlour.testkit.suite import Suite, running_suite

USER, SAID = "ada-lovelace-7", "the-quiet-part-loud"


async def test_logs_of_a_run_hold_nothing_private() -> None:
    with running_suite({"PARLOUR_LOG_LEVEL": "debug"}) as suite:
        private = await eventful(suite)
        suite.down()
        written = {path: path.read_text(errors="replace") for path in files(suite.state / "logs")}
    assert {path.stem for path in written} >= {"auth", "room", "gateway", "im", "registry", "record", "relay"}
    assert all(
        any(line.startswith("{") for line in written[path].splitlines()) for path in written if path.stem == "gateway"
    )
    for path, text in written.items():
        for what, secret in private.items():
            assert secret not in text, f"{what} stands in {path.name}"


async def eventful(suite: Suite) -> dict[str, str]:
    """Logins that work and that don't, a message, a resume, a publication over HTTP. Gives what must stay private."""
    token, other = suite.token(USER, "quiet"), suite.token("somebody-else")
    async with raw_client(suite.url) as client:
        for wrong in (token[:-8] + "AAAAAAA=", other, "04" + "x" * 200):
            with pytest.raises(Refusal):
                await client.login(suite.app_id, "quiet", USER, wrong)
        answer = await client.login(suite.app_id, "quiet", USER, token)
        await client.ask("broadcast", roomID="quiet", message=SAID)
        await client.ask("resume", sessionID=answer["sessionID"], rooms={"quiet": answer["position"]})
        await client.send_text(f'{{"t":"login","token":"{token}"}}')
        await client.ask("ping")
    for bearer in (token, other):
        await asyncio.to_thread(publish, suite.url, bearer)
    return {
        "a token": token,
        "another token": other,
        "the session's secret": answer["sessionID"],
        "a name": USER,
        "a text": SAID,
    }


def publish(url: str, bearer: str) -> None:
    """WHIP with an offer that cannot be answered."""
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/sdp"}
    with contextlib.suppress(HTTPError):
        urlopen(Request(f"{url}/whip/{uuid4()}", b"v=0", headers), timeout=10).close()


def files(folder: Path) -> list[Path]:
    """All logs of the run."""
    return [path for path in folder.rglob("*") if path.is_file()]
