"""How verbs print what they found: tables and counts for people, JSON for programs."""

import msgspec
import typer


def print_json(*found: msgspec.Struct) -> None:
    """Prints each as one JSON object on a line of its own."""
    for one in found:
        typer.echo(msgspec.json.encode(one).decode())


def print_table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Prints rows under bold headings. Lines are never broken, so that a terminal's width cuts no id."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(soft_wrap=True, highlight=False).print(table)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 stream`, `2 streams`; `many` where the plural is not made by an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
