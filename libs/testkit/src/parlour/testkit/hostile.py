"""Hypothesis strategies for what a hostile client sends: requests from an OpenAPI document, and frames from valid ones that are altered."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, quote_from_bytes

import hypothesis.strategies as st

NUMBERS = [
    "0", "-1", "1", "1e3", "NaN", "Infinity", "2147483648", "4294967296", "9223372036854775808",
    "18446744073709551616", "1" * 400, "1" * 5_000, "0x1", "１", "²", "1_0", " 1", "1.5",
]  # fmt: skip
TEXTS = [
    "", " ", ".", "..", "*", ">", "$SYS", "a.b", "a*", "null", "true", "[]", "{}", "\"", "'", "a" * 300, "é" * 200, "\x7f",
    "\x1b[31m", "\r\nx: y", "\u202e", "\ufeff", "\U0010ffff", "%", "%00", "../../etc/passwd", "2026-13-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-01-01", "<script>", "' OR 1=1 --", "\0", "a\0b",
]  # fmt: skip
"""Texts that are no valid id, number or time, or are odd ones; some hold a NUL character."""
BROKEN_UTF8 = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"a\x80"]
ESCAPES = ["\\ud800", "\\udfff", "\\ud800a", "\\u0000", "\\x", "\\u12"]
"""In a JSON text: lone surrogates, NUL, and escapes that JSON has not."""
LITERALS = [
    "NaN", "Infinity", "-Infinity", "1e999", "-0", "01", "1.", "-", "9" * 21, "9" * 5_000, "18446744073709551616", "-1", "1e3",
    "[" * 40 + "]" * 40, "{" * 5_000, "[" * 30_000, "null", "true", '""', "[]", "{}", '{"a":1,"a":2}', "\ufeff{}", "'a'", "",
]  # fmt: skip
"""What may stand for a value in the text of a frame, JSON or not."""
OTHER_MEDIA_TYPES = ["", "text/plain", "multipart/form-data", "a/b; charset=utf-16"]

texts = st.sampled_from([*TEXTS, *NUMBERS]) | st.text(max_size=40)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


class HostileRequest(NamedTuple):
    """One request: `path` is encoded, its query with it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _Operation(NamedTuple):
    """One operation of the document, with a strategy for each of its parts."""

    method: str
    path: str
    in_path: dict[str, st.SearchStrategy[str]]
    in_query: dict[str, st.SearchStrategy[str]]
    in_header: dict[str, st.SearchStrategy[str]]
    media_type: str
    body: st.SearchStrategy[bytes]


def requests(document: Mapping[str, Any], known: Mapping[str, Sequence[str]]) -> st.SearchStrategy[HostileRequest]:
    """Requests of every operation of an OpenAPI document. `known`: by a parameter's or field's name, values that exist."""
    operations = [
        _operation(document, known, method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    return _request(st.sampled_from(operations))


def _operation(
    document: Mapping[str, Any], known: Mapping[str, Sequence[str]], method: str, path: str, described: Any
) -> _Operation:
    parts: dict[str, dict[str, st.SearchStrategy[str]]] = {"path": {}, "query": {}, "header": {}}
    for parameter in described.get("parameters", ()):
        name, place = str(parameter["name"]), str(parameter["in"])
        make = _header if place == "header" else _encoded
        parts[place][name] = make(known.get(name, ()))
    content = described.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), "")
    body = _body(document, content[media_type]["schema"], known) if media_type else st.just(b"")
    return _Operation(method.upper(), path, parts["path"], parts["query"], parts["header"], media_type, body)


@st.composite
def _request(draw: st.DrawFn, operations: st.SearchStrategy[_Operation]) -> HostileRequest:
    chosen = draw(operations)
    path = chosen.path
    for name, value in chosen.in_path.items():
        path = path.replace("{" + name + "}", draw(value) or "%20")
    query = [f"{name}={draw(value)}" for name, value in chosen.in_query.items() if draw(st.booleans())]
    headers = {name: draw(value) for name, value in chosen.in_header.items() if draw(st.booleans())}
    if chosen.media_type:
        headers["content-type"] = draw(st.sampled_from([chosen.media_type] * 8 + OTHER_MEDIA_TYPES))
    return HostileRequest(chosen.method, path + ("?" + "&".join(query) if query else ""), headers, draw(chosen.body))


def _encoded(known: Sequence[str]) -> st.SearchStrategy[str]:
    some = st.sampled_from(known) | texts if known else texts
    return some.map(lambda text: quote(text, safe="")) | st.sampled_from([quote_from_bytes(one) for one in BROKEN_UTF8])


def _header(known: Sequence[str]) -> st.SearchStrategy[str]:
    printable = st.sampled_from([one for one in TEXTS + NUMBERS if one.isascii() and one.isprintable()])
    return st.sampled_from(known) | printable if known else printable


def _body(document: Mapping[str, Any], schema: Any, known: Mapping[str, Sequence[str]]) -> st.SearchStrategy[bytes]:
    """A body by its schema, by half of it, of any JSON, of a JSON text that was altered, or of any bytes."""
    right = _by_schema(document, schema, known).map(
        lambda value: value if isinstance(value, str) else json.dumps(value)
    )
    other = values.map(json.dumps)
    return (
        right.map(str.encode)
        | st.tuples(right, st.sampled_from(LITERALS + ESCAPES), st.integers(0, 400)).map(lambda it: _spliced(*it))
        | other.map(str.encode)
        | st.binary(max_size=60)
        | st.sampled_from(BROKEN_UTF8)
    )


def _spliced(text: str, piece: str, at: int) -> bytes:
    at = at % (len(text) + 1)
    return (text[:at] + piece + text[at:]).encode("utf-8", "surrogatepass")


def _by_schema(document: Mapping[str, Any], schema: Any, known: Mapping[str, Sequence[str]]) -> st.SearchStrategy[Any]:
    """An object with the schema's fields: of the right type mostly, sometimes any value; some are left out."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][str(schema["$ref"]).rpartition("/")[2]]
    if schema.get("type") != "object":
        return texts
    fields: dict[str, Any] = schema.get("properties", {})
    named = {name: _value(field, known.get(name, ())) | values for name, field in fields.items()}
    must = {name: named[name] for name in schema.get("required", ())}
    optional = {name: one for name, one in named.items() if name not in must}
    return st.fixed_dictionaries(must, optional=optional) | st.fixed_dictionaries({}, optional=named)


def _value(field: Any, known: Sequence[str]) -> st.SearchStrategy[Any]:
    match field.get("type"):
        case "string":
            return st.sampled_from(known) | texts if known else texts
        case "integer" | "number":
            return st.integers(-2, 5) | st.integers(-(2**70), 2**70)
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(_value(field.get("items", {}), known), max_size=3)
        case _:
            return values


def frames(valid: Sequence[Mapping[str, Any]]) -> st.SearchStrategy[bytes]:
    """Text frames from valid ones: with fields changed, left out and added, pieces of text put in, cut, doubled; and any bytes."""
    good = st.sampled_from([dict(one) for one in valid])
    altered = good.flatmap(_with_other_fields)
    written = (good | altered).map(lambda frame: json.dumps(frame, ensure_ascii=False))
    spliced = st.tuples(written, st.sampled_from(LITERALS + ESCAPES), st.integers(0, 2_000)).map(
        lambda it: _spliced(*it)
    )
    replaced = good.flatmap(_with_literal)
    cut = st.tuples(written, st.integers(0, 400)).map(lambda it: it[0][: it[1] % (len(it[0]) + 1)].encode())
    return (
        written.map(lambda text: text.encode("utf-8", "surrogatepass"))
        | spliced
        | replaced
        | cut
        | values.map(lambda value: json.dumps(value).encode())
        | st.binary(max_size=60)
        | st.sampled_from([*BROKEN_UTF8, *(one.encode() for one in LITERALS)])
    )


@st.composite
def _with_other_fields(draw: st.DrawFn, frame: dict[str, Any]) -> dict[str, Any]:
    """The frame with one to three of its fields changed to any value, left out, or another added."""
    changed = dict(frame)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(frame)) | st.sampled_from(["", "ifSeq", "id", "t", "x", "__class__"]))
        if draw(st.booleans()):
            changed[name] = draw(values)
        else:
            changed.pop(name, None)
    return changed


@st.composite
def _with_literal(draw: st.DrawFn, frame: dict[str, Any]) -> bytes:
    """The frame with the text of one value replaced by a literal or an escape."""
    name = draw(st.sampled_from(sorted(frame)))
    mark = "\x01mark\x01"
    text = json.dumps({**frame, name: mark}, ensure_ascii=False)
    quoted = json.dumps(mark)
    literal = draw(st.sampled_from(LITERALS) | st.sampled_from(ESCAPES).map(lambda one: f'"{one}"'))
    return text.replace(quoted, literal).encode("utf-8", "surrogatepass")
