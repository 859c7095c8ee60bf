"""The whole suite for a test: `parlour up` with a state of its own, and the verbs of the command line."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

PARLOUR = str(Path(sys.executable).with_name("parlour"))
START_TIMEOUT_S = 90


class Suite:
    """A running suite. Every verb fails loudly with what it printed."""

    def __init__(self, state: Path, environment: dict[str, str] | None = None, within: tuple[str, ...] = ()) -> None:
        self.state = state
        self.within = within
        """Put before each command, as to run it on another machine."""
        self._url, self._app_id = "", 0
        self.environment = {**os.environ, "PARLOUR_STATE": str(state), "NO_COLOR": "1", **(environment or {})}

    def run(self, *arguments: str, timeout_s: float = 30, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`parlour …`, its output as text."""
        done = subprocess.run(
            [*self.within, PARLOUR, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"parlour {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def up(self, *arguments: str) -> None:
        """Starts it on a free port."""
        self.run("up", "--detach", "--port", "0", *arguments, timeout_s=START_TIMEOUT_S)

    def down(self) -> None:
        """Stops it; nothing to stop is fine."""
        self.run("down", timeout_s=60, check=False)

    def status(self) -> dict[str, Any]:
        """`parlour status --json`."""
        return cast("dict[str, Any]", json.loads(self.run("status", "--json", "--secrets").stdout))

    def log_tails(self, lines: int = 30) -> str:
        """The last lines of each process's log: a test that fails inside `running_suite` reports them."""
        logs = sorted((self.state / "logs").glob("*.log"))
        return "\n".join(f"{log.name}:\n{tail(log, lines)}" for log in logs)

    @property
    def url(self) -> str:
        """The gateway's address, without a slash at the end."""
        self._url = self._url or str(self.status()["url"]).rstrip("/")
        return self._url

    @property
    def urls(self) -> list[str]:
        """The addresses of all gateways."""
        return [str(url).rstrip("/") for url in self.status()["urls"]]

    @property
    def nats(self) -> str:
        """Where readers outside reach NATS: no user stands in it."""
        return f"nats://{urlsplit(str(self.status()['nats'])).netloc.rpartition('@')[2]}"

    @property
    def app_id(self) -> int:
        """The default app."""
        self._app_id = self._app_id or int(self.status()["app_id"])
        return self._app_id

    def token(self, user: str, room: str = "", *, app: int = 0) -> str:
        """A token04 of the suite's own making."""
        limits = ["--room", room] if room else []
        return self.run("token", "--app", str(app or self.app_id), "--user", user, *limits).stdout.strip()

    def dev_token(self, user: str, room: str = "") -> str:
        """The same for the default app, from the gateway's development endpoint: quick, for crowds."""
        body = json.dumps({"userID": user, "roomID": room}).encode()
        ask = Request(f"{self.url}/v1/dev/token", body, {"Content-Type": "application/json"})
        with urlopen(ask, timeout=10) as answer:
            return str(json.load(answer)["token"])

    def events(self, room: str) -> list[dict[str, Any]]:
        """The room's record, opened; nothing of a room that was never opened."""
        done = self.run("events", room, "--json", check=False)
        if done.returncode and "was never opened" not in done.stderr:
            raise AssertionError(f"parlour events {room}: {done.returncode}\n{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def live(self, room: str) -> dict[str, Any]:
        """What services and relays hold of the room now, and how that differs from the record."""
        return cast("dict[str, Any]", json.loads(self.run("live", room, "--json", check=False).stdout))

    def replay(self, room: str, at: int | str | None = None) -> dict[str, Any]:
        """The room's state as of a seq or time."""
        moment = [] if at is None else ["--at", str(at)]
        return cast("dict[str, Any]", json.loads(self.run("replay", room, *moment, "--json").stdout))


def tail(log: Path, lines: int) -> str:
    """The last lines of a text file; bytes that are no UTF-8 are replaced."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def running_suite(
    environment: dict[str, str] | None = None, *arguments: str, within: tuple[str, ...] = ()
) -> Generator[Suite]:
    """A suite that is up inside the block and gone after it, its state too. `arguments` are those of `parlour up`."""
    with tempfile.TemporaryDirectory(prefix="parlour-suite-") as folder:
        Path(folder).chmod(0o711)  # Postgres runs as another user below it
        suite = Suite(Path(folder) / "state", environment, within)
        try:
            suite.up(*arguments)
            yield suite
        except Exception as error:
            error.add_note(suite.log_tails())
            raise
        finally:
            suite.down()
