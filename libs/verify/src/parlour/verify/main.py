"""The command `parlour-verify`: exports, archives and checkpoints, for auditors who install nothing else of the suite."""

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from .checkpoint_keeper import CheckpointKeeper, GatewaySource
from .commands import BadArgument, check_server, read_checkpoint, read_keys, read_known_tree, report, verify_file
from .known_tree import KnownTree
from .notes import PublicKey

NOT_COMPARED = 4


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line; ends the process with exit code 2 where it is wrong."""
    parser = argparse.ArgumentParser(prog="parlour-verify", description="Verify what a record exported and signed.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {metadata.version('parlour-verify')}")
    verbs = parser.add_subparsers(dest="verb", required=True)
    keyed = argparse.ArgumentParser(add_help=False)
    keyed.add_argument(
        "--key", action="append", default=[], help="a public key, or a file with one; may be given again"
    )
    compared = argparse.ArgumentParser(add_help=False)
    compared.add_argument("--checkpoint", type=Path, help="a checkpoint that you kept")
    compared.add_argument(
        "--consistency", type=Path, action="append", default=[],
        help="an answer of /v1/checkpoints/consistency; may be given again",
    )  # fmt: skip
    export = verbs.add_parser("export", parents=[keyed, compared], help="check an export or an archive")
    export.add_argument("file", type=Path)
    export.add_argument("--unsigned-ok", action="store_true", help="accept events that no signature covers")
    export.add_argument("--json", action="store_true", help="print JSON")
    checkpoint = verbs.add_parser("checkpoint", parents=[keyed, compared], help="check a signed checkpoint")
    checkpoint.add_argument("note", type=Path)
    watch = verbs.add_parser("watch", parents=[keyed], help="fetch a server's checkpoint once, keep and compare it")
    watch.add_argument("url", help="the gateway's address")
    watch.add_argument("--keep", type=Path, required=True, help="folder for the checkpoints")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code.

    0: all is proven; 1: not as recorded; 2: the command line is wrong; 3: no answer from the server; 4: not proven.
    """
    given = parse_arguments(arguments)
    try:
        trusted = read_keys(given.key)
        if given.verb == "watch":
            return check_server(CheckpointKeeper(given.keep, GatewaySource(given.url), trusted))
        known = read_known_tree(given.checkpoint, trusted, given.consistency)
        if given.verb == "checkpoint":
            text, code = compare_checkpoint(given.note, trusted, known)
        else:
            verdict = verify_file(given.file, trusted, known)
            text, code = report(verdict, keyed=bool(trusted), unsigned_ok=given.unsigned_ok, as_json=given.json)
    except BadArgument as error:
        sys.stderr.write(f"parlour-verify: {error.option}: {error}\n")
        return 2
    except (OSError, ValueError) as error:
        sys.stderr.write(f"parlour-verify: {error}\n")
        return 2
    sys.stdout.write(f"{text}\n")
    return code


def compare_checkpoint(note: Path, trusted: tuple[PublicKey, ...], known: KnownTree | None) -> tuple[str, int]:
    """Verifies a checkpoint's signature and, with `known`, that one tree continues the other; the text to print and the exit code."""
    found = read_checkpoint(note, trusted, "note")
    text = f"signed: {found.origin}, {found.size} heads"
    if known is None:
        return text, 0
    problem, missing = known.problem(found, None)
    if problem:
        return f"CONTRADICTION: {problem}", 1
    if missing:
        return f"{text}; NOT COMPARED: missing is {missing}", NOT_COMPARED
    return f"{text}, of one history with the kept checkpoint of {known.checkpoint.size} heads", 0


if __name__ == "__main__":
    sys.exit(main())
