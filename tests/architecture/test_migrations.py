"""Migrations stand in one line, and each number is of one migration."""

import re
from pathlib import Path

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
_SAID = re.compile(r'^(revision|down_revision)\b[^=]*= (?:"(\w+)"|None)$', re.MULTILINE)


def test_each_migration_follows_the_one_before_it() -> None:
    before = ""
    for file in sorted(VERSIONS.glob("*.py")):
        said = dict(_SAID.findall(file.read_text()))
        assert said == {"revision": file.name[:4], "down_revision": before}, (
            f"{file.name} is not the one after {before}"
        )
        before = said["revision"]
