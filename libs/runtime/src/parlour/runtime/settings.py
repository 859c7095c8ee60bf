"""Settings from the environment: one frozen struct per service, parsed once, every problem told together.

A field `heartbeat_window_ms` of the service `room` is the variable `PARLOUR_ROOM_HEARTBEAT_WINDOW_MS`. The fields shared by all services
(those of `BusSettings` and `RuntimeSettings`) are `PARLOUR_<NAME>`; `PARLOUR_<SERVICE>_<NAME>` overrides one for one service. A variable
that starts with the service's prefix and names no field is an error. Secrets never show in `repr`, and each may stand in a file instead:
`PARLOUR_MASTER_KEY_FILE=/run/secrets/master-key`.

A service's struct names its service and annotates each field:

    class RoomSettings(RuntimeSettings, frozen=True, kw_only=True):
        SERVICE = "room"
        heartbeat_window_ms: Annotated[int, Setting("How long a silent session lasts.", unit="ms"), Meta(ge=1000)] = 90_000
"""

import base64
import binascii
import secrets
import typing
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta

from .secret_files import SUFFIX, read_secret

PREFIX = "PARLOUR"
MASTER_KEY_BYTES = 32


class Setting(msgspec.Struct, frozen=True):
    """Describes a field to operators. Its bounds stand beside it, as `msgspec.Meta(ge=…, le=…)`."""

    sentence: str
    unit: str = ""
    secret: bool = False
    key_bytes: int = 0
    """For `bytes` fields: the length that the decoded key must have."""


class BadSettings(Exception):
    """The environment has invalid settings; `problems` has one line for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class BusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a process that only uses NATS."""

    SERVICE: ClassVar[str] = ""

    nats_url: Annotated[
        str, Setting("NATS servers, comma separated; user and password stand in the URL.", secret=True)
    ] = "nats://127.0.0.1:4222"
    instance: Annotated[str, Setting("Name of this replica; drawn at random where it is not set.")] = msgspec.field(
        default_factory=lambda: secrets.token_hex(4)
    )
    health_port: Annotated[int, Setting("Port of the health server; 0 takes a free one."), Meta(ge=0, le=65535)] = 0
    health_host: Annotated[str, Setting("Address that the health server listens on.")] = "127.0.0.1"
    start_timeout_s: Annotated[
        float,
        Setting("How long the start waits for Postgres, and as long for NATS, before the process exits.", unit="s"),
        Meta(ge=1, le=86_400),
    ] = 300.0
    log_level: Annotated[str, Setting("debug, info, warning or error.")] = "info"
    trace_file: Annotated[str, Setting("File that spans are appended to as JSON lines; empty: none.")] = ""
    otlp_endpoint: Annotated[
        str, Setting("OpenTelemetry collector that spans are sent to, such as `http://127.0.0.1:4318`; empty: none.")
    ] = ""

    def __repr__(self) -> str:
        """All fields, secrets hidden."""
        marks = _marks(type(self))
        shown = ((name, "***" if mark.secret else repr(getattr(self, name))) for name, mark in marks.items())
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in shown)})"


class RuntimeSettings(BusSettings, frozen=True, kw_only=True):
    """The settings of a process that also appends to the log."""

    postgres_dsn: Annotated[str, Setting("postgresql://user:password@host:port/database", secret=True)]
    master_key: Annotated[
        bytes, Setting("32 bytes in hex or base64; wraps the keys of people.", secret=True, key_bytes=MASTER_KEY_BYTES)
    ]


S = TypeVar("S", bound=BusSettings)
_SHARED = frozenset({*BusSettings.__struct_fields__, *RuntimeSettings.__struct_fields__})


def load(settings_type: type[S], environ: Mapping[str, str]) -> S:
    """Builds the struct from `environ`; raises `BadSettings` with all problems."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    marks = _marks(settings_type)
    for field in msgspec.structs.fields(settings_type):
        mark = marks[field.name]
        try:
            variable, text = _look_up(settings_type.SERVICE, field.name, mark, environ)
        except ValueError as error:
            problems.append(str(error))
            continue
        if text is None:
            if field.required:
                problems.append(f"{variable} is not set: {mark.sentence}")
            continue
        try:
            values[field.name] = _parse(field.type, text, mark)
        except ValueError as error:
            problems.append(f"{variable} {error}")
    problems += _unknown(settings_type, environ)
    if problems:
        raise BadSettings(tuple(problems))
    return settings_type(**values)


def variables(settings_type: type[BusSettings]) -> tuple[tuple[str, Setting], ...]:
    """Returns each variable with its description, for `--help` and the reference page."""
    marks = _marks(settings_type)
    return tuple((_names(settings_type.SERVICE, name)[-1], mark) for name, mark in marks.items())


def _names(service: str, field: str) -> tuple[str, ...]:
    """Returns the variables of a field, the one with precedence first."""
    own = (f"{PREFIX}_{service.upper()}_{field.upper()}",) if service else ()
    shared = (f"{PREFIX}_{field.upper()}",) if field in _SHARED or not service else ()
    return own + shared


def _look_up(service: str, field: str, mark: Setting, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Returns the variable that gives the field, and its text. ValueError where a secret's file does not."""
    names = _names(service, field)
    for name in names:
        text = read_secret(name, environ) if mark.secret else environ.get(name)
        if text is not None:
            return name if name in environ else name + SUFFIX, text
    return names[-1], None


def _unknown(settings_type: type[BusSettings], environ: Mapping[str, str]) -> list[str]:
    if not settings_type.SERVICE:
        return []
    prefix = f"{PREFIX}_{settings_type.SERVICE.upper()}_"
    marks = _marks(settings_type).items()
    known = {name for field, _ in marks for name in _names(settings_type.SERVICE, field)}
    known |= {name + SUFFIX for field, mark in marks if mark.secret for name in _names(settings_type.SERVICE, field)}
    return [
        f"{name} is not a setting of {settings_type.SERVICE}"
        for name in sorted(environ)
        if name.startswith(prefix) and name not in known
    ]


def _marks(settings_type: type[BusSettings]) -> dict[str, Setting]:
    """Returns the `Setting` of each field; TypeError for a field without one."""
    hints = typing.get_type_hints(settings_type, include_extras=True)
    marks: dict[str, Setting] = {}
    for name in settings_type.__struct_fields__:
        found = [mark for mark in getattr(hints[name], "__metadata__", ()) if isinstance(mark, Setting)]
        if not found:
            raise TypeError(f"{settings_type.__name__}.{name} has no Setting annotation")
        marks[name] = found[0]
    return marks


def describe_bounds(kind: Any) -> str:
    """Returns a field's bounds for people: `1 to 60`, `at least 1`, or the empty text."""
    bounds = next((mark for mark in getattr(kind, "__metadata__", ()) if isinstance(mark, Meta)), Meta())
    least, most = ("" if bound is None else f"{bound:g}" for bound in (bounds.ge, bounds.le))
    if least and most:
        return f"{least} to {most}"
    return f"at least {least}" if least else f"at most {most}" if most else ""


def _parse(kind: Any, text: str, mark: Setting) -> Any:
    plain = typing.get_args(kind)[0]
    if typing.get_origin(plain) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if plain is bytes:
        return _key(text, mark)
    if plain is bool:
        text = _FLAGS.get(text.lower(), text)
    try:
        return msgspec.convert(text if plain is str else text.strip(), kind, strict=False)
    except msgspec.ValidationError:
        expected = f"{_EXPECTED[plain]}, {describe_bounds(kind)} {mark.unit}".rstrip(" ,")
        raise ValueError(f"is {text!r} and must be {expected}") from None


def _key(text: str, mark: Setting) -> bytes:
    """Decodes hex or base64, standard or URL-safe; errors never show the text."""
    for decode in (bytes.fromhex, _base64):
        try:
            key = decode(text)
        except (ValueError, binascii.Error):
            continue
        if not mark.key_bytes or len(key) == mark.key_bytes:
            return key
    raise ValueError(f"is not {mark.key_bytes or 'some'} bytes in hex or base64")


def parse_key(text: str) -> bytes:
    """Decodes a master key as settings do; ValueError for other text."""
    return _key(text, Setting("", key_bytes=MASTER_KEY_BYTES))


def _base64(text: str) -> bytes:
    return base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True)


_FLAGS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_EXPECTED: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false"}
