"""The `parlour` command: its verbs, and the one place where a failure becomes a message and an exit code."""

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from .verbs import apps, audit, bug, calls, doctor, flight, history, live, moderation, privacy, retention, run, webhooks


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"parlour {metadata.version('parlour-cli')}")
        raise typer.Exit


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
for family in (
    run, apps, moderation, webhooks, audit, bug, privacy, retention, history, calls, live, flight, doctor
):  # fmt: skip
    family.register(app)


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Rooms, calls and their record."""


def main() -> None:
    """Entry point. A message for people on standard error and exit code 1, instead of a stack of frames."""
    from parlour.kernel.rejection import Rejection

    from .verbs.failures import expected, sentence

    try:
        app()
    except (Rejection, *expected()) as problem:
        print(f"parlour: {sentence(problem)}", file=sys.stderr)  # noqa: T201 a command's voice
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
