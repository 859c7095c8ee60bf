"""The file by which Prometheus finds the services of one machine."""

from parlour.cli.supervise.scrape_targets import scrape_targets
from parlour.cli.supervise.state import ProcessStatus


def test_each_service_is_a_target_with_its_name_and_the_servers_are_none() -> None:
    processes = [
        ProcessStatus("room-2", 7, "ready", 0, "room-2.log", "http://127.0.0.1:4711/metrics"),
        ProcessStatus("nats", 8, "ready", 0, "nats.log"),
    ]
    (target,) = scrape_targets(processes)
    assert target.targets == ("127.0.0.1:4711",)
    assert target.labels == {"service": "room", "instance": "room-2"}
