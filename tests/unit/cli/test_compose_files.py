"""What docker-compose.yml stands on says the same as the embedded servers."""

import re
import subprocess
from pathlib import Path

import pytest

from parlour.cli.compose_nats import ISSUER, NOT_HERE, settings, variable
from parlour.cli.embedded.nats import binary
from parlour.cli.embedded.permissions import SYSTEM, grants
from parlour.cli.migrate import main, passwords
from parlour.cli.supervise.logs import LONGEST_BYTES
from parlour.runtime.postgres.migrate import ROLES
from parlour.runtime.signing.nats_keys import Issuer

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
READERS = (ROOT / "deploy/docker/readers.yml").read_text()


def test_the_servers_configuration_is_made_from_the_grants() -> None:
    assert (ROOT / "deploy/docker/nats.conf").read_text() == settings(), "run: make docs"
    assert (ROOT / "deploy/docker/nats-readers.conf").read_text() == settings(readers=True), "run: make docs"


def test_every_secret_that_compose_asks_for_is_drawn_and_none_besides() -> None:
    drawn = subprocess.run(["sh", ROOT / "deploy/docker/secrets.sh"], capture_output=True, text=True, check=True).stdout
    values = dict(line.split("=", 1) for line in drawn.splitlines())
    asked = set(re.findall(r"\$\{(PARLOUR_(?:\w*PASSWORD\w*|\w*_KEY|TURN_SECRET))", COMPOSE + READERS))
    assert set(values) == asked
    assert len(set(values.values())) == len(values), "no two are the same"
    assert all(re.fullmatch(r"p?[0-9a-f]{64}", value) for value in values.values())
    assert all(value[0] == "p" for name, value in values.items() if "NATS" in name), "NATS reads digits as a number"


def test_the_page_on_the_internet_says_how_large_logs_grow() -> None:
    ((size, files),) = set(re.findall(r'max-size: (\d+)m, max-file: "(\d+)"', COMPOSE + READERS))
    page = (ROOT / "docs/how-to/facing-the-internet.md").read_text()
    assert f"Compose keeps {files} files of {size} MB for each container" in page
    assert f"`up` keeps {LONGEST_BYTES >> 20} MB for each process" in page


@pytest.mark.parametrize("name", ["nats.conf", "nats-readers.conf"])
def test_the_server_takes_its_configuration(name: str) -> None:
    users = grants().keys() - NOT_HERE | {SYSTEM}
    drawn = {variable(user): f"p{user}" for user in users} | {ISSUER: Issuer(bytes(32)).public}
    command = [binary(), "-t", "-c", ROOT / "deploy/docker" / name]
    done = subprocess.run(command, env=drawn, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_service_has_a_nats_user_and_each_that_appends_a_role() -> None:
    for user in grants().keys() - NOT_HERE:
        assert f"nats://{user}:${{{variable(user)}}}@nats" in COMPOSE
    for service, role in ROLES.items():
        assert f"postgresql://{role}:${{PARLOUR_POSTGRES_PASSWORD_{service.upper()}}}@postgres" in COMPOSE


def test_a_role_without_a_password_stays_as_it_is() -> None:
    environ = {"PARLOUR_POSTGRES_PASSWORD_ROOM": "pw", "PARLOUR_POSTGRES_PASSWORD_IM": ""}
    assert passwords(environ) == {"room": "pw"}
    assert main({}) == 2


def test_the_migration_s_secrets_may_stand_in_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    password = tmp_path / "room"
    password.write_text("pw\n")
    assert passwords({"PARLOUR_POSTGRES_PASSWORD_ROOM_FILE": str(password)}) == {"room": "pw"}
    assert main({"PARLOUR_POSTGRES_DSN": "postgresql://h/d", "PARLOUR_POSTGRES_DSN_FILE": str(password)}) == 2
    assert "PARLOUR_POSTGRES_DSN and PARLOUR_POSTGRES_DSN_FILE are both set" in capsys.readouterr().err


def test_the_migration_waits_for_the_database_as_long_as_it_may(capsys: pytest.CaptureFixture[str]) -> None:
    assert main({"PARLOUR_POSTGRES_DSN": "postgresql://u:geheim@127.0.0.1:1/d", "PARLOUR_START_TIMEOUT_S": "1"}) == 1
    said = capsys.readouterr().err
    assert "waiting for the database" in said and "can't be reached" in said and "geheim" not in said
