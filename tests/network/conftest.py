"""Two machines on one. Without root or TUN devices these tests are skipped, with the reason."""

import pytest

from parlour.testkit.network.namespaces import missing


@pytest.fixture(scope="session", autouse=True)
def namespaces() -> None:
    """Skips what can't be tried here."""
    if reason := missing():
        pytest.skip(reason)
