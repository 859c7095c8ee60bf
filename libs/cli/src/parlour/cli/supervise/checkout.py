"""Where the suite's own files are: the workspace that this package is installed from."""

import os
from pathlib import Path

from ..failures import Unusable

ROOT = Path(__file__).resolve().parents[6]
"""The workspace's top folder, from which members are installed editable."""

MIGRATIONS = Path(os.environ.get("PARLOUR_MIGRATIONS") or ROOT / "migrations")
"""The schema's migrations; the image, which is no checkout, says where they are."""

SERVICES = ("auth", "room", "registry", "relay", "im", "record", "gateway")


def require_checkout() -> None:
    """Raises `Unusable` where this command is installed from a wheel: services and migrations are in the checkout only."""
    if not (ROOT / "services").is_dir():
        raise Unusable(
            "`parlour up` runs the services of a checkout, and this command is installed without one. Run `make up` in a checkout, "
            "or name the NATS server of a running suite in PARLOUR_NATS_URL for the other commands."
        )
