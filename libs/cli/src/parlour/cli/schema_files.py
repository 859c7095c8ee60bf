"""The JSON Schemas of the event types as files: `python -m parlour.cli.schema_files FOLDER`."""

import sys
from pathlib import Path

from parlour.contracts import events
from parlour.contracts.described.schemas import file_of


def write(folder: Path) -> None:
    """Writes one file for each event type."""
    folder.mkdir(parents=True, exist_ok=True)
    for tag in events.BY_TAG:
        (folder / f"{tag}.json").write_bytes(file_of(tag))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
