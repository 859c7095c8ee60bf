"""Bodies of requests: decoded to their struct or text, or refused by the field that is wrong."""

from typing import Any, TypeVar, cast

import msgspec

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection

S = TypeVar("S", bound=msgspec.Struct)


def decoded(raw: bytes, kind: type[S]) -> S:
    """The struct in a body. `Rejection` where it is no JSON, no UTF-8, has a field of another type or a NUL character in a text."""
    try:
        body = msgspec.json.decode(raw.decode(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejection.of(Code.PARAMETER, str(error), field="body", hint="see /openapi.json") from None
    if b"u0000" in raw and (field := _with_nul(msgspec.to_builtins(body))) is not None:
        raise Rejection.of(Code.PARAMETER, "a text holds a NUL character", field=field or "body")
    return body


def text_of(raw: bytes) -> str:
    """A body that is text. `Rejection` where it is not UTF-8 or holds a NUL character, which is in no SDP."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Rejection.of(Code.PARAMETER, str(error), field="body", hint="send it as UTF-8") from None
    if "\0" in text:
        raise Rejection.of(Code.PARAMETER, "the body holds a NUL character", field="body")
    return text


def _with_nul(value: Any, field: str = "") -> str | None:
    """The name of the first field whose text holds a NUL character, which Postgres stores in no text."""
    if isinstance(value, str):
        return field if "\0" in value else None
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return next((name for one, of in items if (name := _with_nul(of, one)) is not None), None)
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return next((name for of in parts if (name := _with_nul(of, field)) is not None), None)
    return None
