"""Settings: every problem at once, secrets hidden, unknown variables refused."""

import base64
from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta

from parlour.runtime.settings import BadSettings, BusSettings, RuntimeSettings, Setting, load, variables

KEY = bytes(range(200, 232))
GIVEN = {"PARLOUR_POSTGRES_DSN": "postgresql://u:geheim@h/d", "PARLOUR_MASTER_KEY": KEY.hex()}


class Kiosk(RuntimeSettings, frozen=True, kw_only=True):
    SERVICE = "kiosk"

    window_ms: Annotated[int, Setting("How long.", unit="ms"), Meta(ge=1000, le=5000)] = 2000
    share: Annotated[float, Setting("How much.")] = 0.5
    loud: Annotated[bool, Setting("Whether.")] = False
    names: Annotated[tuple[str, ...], Setting("Which.")] = ()


def test_defaults_hold_and_variables_win() -> None:
    settings = load(
        Kiosk, GIVEN | {"PARLOUR_KIOSK_WINDOW_MS": "3000", "PARLOUR_KIOSK_NAMES": "a, b,", "PARLOUR_KIOSK_LOUD": "yes"}
    )
    assert (settings.window_ms, settings.names, settings.loud, settings.share) == (3000, ("a", "b"), True, 0.5)
    assert settings.master_key == KEY


def test_a_services_own_variable_wins_over_the_shared_one() -> None:
    settings = load(
        Kiosk, GIVEN | {"PARLOUR_KIOSK_POSTGRES_DSN": "postgresql://kiosk@h/d", "PARLOUR_HEALTH_PORT": "1234"}
    )
    assert (settings.postgres_dsn, settings.health_port) == ("postgresql://kiosk@h/d", 1234)


def test_a_services_field_has_no_shared_variable() -> None:
    assert load(Kiosk, GIVEN | {"PARLOUR_WINDOW_MS": "3000"}).window_ms == 2000


@pytest.mark.parametrize(
    "text",
    [KEY.hex(), KEY.hex().upper(), base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode().rstrip("=")],
)
def test_keys_come_in_hex_or_base64(text: str) -> None:
    assert load(Kiosk, GIVEN | {"PARLOUR_MASTER_KEY": text}).master_key == KEY


def test_all_problems_are_told_together_without_the_secrets() -> None:
    wrong = {
        "PARLOUR_MASTER_KEY": "abcd", "PARLOUR_KIOSK_WINDOW_MS": "10", "PARLOUR_KIOSK_SHARE": "much", "PARLOUR_KIOSK_LOUD": "maybe",
        "PARLOUR_KIOSK_WINDOW": "1", "PARLOUR_HEALTH_PORT": "70000",
    }  # fmt: skip
    with pytest.raises(BadSettings) as told:
        load(Kiosk, wrong)
    text = "\n".join(told.value.problems)
    assert len(told.value.problems) == 7
    for part in (
        "POSTGRES_DSN is not set",
        "MASTER_KEY is not 32 bytes",
        "WINDOW_MS is '10' and must be a whole number, 1000 to 5000 ms",
        "SHARE is 'much' and must be a number",
        "LOUD is 'maybe' and must be true or false",
    ):
        assert part in text
    assert "PARLOUR_KIOSK_WINDOW is not a setting of kiosk" in text
    assert "PARLOUR_HEALTH_PORT is '70000' and must be a whole number, 0 to 65535" in text.splitlines()
    assert "abcd" not in text


def test_secrets_never_show() -> None:
    shown = repr(load(Kiosk, GIVEN))
    assert "geheim" not in shown
    assert KEY.hex() not in shown
    assert repr(KEY) not in shown
    assert "window_ms=2000" in shown


def test_replicas_draw_their_names() -> None:
    assert load(Kiosk, GIVEN).instance != load(Kiosk, GIVEN).instance


def test_a_field_without_a_sentence_is_refused() -> None:
    class Mute(BusSettings, frozen=True, kw_only=True):
        SERVICE = "mute"
        field: int = 1

    with pytest.raises(TypeError, match="field"):
        load(Mute, {})


def test_the_reference_names_each_variable() -> None:
    names = [name for name, _ in variables(Kiosk)]
    assert {"PARLOUR_NATS_URL", "PARLOUR_MASTER_KEY", "PARLOUR_KIOSK_WINDOW_MS"} <= set(names)


def given_in_files(folder: Path, **contents: str) -> dict[str, str]:
    """Variables that name files, each written with the text."""
    for name, text in contents.items():
        (folder / name).write_text(text)
    return {f"PARLOUR_{name}_FILE": str(folder / name) for name in contents}


def test_secrets_may_stand_in_files(tmp_path: Path) -> None:
    files = given_in_files(tmp_path, POSTGRES_DSN="postgresql://u:geheim@h/d\r\n", MASTER_KEY=f"{KEY.hex()}\n")
    settings = load(Kiosk, files)
    assert (settings.postgres_dsn, settings.master_key) == (GIVEN["PARLOUR_POSTGRES_DSN"], KEY)


def test_a_services_own_file_wins_over_the_shared_variable(tmp_path: Path) -> None:
    files = given_in_files(tmp_path, KIOSK_NATS_URL="nats://kiosk@h")
    assert load(Kiosk, GIVEN | {"PARLOUR_NATS_URL": "nats://h"} | files).nats_url == "nats://kiosk@h"


def test_only_secrets_have_files(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="PARLOUR_KIOSK_WINDOW_MS_FILE is not a setting of kiosk"):
        load(Kiosk, GIVEN | given_in_files(tmp_path, KIOSK_WINDOW_MS="2000"))


def test_what_is_wrong_with_a_secret_s_file_is_told_without_its_content(tmp_path: Path) -> None:
    files = given_in_files(tmp_path, POSTGRES_DSN="\n", MASTER_KEY="geheim", NATS_URL="nats://u:geheim@h")
    with pytest.raises(BadSettings) as told:
        load(Kiosk, files | {"PARLOUR_NATS_URL": "nats://u:geheim@h"})
    assert told.value.problems == (
        "PARLOUR_NATS_URL and PARLOUR_NATS_URL_FILE are both set: give one of them",
        f"PARLOUR_POSTGRES_DSN_FILE names '{tmp_path}/POSTGRES_DSN', which is empty",
        "PARLOUR_MASTER_KEY_FILE is not 32 bytes in hex or base64",
    )


def test_a_secret_s_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    files = {"PARLOUR_POSTGRES_DSN_FILE": str(tmp_path / "none"), "PARLOUR_MASTER_KEY_FILE": str(tmp_path / "key")}
    with pytest.raises(BadSettings) as told:
        load(Kiosk, files)
    assert told.value.problems == (
        f"PARLOUR_POSTGRES_DSN_FILE names '{tmp_path}/none', which can't be read: No such file or directory",
        f"PARLOUR_MASTER_KEY_FILE names '{tmp_path}/key', which is not UTF-8 text",
    )
