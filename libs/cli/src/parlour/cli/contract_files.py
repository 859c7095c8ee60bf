"""Writes the files that are generated from the contracts: `python -m parlour.cli.contract_files ROOT` puts them below a checkout."""

import sys
from pathlib import Path

from parlour.contracts.described.files import contents

if __name__ == "__main__":
    for path, content in contents().items():
        Path(sys.argv[1], path).write_bytes(content)
