"""Where Prometheus finds the services of this machine: its file-based discovery reads `metrics-targets.json` of the state folder.

Ports are drawn at each start of the suite and stay for as long as it runs, also when a service is started again.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from .state import ProcessStatus


class TargetGroup(msgspec.Struct, frozen=True):
    """Targets with the labels of all their series, in the form of Prometheus' `file_sd_configs`."""

    targets: tuple[str, ...]
    labels: dict[str, str]


def scrape_targets(services: Iterable[ProcessStatus]) -> list[TargetGroup]:
    """Returns each replica as a target. `instance` is its name, such as `room-2`; `service` is `room`."""
    return [
        TargetGroup((urlsplit(one.metrics).netloc,), {"service": one.name.partition("-")[0], "instance": one.name})
        for one in services
        if one.metrics
    ]
