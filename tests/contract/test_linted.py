"""Other people's linter on the descriptions: what it refuses, generators of clients stumble over."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LINTER = ROOT / "libs" / "sdk-web" / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"
PATH = f"{ROOT / '.venv' / 'node'}{os.pathsep}{os.environ['PATH']}"
WITHIN_S = 60
SILENT = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def problems(file: Path) -> list[tuple[str, str, str]]:
    """Severity, rule and place of each problem in a description."""
    node = shutil.which("node", path=PATH)
    assert node, "run `make setup`"
    run = subprocess.run(
        [node, LINTER, "lint", file, "--extends=recommended", "--format=json", "--max-problems=1000"],
        env={"PATH": PATH, **SILENT}, capture_output=True, text=True, timeout=WITHIN_S, check=False, cwd=file.parent,
    )  # fmt: skip
    assert run.returncode in (0, 1), run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)["problems"]
    return [(one["severity"], one["ruleId"], one["location"][0].get("pointer", "")) for one in found]


def test_the_openapi_document_passes_without_a_word() -> None:
    assert not problems(ROOT / "docs" / "reference" / "openapi.json")


def test_the_asyncapi_document_passes() -> None:
    """Its warnings are two: schemes of security, which a frame's own token is not, and defaults beside references, which do no harm."""
    found = problems(ROOT / "docs" / "reference" / "asyncapi.json")
    assert {(severity, rule) for severity, rule, _ in found} <= {
        ("warn", "security-defined"),
        ("warn", "spec-ref-siblings"),
    }


@pytest.mark.parametrize(
    ("name", "part", "rule"),
    [
        ("openapi", "security", "security-defined"),
        ("openapi", "parameters", "path-parameters-defined"),
        ("asyncapi", "action", "struct"),
    ],
)
def test_the_linter_sees_what_is_missing(name: str, part: str, rule: str, tmp_path: Path) -> None:
    document = json.loads((ROOT / "docs" / "reference" / f"{name}.json").read_bytes())
    place = (
        document["paths"]["/v1/webhooks/{webhook}"]["get"] if name == "openapi" else document["operations"]["stream"]
    )
    del place[part]
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(document))
    assert rule in {found for severity, found, _ in problems(file) if severity == "error"}
