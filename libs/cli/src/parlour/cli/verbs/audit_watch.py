"""`audit watch`: keeps the record's checkpoints outside and reports one that does not continue the one before."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from .options import bad_parameters


def watch(
    url: Annotated[str, typer.Argument(help="The gateway's address.")],
    keep: Annotated[Path, typer.Option(help="Folder for the checkpoints, best on another machine.", file_okay=False)],
    key: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="A public key, or a file with one; may be given again.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Check once, for cron.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two checks.", min=1, max=86_400)] = 60,
    alarm: Annotated[str, typer.Option(help="A command that is run with the sentence as its last argument.")] = "",
) -> None:
    """Keep checkpoints elsewhere and check that each is signed and continues the last. Exit code 1: one does not; 3: no answer."""
    from parlour.verify.checkpoint_keeper import CheckpointKeeper, GatewaySource
    from parlour.verify.commands import CONTRADICTION, check_server, read_keys

    with bad_parameters():
        trusted = read_keys(key or [])
    try:
        keeper = CheckpointKeeper(keep, GatewaySource(url), trusted)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    while True:
        code = check_server(keeper, alarm)
        if once or code == CONTRADICTION:
            sys.exit(code)
        time.sleep(every)
