"""Answers of handlers: JSON of a contract's struct, with the headers that they share."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Response

JSON = "application/json"
NO_STORE = {"cache-control": "no-store"}
ANY_ORIGIN = {"access-control-allow-origin": "*"}


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> Response:
    """Encodes a struct as the body of an answer."""
    return Response(msgspec.json.encode(body), status, dict(headers), JSON)
