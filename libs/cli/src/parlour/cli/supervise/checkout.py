"""Where the suite's own files are: the workspace that this package is installed from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[6]
"""The workspace's top folder; members are installed editable, in the image too."""

MIGRATIONS = ROOT / "migrations"

SERVICES = ("auth", "room", "registry", "relay", "im", "record", "gateway")
