"""The `parlour` command: its verbs, and the one place where a failure becomes a message and an exit code."""

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from parlour.runtime.secret_files import SUFFIX, read_secret

from .failures import NATS_VARIABLE, BadVariable, CommandFailed
from .verbs import (
    apps,
    audit,
    bug,
    calls,
    doctor,
    flight,
    history,
    moderation,
    observe,
    privacy,
    retention,
    run,
    webhooks,
)

SECRETS = (NATS_VARIABLE, "PARLOUR_POSTGRES_DSN", "PARLOUR_MASTER_KEY")
"""Variables that verbs read, each of which a variable `…_FILE` may stand for."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"parlour {metadata.version('parlour-cli')}")
        raise typer.Exit


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
FAMILIES = run, apps, moderation, webhooks, audit, bug, privacy, retention, history, calls, flight, observe, doctor
"""In the order of `--help`."""
for family in FAMILIES:
    app.add_typer(family.verbs)


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Rooms, calls and their record."""
    _read_secret_files()


def main() -> None:
    """Entry point. A message for people on standard error and exit code 1, instead of a stack of frames."""
    from parlour.kernel.rejection import Rejection

    try:
        app()
    except (Rejection, CommandFailed) as failure:
        print(f"parlour: {_describe(failure)}", file=sys.stderr)  # noqa: T201 a command's voice
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _read_secret_files() -> None:
    """Puts secrets that stand in files into the environment, where verbs and the services of `up` look for them."""
    for variable in SECRETS:
        if variable + SUFFIX in os.environ:
            try:
                os.environ[variable] = str(read_secret(variable, os.environ))
            except ValueError as error:
                raise BadVariable(str(error)) from None
            del os.environ[variable + SUFFIX]


def _describe(failure: Exception) -> str:
    """The text for people; of a refusal its code, its limit and the way out too."""
    problem = getattr(failure, "problem", None)
    if problem is None:
        return str(failure)
    more = "".join(f"; {part}" for part in (problem.limit, problem.hint) if part)
    return f"refused with {problem.code}: {problem.message}{more}"
