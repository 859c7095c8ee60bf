"""Writes the section `client` of the contracts as the TypeScript module `libs/sdk-web/src/generated/contract.ts`."""

import json
import re
from collections.abc import Iterator
from typing import Any

from . import web_contract

_HEAD = """\
/**
 * The wire contract of this SDK, written by `make docs` from the structs in libs/contracts; tests/contract compares the two. Do not edit.
 * Times of events are unix microseconds; times with another unit say so in their names.
 */
"""
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def module() -> str:
    """The text of `contract.ts`."""
    contract = web_contract.section()
    return "\n".join((_HEAD, *_constants(contract), *_types(contract)))


def _constants(contract: dict[str, Any]) -> Iterator[str]:
    yield f"export const SUBPROTOCOL = {json.dumps(contract['subprotocol'])};\n"
    yield "/** Codes that servers answer with; from 9,000,000 on they are Parlour's own. */"
    yield from _constant("SERVER_CODES", {name: str(code) for name, code in contract["codes"].items()})
    yield from _constant("LIMITS", {name: str(limit) for name, limit in contract["limits"].items()})
    yield "/** Bounds of texts by the names of arguments. `empty` is also the code of what is no text; 0 stands for no code. */"
    yield from _constant("TEXTS", {name: _rule(rule) for name, rule in contract["texts"].items()})


def _constant(name: str, members: dict[str, str]) -> Iterator[str]:
    yield f"export const {name} = {{"
    yield from (f"  {key}: {value}," for key, value in members.items())
    yield "} as const;\n"


def _rule(rule: dict[str, Any]) -> str:
    pattern = f"/^(?:{rule['pattern']})$/" if "pattern" in rule else "null"
    parts = [
        f"{key}: {json.dumps(rule[key], ensure_ascii=False)}" for key in ("least", "most", "unit", "empty", "long")
    ]
    parts += [f"characters: {rule.get('characters', 0)}", f"pattern: {pattern}"]
    return f"{{ {', '.join(parts)}, allowed: {json.dumps(rule.get('allowed', ''), ensure_ascii=False)} }}"


def _types(contract: dict[str, Any]) -> Iterator[str]:
    for name, schema in contract["$defs"].items():
        yield f"export interface {name} {_object(schema)}\n"
    answers = {tag: _type(schema) for tag, schema in contract["answers"].items()}
    requests = {tag: f"[{_object(schema)}, {answers[tag]}]" for tag, schema in contract["requests"].items()}
    yield from _table(
        "Requests", "What a client sends, and the `res` frame that grants it, by the request's tag.", requests
    )
    for name, sentence, part in (
        ("ServerFrames", "What the gateway sends unasked, by its tag.", "serverFrames"),
        ("EventData", "`data` of an event, by the event's type.", "events"),
    ):
        yield from _table(name, sentence, {tag: _object(schema) for tag, schema in contract[part].items()})


def _table(name: str, sentence: str, types: dict[str, str]) -> Iterator[str]:
    yield f"/** {sentence} */"
    yield f"export interface {name} {{"
    for tag, described in types.items():
        yield f"  {_key(tag)}: {described};"
    yield "}\n"


def _object(schema: dict[str, Any]) -> str:
    """All fields in one line, so that the module reads as a table of shapes."""
    required = schema.get("required", ())
    fields = [
        f"{_key(name)}{'' if name in required else '?'}: {_type(part)}" for name, part in schema["properties"].items()
    ]
    return f"{{ {'; '.join(fields)} }}"


def _type(schema: dict[str, Any]) -> str:
    """The type of a field. What JSON Schema leaves open is `any`: data of events, which `EventData` describes."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(part) for part in schema["anyOf"]))
    if "prefixItems" in schema:
        return f"[{', '.join(_type(part) for part in schema['prefixItems'])}]"
    if schema.get("type") == "array":
        item = _type(schema["items"])
        return f"({item})[]" if " " in item else f"{item}[]"
    if schema.get("type") == "object":
        return f"Record<string, {_type(schema.get('additionalProperties', {}))}>"
    return _SIMPLE.get(schema.get("type", ""), "any")


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name)
