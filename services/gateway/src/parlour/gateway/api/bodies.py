"""JSON bodies of requests: decoded to their struct, or refused by the field that is wrong."""

from typing import TypeVar

import msgspec

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection

S = TypeVar("S", bound=msgspec.Struct)


def decoded(raw: bytes, kind: type[S]) -> S:
    """The struct in a body. `Rejection` where it is no JSON, no UTF-8, or has a field of another type."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejection.of(Code.PARAMETER, str(error), field="body", hint="see /openapi.json") from None
