"""What the suite says about itself is current, and what was promised once is kept.

`golden/described` holds the documents as of the last release; a release writes them anew by `PARLOUR_WRITE_RELEASE=1`.
"""

import copy
import html
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from parlour.auth.domain.nats_grant import grant_for
from parlour.contracts import events
from parlour.contracts.codes import Code
from parlour.contracts.described import asyncapi
from parlour.contracts.subscriptions import Subscription
from parlour.contracts.upcasters import UPCASTERS, upcast
from parlour.gateway.api.descriptions_http import error_page
from parlour.gateway.api.openapi import NO_BODY
from parlour.gateway.wiring import openapi_document
from parlour.testkit.breaking_changes import breaks

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
RELEASED = Path(__file__).parent / "golden" / "described"
DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {"openapi": openapi_document, "asyncapi": asyncapi.document}


def plain(document: Any) -> Any:
    return json.loads(msgspec.json.encode(document))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_document_is_current(name: str) -> None:
    committed = json.loads((REFERENCE / f"{name}.json").read_bytes())
    assert committed == plain(DOCUMENTS[name]()), "run `make docs`"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_that_was_released_is_broken(name: str) -> None:
    path, now = RELEASED / f"{name}.json", plain(DOCUMENTS[name]())
    if os.environ.get("PARLOUR_WRITE_RELEASE"):
        path.write_bytes(msgspec.json.format(msgspec.json.encode(now), indent=1) + b"\n")
    assert not list(breaks(json.loads(path.read_bytes()), now))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_leads_somewhere(name: str) -> None:
    document = plain(DOCUMENTS[name]())
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        found = document
        for part in reference.split("/"):
            assert part in found, reference
            found = found[part]


def described_body(content: dict[str, Any]) -> bool:
    """Whether each form of a body has a shape: not anything, nor an object of anything."""
    return all(form.get("schema", {}) not in ({}, {"type": "object"}) for form in content.values())


def test_every_endpoint_says_what_it_answers_with() -> None:
    silent = [
        f"{method} {path}: {status}"
        for path, operations in plain(openapi_document())["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if not (described_body(answer["content"]) if answer.get("content") else answer["description"] == NO_BODY)
        or not any(status.startswith("2") for status in operation["responses"])
    ]
    assert not silent, "declare responses=described.answers(Struct), texts(…) or nothing(…)"


@pytest.mark.parametrize("body", [{}, {"schema": {}}, {"schema": {"type": "object"}}])
def test_a_body_of_any_shape_is_none(body: dict[str, Any]) -> None:
    assert not described_body({"application/json": body})


WITHOUT_BODY = {("post", "/v1/webhooks/{webhook}/test")}
"""What is sent to these is not read."""


def test_every_endpoint_says_what_it_takes() -> None:
    """A body where one is read, and for each parameter what it means."""
    silent: list[str] = []
    for path, operations in plain(openapi_document())["paths"].items():
        for method, operation in operations.items():
            if method in ("post", "put", "patch") and (method, path) not in WITHOUT_BODY:
                content = operation.get("requestBody", {}).get("content", {})
                silent += [] if content and described_body(content) else [f"{method} {path}: body"]
            named = {each["name"]: each.get("description", "") for each in operation.get("parameters", [])}
            silent += [f"{method} {path}: {name}" for name, meaning in named.items() if not meaning]
            silent += [f"{method} {path}: {name}" for name in re.findall(r"{(\w+)}", path) if name not in named]
    assert not silent, "declare openapi_extra=described.body_of(Struct), or describe the parameter"


@pytest.mark.parametrize("room", [None, "lobby"])
def test_every_subject_that_a_reader_outside_may_use_is_described(room: str | None) -> None:
    channels = plain(asyncapi.document())["channels"].values()
    shapes = [re.sub(r"{\w+}", "*", channel["address"]) for channel in channels if "address" in channel]
    opened = grant_for(Subscription(7, ("events", "audit"), 2**31, "jti", room))
    used = [one for one in (*opened.publish, *opened.subscribe) if not one.startswith("_INBOX.")]
    assert len(used) > 4
    assert not [one for one in used if not any(fits(shape, one) for shape in shapes)]


def fits(shape: str, subject: str) -> bool:
    """Whether an address with stars for its parameters is that of a subject."""
    parts, tokens = shape.split("."), subject.split(".")
    return len(parts) == len(tokens) and all(part in ("*", token) for part, token in zip(parts, tokens, strict=True))


def test_every_code_has_its_page() -> None:
    for code in Code:
        page = error_page(int(code))
        assert f"<h1>{int(code)}: " in page
        assert html.escape(code.explanation) in page


def changed(document: dict[str, Any], *path: str, to: Any = None) -> dict[str, Any]:
    """The document with one place changed, or without it."""
    made = copy.deepcopy(document)
    place: Any = made
    for part in path[:-1]:
        place = place[int(part) if isinstance(place, list) else part]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return made


EVENTS = ("paths", "/v1/rooms/{room}/events", "get")


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        (("paths", "/v1/rooms/{room}/state"), None, "state: is gone"),
        ((*EVENTS, "parameters", "1", "name"), "behind", "after: is gone"),
        ((*EVENTS, "parameters", "1", "required"), True, "required now"),
        ((*EVENTS, "parameters", "1", "schema", "type"), "integer", "'string', is 'integer'"),
        ((*EVENTS, "parameters", "1", "schema", "enum"), ["a"], "only some values"),
        (("components", "schemas", "EventPage", "properties", "next"), None, "next: is gone"),
        (("components", "schemas", "EventView", "required"), ["erased"], "'erased' is required now"),
        (("components", "schemas", "RoomState"), None, "RoomState: is gone"),
    ],
)
def test_a_break_is_seen(path: tuple[str, ...], to: Any, told: str) -> None:
    now = plain(openapi_document())
    assert [line for line in breaks(now, changed(now, *path, to=to)) if told in line]


def test_additions_and_words_break_nothing() -> None:
    now = plain(openapi_document())
    more = changed(now, "paths", "/v1/new", to={"get": {}})
    more = changed(more, "components", "schemas", "EventPage", "properties", "extra", to={"type": "string"})
    more = changed(more, *EVENTS, "description", to="Other words.")
    assert not list(breaks(now, more))
    enum = {"enum": ["a", "b"]}
    assert list(breaks(enum, {"enum": ["a"]})) == ["/enum: 'b' is gone"]
    assert not list(breaks(enum, {"enum": ["a", "b", "c"]}))


def test_upcasters_lead_to_a_type_of_today() -> None:
    ways = {"x.v1": ("x.v2", lambda data: data + b"2"), "x.v2": ("x.v3", lambda data: data + b"3")}
    assert upcast("x.v1", b"1", ways) == ("x.v3", b"123")
    assert upcast("room.opened.v1", b"{}", ways) == ("room.opened.v1", b"{}")
    for old in UPCASTERS:
        assert old not in events.BY_TAG, "what is written no more"
        golden = Path(__file__).parent / "golden" / f"{old}.json"
        tag, stored = upcast(old, bytes(msgspec.json.decode(golden.read_bytes(), type=dict[str, msgspec.Raw])["data"]))
        msgspec.json.decode(stored, type=events.BY_TAG[tag])
