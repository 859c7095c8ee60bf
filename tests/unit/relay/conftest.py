"""The relay's tests share the fixtures' offers by file: tests are no packages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
