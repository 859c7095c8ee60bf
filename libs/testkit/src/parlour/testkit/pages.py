"""The code blocks of the documentation: read, filled in as a reader would, and run."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from parlour.cli.supervise.checkout import ROOT
from parlour.testkit.suite import Suite

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITHIN_S = 120
"""For all commands of a page, on a busy machine."""
ADDRESS = re.compile(r"http://(?:localhost|127\.0\.0\.1):8080")
SOCKET = re.compile(r"ws://(?:localhost|127\.0\.0\.1):8080")


class Block(NamedTuple):
    """One fenced block of a page, `page` relative to docs/."""

    page: str
    language: str
    text: str

    @property
    def first(self) -> str:
        """The first line, by which tables name the block."""
        return self.text.strip().splitlines()[0]


def pages() -> list[Path]:
    """The pages whose blocks a reader types."""
    return [
        page for folder in ("tutorial", "how-to", "runbooks") for page in sorted((ROOT / "docs" / folder).glob("*.md"))
    ]


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    name = str(page.relative_to(ROOT / "docs"))
    return [Block(name, *match.groups()) for match in BLOCK.finditer(page.read_text())]


def filled(text: str, suite: Suite, words: dict[str, str]) -> str:
    """A block with the suite's address in the place of the usual one, and what the page leaves to the reader filled in."""
    text = SOCKET.sub(suite.url.replace("http", "ws", 1), ADDRESS.sub(suite.url, text))
    for word, meant in words.items():
        text = text.replace(word, meant)
    return text


def run_shell(
    text: str, suite: Suite, folder: Path, stop_after_s: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a page's shell lines as one bash script that ends at the first line that fails; files land in `folder`.

    `stop_after_s`: ends it then, with exit code 124, as `timeout` does."""
    script = text.replace(".venv/bin/", f"{ROOT}/.venv/bin/").replace(" examples/", f" {ROOT}/examples/")
    stop = ["timeout", str(stop_after_s)] if stop_after_s else []
    return subprocess.run(
        [*stop, "bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**suite.environment, "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
