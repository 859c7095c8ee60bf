"""The steps that `parlour-verify` and `parlour audit` share: reading keys and files, verifying, and the text of the result."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from parlour.contracts.proofs import Consistency

from .checkpoint_keeper import CheckpointKeeper, Contradiction, Unreachable
from .known_tree import KnownTree
from .layout import LINE_BYTES
from .notes import BadNote, Checkpoint, PublicKey, open_note, parse_checkpoint, parse_keys
from .verdict import Verdict, exit_code, verdict_text
from .verifier import verify_export

CONTRADICTION, UNREACHABLE = 1, 3
"""Exit codes of a look at a server's checkpoint."""
ALARM_TIMEOUT_S = 60.0


class BadArgument(ValueError):
    """An option's value can't be used; `option` names it."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text)
        self.option = option


def read_keys(given: Sequence[str]) -> tuple[PublicKey, ...]:
    """Reads the values of `--key`: each a public key or a file of keys. `BadArgument` where one is neither."""
    try:
        return parse_keys("\n".join(Path(text).read_text() if Path(text).is_file() else text for text in given))
    except (BadNote, OSError, UnicodeDecodeError) as error:
        raise BadArgument("--key", str(error)) from None


def read_checkpoint(file: Path, trusted: tuple[PublicKey, ...], option: str = "--checkpoint") -> Checkpoint:
    """Reads a checkpoint that a trusted key signed. `BadArgument` for any other file; `option` is where the file was named."""
    if not trusted:
        raise BadArgument(option, "its signature is checked with --key, which is not given")
    try:
        return parse_checkpoint(open_note(file.read_text(), trusted))
    except (BadNote, OSError, UnicodeDecodeError) as error:
        raise BadArgument(option, str(error)) from None


def read_known_tree(file: Path | None, trusted: tuple[PublicKey, ...], proofs: Sequence[Path]) -> KnownTree | None:
    """Reads the auditor's own checkpoint and the consistency proofs beside it. `BadArgument` where one of them is malformed."""
    if file is None:
        return None
    checkpoint = read_checkpoint(file, trusted)
    try:
        found = tuple(msgspec.json.decode(proof.read_bytes(), type=Consistency) for proof in proofs)
    except (msgspec.DecodeError, OSError) as error:
        raise BadArgument("--consistency", f"it is not a consistency proof: {error}") from None
    return KnownTree(checkpoint, found)


def verify_file(file: Path, trusted: tuple[PublicKey, ...], known: KnownTree | None) -> Verdict:
    """Verifies an export or an archive, line by line. OSError where the file can't be read."""
    with open(file, "rb", buffering=1 << 20) as lines:
        return verify_export(iter(lambda: lines.readline(LINE_BYTES + 1), b""), trusted, known=known)


def report(verdict: Verdict, *, keyed: bool, unsigned_ok: bool, as_json: bool) -> tuple[str, int]:
    """The text to print and the exit code. In JSON `ok` is true exactly where the exit code is 0."""
    code = exit_code(verdict, unsigned_ok=unsigned_ok)
    if not as_json:
        return verdict_text(verdict, keyed=keyed), code
    found = {**msgspec.to_builtins(verdict), "ok": code == 0, "whole": verdict.whole}
    return msgspec.json.encode(found).decode(), code


def check_server(keeper: CheckpointKeeper, alarm: str = "") -> int:
    """Fetches and keeps a server's checkpoint once, prints the result, and returns the exit code.

    Where the checkpoint contradicts the one before, the command `alarm` is run with the sentence as its last argument.
    """
    try:
        sys.stdout.write(f"{keeper.fetch()}\n")
    except Contradiction as error:
        sys.stderr.write(f"CONTRADICTION: {error}\n")
        _run_alarm(alarm, str(error))
        return CONTRADICTION
    except Unreachable as error:
        sys.stderr.write(f"not known: {error}\n")
        return UNREACHABLE
    except (BadNote, OSError) as error:
        sys.stderr.write(f"not known: the folder can't be used: {error}\n")
        return UNREACHABLE
    finally:
        sys.stdout.flush()
    return 0


def _run_alarm(command: str, sentence: str) -> None:
    if not command:
        return
    try:
        subprocess.run([*shlex.split(command), sentence], check=False, timeout=ALARM_TIMEOUT_S)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"the command of --alarm did not run: {error}\n")
