"""Settings: every problem at once, secrets hidden, unknown variables refused."""

import base64
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
