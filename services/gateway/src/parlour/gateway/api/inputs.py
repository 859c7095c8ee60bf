"""What handlers get: objects of the application, found by their type, and the ids, numbers and bodies of requests, decoded or refused.

A handler names an object as a parameter's default, `history: CallHistory = injected(CallHistory)`; a test calls the handler with another
one. What is refused is refused by the name of the field that is wrong.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from fastapi import Depends, FastAPI, Request

from parlour.contracts.codes import Code
from parlour.contracts.ids import check_room_id, invalid
from parlour.contracts.subjects import decode_id
from parlour.kernel.rejection import Rejection

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
ENCODING_HINT = "letters, digits, _ and - stay; every other byte is =XX in capital hexadecimal digits"


class HttpOptions(msgspec.Struct, frozen=True):
    """What the operator has switched on over HTTP: tokens for pages of this machine (`dev`), the record tree's leaves for everybody
    (`public_entries`), and the folder that the pages are in (`web_root`; empty: none are served)."""

    dev: bool = False
    public_entries: bool = False
    web_root: str = ""


def provide(app: FastAPI, objects: Mapping[type[Any], Any]) -> None:
    """Hands the objects to the handlers of `app`, each under the type that they ask for; called once, before it serves."""
    app.state.objects = objects


def find(request: Request, kind: type[T]) -> T:
    """Returns the object of this type that `provide` was given."""
    return cast("T", request.app.state.objects[kind])


def injected(kind: type[T]) -> Any:
    """Returns the default of a handler's parameter that gets the object of this type."""

    async def dependency(request: Request) -> T:
        return find(request, kind)

    return Depends(dependency)


def decode_room(encoded: str) -> str:
    """Decodes the room id in a path. `Rejection` or `Invalid` where it is none."""
    return check_room_id(decode_path_id(encoded, "room"))


def decode_path_id(encoded: str, field: str) -> str:
    """Decodes an id in a path. `Rejection` where it is not encoded."""
    try:
        return decode_id(encoded)
    except ValueError:
        raise Rejection.of(
            Code.PARAMETER, f"the {field} in the path is not an encoded id", field=field, hint=ENCODING_HINT
        ) from None


def parse_count(text: str, most: int, field: str = "limit") -> int:
    """Parses a whole number from 1 to `most`. `Invalid` for any other text."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))) or not 1 <= int(text) <= most:
        raise invalid(Code.PARAMETER, field, f"{field} is {text[:20]!r}", limit=f"1..{most}")
    return int(text)


def decode_body(raw: bytes, kind: type[S]) -> S:
    """Decodes a JSON body. `Rejection` where it is no JSON, no UTF-8, has a field of another type or a NUL character in a text."""
    try:
        body = msgspec.json.decode(raw.decode(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejection.of(Code.PARAMETER, str(error), field="body", hint="see /openapi.json") from None
    if b"u0000" in raw and (field := _field_with_nul(msgspec.to_builtins(body))) is not None:
        raise Rejection.of(Code.PARAMETER, "a text holds a NUL character", field=field or "body")
    return body


def decode_text(raw: bytes) -> str:
    """Decodes a body that is text. `Rejection` where it is not UTF-8 or holds a NUL character, which is in no SDP."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Rejection.of(Code.PARAMETER, str(error), field="body", hint="send it as UTF-8") from None
    if "\0" in text:
        raise Rejection.of(Code.PARAMETER, "the body holds a NUL character", field="body")
    return text


def _field_with_nul(value: Any, field: str = "") -> str | None:
    """The name of the first field whose text holds a NUL character, which Postgres stores in no text."""
    if isinstance(value, str):
        return field if "\0" in value else None
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return next((name for one, of in items if (name := _field_with_nul(of, one)) is not None), None)
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return next((name for of in parts if (name := _field_with_nul(of, field)) is not None), None)
    return None
