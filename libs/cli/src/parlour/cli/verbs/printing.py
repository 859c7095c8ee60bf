"""How verbs print what they found: tables, counts and times for people, JSON for programs."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import typer

SECOND = 1_000_000
Found = TypeVar("Found")


def print_found(found: object, json: bool, text: str, *, failed: bool = False) -> None:
    """Prints one result: as a JSON object, or as its text. Ends the command with exit code 1 if it is a failure."""
    typer.echo(msgspec.json.encode(found).decode() if json else text)
    if failed:
        raise typer.Exit(1)


def print_lines(found: Iterable[Found], json: bool, line: Callable[[Found], str]) -> None:
    """Prints a list: each as a JSON object, or as its text, on a line of its own."""
    for one in found:
        print_found(one, json, "" if json else line(one))


def print_rows(
    found: Iterable[Found], json: bool, heads: tuple[str, ...], row: Callable[[Found], tuple[object, ...]]
) -> None:
    """Prints a list: each as a JSON object on a line of its own, or as a row under bold headings.

    Lines of a table are never broken, so that a terminal's width cuts no id.
    """
    if json:
        print_lines(found, True, str)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for one in found:
        table.add_row(*map(str, row(one)))
    Console(soft_wrap=True, highlight=False).print(table)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 stream`, `2 streams`; `many` where the plural is not made by an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def utc(microseconds: int, parts: str = "seconds") -> str:
    """A moment of the record, in unix microseconds, to the second or to other `parts` of it: `2026-11-21 14:03:07Z`."""
    return f"{datetime.fromtimestamp(microseconds / SECOND, UTC).replace(tzinfo=None).isoformat(' ', parts)}Z"
