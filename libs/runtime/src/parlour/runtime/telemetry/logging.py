"""Logs: one JSON object a line on standard output, a constant event name and fields.

Personal fields (marked so in the contracts), tokens, secrets and offers are hidden by name; anything that looks like a token is hidden
wherever it stands. Bind ids at the edge: `structlog.contextvars.bound_contextvars(app=…, room_uid=…)`.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

import msgspec
import structlog

from parlour.contracts import events
from parlour.contracts.spelling import wire_name

from . import tracing

HIDDEN = "***"
SECRET_FIELDS = frozenset({
    "token", "tokens", "secret", "password", "authorization", "master_key", "key", "sdp", "dsn", "postgres_dsn", "nats_url", "cookie",
})  # fmt: skip
_NAMING = {
    "user_id", "user_ids", "to_user_ids", "user_name", *(field for event in events.ALL for field in events.personal_fields(event)),
}  # fmt: skip
PERSONAL_FIELDS = frozenset({"holder", "address", *_NAMING, *map(wire_name, _NAMING)})
_HIDE = SECRET_FIELDS | PERSONAL_FIELDS
_TOKEN_LIKE = re.compile(
    r"\b04[A-Za-z0-9+/_-]{60,}={0,2}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|(?<=//)[^/@\s]+:[^/@\s]+(?=@)"
)
MAX_TEXT = 4000
"""Longer texts are cut, so that a hostile field can't fill the disk."""


def hide(value: Any) -> Any:
    """`value` without personal fields, secrets and tokens, at any depth."""
    if isinstance(value, str):
        return _TOKEN_LIKE.sub(HIDDEN, value[:MAX_TEXT])
    if isinstance(value, msgspec.Struct):
        return hide({name: getattr(value, name) for name in value.__struct_fields__})
    if isinstance(value, Mapping):
        mapping = cast(Mapping[Any, Any], value)
        return {str(k): HIDDEN if k in _HIDE else hide(v) for k, v in mapping.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [hide(item) for item in cast(tuple[Any, ...], value)]
    if isinstance(value, (bytes, bytearray, msgspec.Raw)):
        return f"<{len(bytes(value))} bytes>"
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    return _TOKEN_LIKE.sub(HIDDEN, str(value)[:MAX_TEXT])


def _add_trace(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if trace_id := tracing.trace_id():
        event_dict["trace_id"] = trace_id
    return event_dict


def _hide_fields(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: HIDDEN if name in _HIDE else hide(value) for name, value in event_dict.items()}


def _encode(value: Any, **_options: Any) -> str:
    return msgspec.json.encode(value).decode()


def configure(service: str, instance: str, level: str) -> None:
    """Sets up structlog and the standard library's logging for this process."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.contextvars.bind_contextvars(service=service, instance=instance)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _hide_fields,
    ]
    renderer = structlog.processors.JSONRenderer(serializer=_encode)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(max(number, logging.WARNING))


def logger(module: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of a module: `log = logger(__name__)`, then `log.info("constant_event_name", field=…)`."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger(module=module))
