"""What a newer description breaks for those who wrote their programs from an older one.

Compared are two OpenAPI or AsyncAPI documents, or two JSON Schemas, as plain JSON. Breaking are: a path, method, channel, message,
parameter or field that is gone; a type that changed; an answer's or a fixed value that is gone; and, where the other side must send it, a
parameter or field that is newly required. Words (descriptions, titles, summaries) may change, and anything may be added.
"""

from collections.abc import Iterator
from typing import Any, cast

_WORDS = frozenset({"description", "summary", "title", "tags", "operationId", "info", "example", "examples", "default"})
_SETS = frozenset({"enum", "required"})


def breaks(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """Each break, by the place in the document where it is."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _in_object(cast("dict[str, Any]", old), cast("dict[str, Any]", new), at)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_list(cast("list[Any]", old), cast("list[Any]", new), at)
    elif old != new:
        yield f"{at}: was {old!r}, is {new!r}"


def _in_object(old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[str]:
    for key, value in old.items():
        if key in _WORDS and not isinstance(value, dict):
            continue
        if key not in new:
            if key not in _SETS:
                yield f"{at}/{key}: is gone"
            elif key == "enum":
                continue  # any value may come now
            continue
        if key not in _SETS:
            yield from breaks(value, new[key], f"{at}/{key}")
    yield from _in_sets(old, new, at)


def _in_sets(old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if after is not None:
        for value in cast("list[Any]", before if before is not None else []):
            if value not in after:
                yield f"{at}/enum: {value!r} is gone"
        if before is None:
            yield f"{at}/enum: only some values are allowed now"
    was, now = old.get("required"), new.get("required")
    if isinstance(now, bool):
        if now and not was:
            yield f"{at}/required: is required now"
        return
    for name in cast("list[Any]", now or []):
        if name not in cast("list[Any]", was or []):
            yield f"{at}/required: {name!r} is required now"


def _in_list(old: list[Any], new: list[Any], at: str) -> Iterator[str]:
    """Parameters and messages by their names; everything else as a set."""
    by_name = {_name(one): one for one in new}
    for one in old:
        name = _name(one)
        if name not in by_name:
            yield f"{at}/{name}: is gone"
        else:
            yield from breaks(one, by_name[name], f"{at}/{name}")
    for one in new:
        required = isinstance(one, dict) and cast("dict[str, Any]", one).get("required") is True
        if required and _name(one) not in {_name(each) for each in old}:
            yield f"{at}/{_name(one)}: is required now"


def _name(one: Any) -> str:
    if isinstance(one, dict):
        found = cast("dict[str, Any]", one)
        return str(found.get("name") or found.get("$ref") or found.get("type") or sorted(found))
    return str(one)
