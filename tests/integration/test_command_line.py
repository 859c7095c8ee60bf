"""What every verb of the command line has in common: it says what it did, keeps secrets, and asks before what cannot be undone."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from parlour.auth.domain import token04
from parlour.testkit.client import raw_client
from parlour.testkit.suite import Suite, running_suite

NO_UUID = "00000000-0000-7000-8000-000000000000"
"""An id that no room, webhook or hold has."""
EMPTY = {
    ("webhooks", "deliveries"),
    ("webhooks", "dead"),
    ("audit", "exports"),
    ("rooms",),
    ("bans",),
    ("history", "calls"),
}
"""Verbs that find nothing in the default app of a suite in which nobody has been."""


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with running_suite() as running:
        yield running


def refused(suite: Suite, *arguments: str) -> str:
    """What a verb says on standard error when it ends with an exit code."""
    done = suite.run(*arguments, check=False)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_version_is_the_package_s(suite: Suite) -> None:
    name, version = suite.run("--version").stdout.split()
    assert name == "parlour"
    assert version[0].isdigit()


def test_a_server_out_of_reach_is_named_without_its_password(suite: Suite) -> None:
    away = Suite(suite.state, suite.environment | {"PARLOUR_NATS_URL": "nats://cli:secret@127.0.0.1:1"})
    said = refused(away, "events", "lobby")
    assert "NATS at 127.0.0.1:1 does not answer within 5 s" in said
    assert "secret" not in said


def test_status_shows_secrets_only_when_asked(suite: Suite) -> None:
    plain, whole = (suite.run("status", "--json", *more).stdout for more in ((), ("--secrets",)))
    shown, hidden = json.loads(plain), json.loads(whole)
    assert (shown["app_secret"], shown["token"]) == ("", "")
    for secret in (hidden["app_secret"], hidden["token"], hidden["nats"], hidden["postgres"]):
        assert secret
        assert secret not in plain
    assert "***@" in shown["postgres"]
    assert shown["url"] == hidden["url"]


def test_up_does_not_drop_a_port_in_silence(suite: Suite) -> None:
    assert "runs already at" in refused(suite, "up", "--detach", "--port", "1")
    assert "is running already" in suite.run("up", "--detach").stdout


async def test_an_app_comes_with_its_server_secret(suite: Suite, tmp_path: Path) -> None:
    """From a file as editors write it; a token that the app's own server makes with it then logs in."""
    secret, now_s = secrets.token_hex(16), int(time.time())
    file = tmp_path / "secret.txt"
    file.write_text(f"{secret}\n")
    made = suite.run("apps", "create", "--app", "424242", "--name", "mine", "--secret-file", str(file))
    assert "424242" in made.stdout
    assert secret not in made.stdout + made.stderr
    token = token04.encode(token04.Token(424242, "ann", 1, now_s, now_s + 60), secret, secrets.token_bytes(16))
    async with raw_client(suite.url) as client:
        await client.login(424242, "tea", "ann", token)


def test_a_secret_file_that_is_none_makes_no_app(suite: Suite, tmp_path: Path) -> None:
    empty, short = tmp_path / "empty", tmp_path / "short"
    empty.write_text("\n")
    short.write_text("0123456789")
    create = ("apps", "create", "--app", "434343", "--secret-file")
    assert "holds no secret" in refused(suite, *create, str(empty))
    assert "32" in refused(suite, *create, str(short))
    assert "secret-file" in refused(suite, *create, str(tmp_path / "nowhere"))
    assert "434343" not in suite.run("apps", "list").stdout


def test_an_app_that_is_there_keeps_its_secret(suite: Suite, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text(secrets.token_hex(16))
    said = refused(suite, "apps", "create", "--app", str(suite.app_id), "--secret-file", str(file))
    assert "keeps the secret that it has" in said


def test_the_rules_of_an_app_are_set_and_shown(suite: Suite) -> None:
    app = str(json.loads(suite.run("apps", "create", "--name", "ruled", "--json").stdout)["app"])
    assert json.loads(suite.run("apps", "set", app, "--on-expiry", "end", "--json").stdout)["expiry"] == "end"
    assert json.loads(suite.run("apps", "set", app, "--json").stdout)["expiry"] == "end", "asking changes nothing"
    assert "keep, end" in refused(suite, "apps", "set", app, "--on-expiry", "later")
    assert "expiry        keep" in suite.run("apps", "set", app, "--on-expiry", "keep").stdout


@pytest.mark.parametrize("verb", ["events", "replay", "bug", "flight", "users"])
def test_a_room_that_never_was_is_refused_by_every_verb(suite: Suite, verb: str) -> None:
    assert "refused with 9000011" in refused(suite, verb, "nosuch")


def test_what_can_not_be_undone_wants_a_yes(suite: Suite) -> None:
    for words in (("privacy", "erase", "nobody"), ("webhooks", "remove", NO_UUID), ("audit", "rotate-key")):
        assert "--yes" in refused(suite, *words), words
    assert "refused with" in refused(suite, "webhooks", "remove", NO_UUID, "--yes")
    assert len(suite.run("audit", "keys").stdout.splitlines()) < 2, "at most the first one"


def test_a_type_that_no_event_has_is_refused_with_those_that_there_are(suite: Suite) -> None:
    for wrong in ("nosuch.*", "room.user_joinde.v1", "room"):
        said = refused(suite, "webhooks", "add", "https://example.org/hook", "--type", "stream.*", "--type", wrong)
        assert f"there is no event type '{wrong}'" in said
        assert "room.user_joined.v1" in said
    said = refused(suite, "webhooks", "add", "https://example.org/", "--format", "callbacks", "--type", "im.*")
    assert "there is no event type 'im.*'" in said
    assert "im.broadcast_sent.v1" not in said
    assert not suite.run("webhooks", "list", "--json").stdout


def test_an_export_that_is_refused_leaves_no_file(suite: Suite, tmp_path: Path) -> None:
    assert "refused with" in refused(suite, "audit", "export", NO_UUID, "--output", str(tmp_path / "room.jsonl"))
    assert not list(tmp_path.iterdir())
    assert "--output" in refused(suite, "audit", "export", NO_UUID, "--output", str(tmp_path / "no" / "room.jsonl"))
    assert "--yes" in refused(suite, "close", "nosuch")
    done = suite.run("privacy", "erase", "nobody", "--yes", check=False)
    assert (done.returncode, done.stdout) == (1, "nobody of this name is on the record\n")


def test_the_default_app_may_be_named_by_the_environment(suite: Suite) -> None:
    other = Suite(suite.state, suite.environment | {"PARLOUR_APP": "77"})
    assert "there is no app 77" in refused(other, "token", "--user", "ada")
    wrong = Suite(suite.state, suite.environment | {"PARLOUR_APP": "x"})
    assert "must be an application id" in refused(wrong, "rooms")


def test_success_says_what_was_done(suite: Suite) -> None:
    assert suite.run("revoke", "--room", "lobby").stdout == "revoked: tokens for room lobby\n"


def test_json_is_an_object_a_line_everywhere(suite: Suite) -> None:
    webhook = json.loads(suite.run("webhooks", "add", "https://example.org/hook", "--json").stdout)["id"]
    for words in (
        ("apps", "list"), ("webhooks", "list"), ("webhooks", "deliveries", webhook), ("webhooks", "dead", webhook),
        ("webhooks", "redrive", webhook, "--dead"), ("webhooks", "remove", webhook, "--yes"), ("audit", "keys"),
        ("audit", "exports"), ("privacy", "hold", "--room", "r"), ("privacy", "holds"), ("privacy", "release", "--room", "r"),
        ("retention", "status"), ("revoke", "--room", "r"), ("rooms",), ("bans",), ("history", "calls"), ("doctor",),
    ):  # fmt: skip
        lines = suite.run(*words, "--json", timeout_s=60).stdout.splitlines()
        assert [type(json.loads(line)) for line in lines] == [dict] * len(lines), words
        if words != ("audit", "keys"):  # the first key is made with the first checkpoint, within a minute
            assert bool(lines) is (words[:2] not in EMPTY), words


def test_tables_have_headings_and_times_are_marked_as_utc(suite: Suite) -> None:
    heads, first = suite.run("apps", "list").stdout.splitlines()[:2]
    assert heads.split() == ["app", "made", "name"]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", first)
    assert "lag" in suite.run("webhooks", "list").stdout.split()
    webhook = json.loads(suite.run("webhooks", "add", "https://example.org/hook", "--json").stdout)["id"]
    assert suite.run("webhooks", "deliveries", webhook).stdout.split()[:3] == ["number", "at", "answer"]
    assert suite.run("webhooks", "dead", webhook).stdout.split()[:3] == ["number", "at", "room"]
    suite.run("webhooks", "remove", webhook, "--yes")


def test_a_list_of_calls_that_is_empty_says_so(suite: Suite) -> None:
    done = suite.run("history", "calls", "--room", "never-opened")
    assert (done.stdout, "no call of app" in done.stderr) == ("", True)


@pytest.mark.parametrize("words", [(), ("token",), ("webhooks", "add"), ("webhooks", "remove"), ("audit", "verify")])
def test_help_shows_nothing_of_the_program_s_inside(suite: Suite, words: tuple[str, ...]) -> None:
    text = suite.run(*words, "--help").stdout
    for inside in ("dynamic", "id_", "list[", "Path]"):
        assert inside not in text, text


def test_doctor_looks_at_a_suite_elsewhere_by_its_nats(suite: Suite) -> None:
    elsewhere = {"PARLOUR_NATS_URL": str(suite.status()["nats"])}
    there = Suite(suite.state.with_name("nothing-here"), suite.environment | elsewhere)
    assert "kinds of service answer" in there.run("doctor", timeout_s=60).stdout
    away = Suite(there.state, suite.environment | {"PARLOUR_NATS_URL": "nats://cli:secret@127.0.0.1:1"})
    done = away.run("doctor", check=False, timeout_s=60)
    assert done.returncode == 1
    assert "does not answer within 5 s" in done.stdout
    assert "secret" not in done.stdout


def test_doctor_looks_at_a_suite_that_other_machines_reach(suite: Suite) -> None:
    assert "the gateway listens on this machine alone" in suite.run("doctor", timeout_s=60).stdout
    with running_suite({"PARLOUR_GATEWAY_HOSTS": "*.example"}) as behind:
        known = behind.run("doctor", "--public", "https://meet.example", check=False, timeout_s=60).stdout
        unknown = behind.run("doctor", "--public", "meet.invalid", check=False, timeout_s=60).stdout
    assert "other machines reach https://meet.example" in known
    assert "PARLOUR_GATEWAY_HOSTS" not in known
    assert "meet.invalid is not answered (421): add it to PARLOUR_GATEWAY_HOSTS" in unknown
    with running_suite(None, "--host", "0.0.0.0") as open_to_others:
        said = open_to_others.run("doctor", check=False, timeout_s=60).stdout
    assert "✗ exposed" in said
    for part in ("in the clear", "PARLOUR_GATEWAY_ORIGINS", "--require-signed", "facing-the-internet.md"):
        assert part in said
