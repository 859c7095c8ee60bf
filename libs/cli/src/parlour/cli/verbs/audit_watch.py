"""`audit watch`: somebody outside keeps the record's checkpoints and cries out when they do not continue each other."""

import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..audit.watch import Keeper

CONTRADICTION, UNREACHABLE = 1, 3
COMMAND_WITHIN_S = 60.0


def watch(
    url: Annotated[str, typer.Argument(help="The gateway's address.")],
    keep: Annotated[Path, typer.Option(help="Folder for the checkpoints, best on another machine.", file_okay=False)],
    key: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="A public key, or a file with one; may be given again.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once, for cron.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=1, max=86_400)] = 60,
    alarm: Annotated[str, typer.Option(help="A command that is run with the sentence as its last argument.")] = "",
) -> None:
    """Keep checkpoints elsewhere and check that each is signed and continues the last. Exit code 1: one does not; 3: no answer."""
    from parlour.runtime.signing.notes import BadNote

    from ..audit.watch import Keeper, Web
    from .audit import keys_in

    try:
        keeper = Keeper(keep, Web(url), keys_in(key or []))
    except (BadNote, OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    while True:
        code = _look(keeper, alarm)
        if once or code == CONTRADICTION:
            sys.exit(code)
        time.sleep(every)


def _look(keeper: "Keeper", alarm: str) -> int:
    from parlour.runtime.signing.notes import BadNote

    from ..audit.watch import Contradiction, Unreachable

    try:
        typer.echo(keeper.look())
    except Contradiction as error:
        typer.echo(f"CONTRADICTION: {error}", err=True)
        _raise_alarm(alarm, str(error))
        return CONTRADICTION
    except Unreachable as error:
        typer.echo(f"not known: {error}", err=True)
        return UNREACHABLE
    except (BadNote, OSError) as error:
        typer.echo(f"not known: the folder can't be used: {error}", err=True)
        return UNREACHABLE
    return 0


def _raise_alarm(command: str, sentence: str) -> None:
    if not command:
        return
    try:
        subprocess.run([*shlex.split(command), sentence], check=False, timeout=COMMAND_WITHIN_S)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        typer.echo(f"the command of --alarm did not run: {error}", err=True)
