"""`audit`: exports of the record, their verification, and the keys that sign it."""

import asyncio
import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer

from ..target import nats_url

if TYPE_CHECKING:
    from parlour.contracts.proofs import CheckpointKeys
    from parlour.runtime.exports.layout import End
    from parlour.runtime.exports.verify import Verdict

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(no_args_is_help=True, help="Exports that prove themselves, and the keys of the record.")
    group.command()(export)
    group.command()(verify)
    group.command()(keys)
    group.command("rotate-key")(rotate_key)
    group.command()(exports)
    app.add_typer(group, name="audit")


def export(
    room_uid: Annotated[str, typer.Argument(help="A life of a room (its roomUID; `parlour replay` prints it).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", dir_okay=False)],
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for a checkpoint; 0: export what is not signed too.")
    ] = 90,
    by: Annotated[str, typer.Option(help="Who exports; it is recorded.")] = "",
) -> None:
    """Write a room's record into a file that can be verified anywhere."""
    half = output.with_name(output.name + ".part")
    with open(half, "wb") as out:
        end = asyncio.run(_export(room_uid, out, by or getpass.getuser(), wait))
    half.replace(output)
    typer.echo(f"{output}: {end.end} events, head {end.hash.hex()[:16]}")


def verify(
    file: Annotated[Path, typer.Argument(help="An export, or an archive.", exists=True, dir_okay=False)],
    key: Annotated[list[str] | None, typer.Option(help="A public key, or a file with one; may be given again.")] = None,
    json: Json = False,
) -> None:
    """Check an export or an archive. Needs no server. Exit code 1, and the first event that is not as it was recorded."""
    from parlour.runtime.exports.layout import LINE_BYTES
    from parlour.runtime.exports.verify import verify as check
    from parlour.runtime.signing.notes import BadNote

    try:
        trusted = _keys_in(key or [])
    except (BadNote, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None
    with open(file, "rb", buffering=1 << 20) as lines:
        verdict = check(iter(lambda: lines.readline(LINE_BYTES + 1), b""), trusted)
    typer.echo(msgspec.json.encode(verdict).decode() if json else _verdict_text(verdict, bool(trusted)))
    if not verdict.ok:
        sys.exit(1)


def keys(json: Json = False) -> None:
    """Print the public keys that checkpoints are signed with, the newest first."""
    found = asyncio.run(_keys("keys"))
    if json:
        typer.echo(msgspec.json.encode(found.keys).decode())
        return
    for one in found.keys:
        until = f"retires {_when(one.retired_at)}" if one.retired_at else "signs now"
        typer.echo(f"{one.key}  # since {_when(one.made_at)}, {until}")


def rotate_key() -> None:
    """Make a new signing key. The one before signs beside it for a day, so that readers can fetch the new one."""
    typer.echo(asyncio.run(_keys("rotate_key")).keys[0].key)


def exports(
    room_uid: Annotated[str, typer.Argument(help="A life of a room; all of them where it is not given.")] = "",
) -> None:
    """Print who exported what, the latest first."""
    for one in asyncio.run(_exports(room_uid)):
        typer.echo(f"{_when(one.at)}  {one.room_uid}  {one.room}  {one.by}")


async def _export(room_uid: str, out: BinaryIO, by: str, wait: float) -> "End":
    from ..ask import connected
    from ..audit.export import export as write

    async with connected(nats_url()) as bus:
        return await write(bus, room_uid, out, by=by, wait_s=wait)


async def _keys(what: str) -> "CheckpointKeys":
    from parlour.contracts.proofs import CheckpointKeys, KeysQuery

    from ..ask import connected
    from ..audit.export import ask

    async with connected(nats_url()) as bus:
        return await ask(bus, what, KeysQuery(), CheckpointKeys)


async def _exports(room_uid: str):
    from parlour.contracts.proofs import Exports, ExportsQuery

    from ..ask import connected
    from ..audit.export import ask

    async with connected(nats_url()) as bus:
        return (await ask(bus, "exports", ExportsQuery(room_uid), Exports)).exports


def _keys_in(given: list[str]):
    from parlour.runtime.signing.notes import parse_key

    texts = [Path(text).read_text() if Path(text).is_file() else text for text in given]
    return tuple(parse_key(line.partition("#")[0]) for text in texts for line in text.splitlines() if line.strip())


def _verdict_text(verdict: "Verdict", keyed: bool) -> str:
    name = f"room {verdict.room or '(none)'}, life {verdict.room_uid}"
    if verdict.month:
        name = f"archive of {verdict.month}" + (
            f", room {verdict.room}, life {verdict.room_uid}" if verdict.room_uid else ""
        )
    if not verdict.ok:
        place = f"event {verdict.seq}: " if verdict.seq else ""
        return f"NOT AS RECORDED: {name}\n  {place}{verdict.problem}"
    speed = f"{verdict.events / max(verdict.took_s, 1e-9):,.0f} events/s"
    count = f"{verdict.lives} lives of rooms, {verdict.events}" if verdict.month else str(verdict.events)
    lines = [f"whole: {name}", f"  {count} events, {speed}"]
    if verdict.month and verdict.signed:
        lines.append(f"  the ends of all of them are what {verdict.origin} signed")
    elif verdict.month:
        lines.append("  their ends are chained, but no signature was looked at (no --key was given)")
    elif verdict.signed:
        lines.append(
            f"  events 1..{verdict.signed} are what {verdict.origin} signed (checkpoint of {verdict.size} heads)"
        )
    if verdict.signed < verdict.events and not verdict.month:
        why = "" if keyed else " (no --key was given)"
        lines.append(
            f"  events {verdict.signed + 1}..{verdict.events} are chained, but no signature stands for them{why}"
        )
    return "\n".join(lines)


def _when(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d %H:%M:%S}"
