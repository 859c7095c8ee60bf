"""A whole service process: ready, healthy, counted, stopped, and what it says when it can't start."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parlour.cli.embedded.nats import NatsServer

SERVICE = """
from contextlib import asynccontextmanager
import asyncio, os
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.telemetry.metrics import Metrics
from parlour.runtime.process.run import Service, run
from parlour.runtime.settings import BusSettings

class KioskSettings(BusSettings, frozen=True, kw_only=True):
    SERVICE = "kiosk"

@asynccontextmanager
async def build(settings):
    metrics = Metrics("kiosk")
    async with await Bus.connect(settings, "kiosk", metrics) as bus, asyncio.TaskGroup() as group:
        async def fail():
            while not os.path.exists(os.environ["FAIL"]):
                await asyncio.sleep(0.01)
            raise ZeroDivisionError
        task = group.create_task(fail())
        yield Service(metrics, {"bus": lambda: bus.connected, "door": lambda: not os.path.exists(os.environ["DOOR"])})
        if os.environ.get("SLOW"):
            await asyncio.sleep(60)
        task.cancel()

run(build, KioskSettings, "kiosk")
"""
WITHIN_S = 15.0


class Kiosk:
    """The process and what it wrote."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.ready_file = folder / "ready.json"
        self.door, self.fail = folder / "door", folder / "fail"
        script = folder / "kiosk.py"
        script.write_text(SERVICE)
        files = {"PARLOUR_READY_FILE": str(self.ready_file), "DOOR": str(self.door), "FAIL": str(self.fail)}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PARLOUR_")}
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            env=clean | files | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> int:
        """The health port, once it is there."""
        end = time.monotonic() + WITHIN_S
        while not self.ready_file.exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, "not ready"
            time.sleep(0.01)
        told = json.loads(self.ready_file.read_text())
        assert (told["service"], told["pid"]) == ("kiosk", self.process.pid)
        return int(told["health_port"])

    def get(self, port: int, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=WITHIN_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def end(self) -> tuple[int, list[dict[str, object]], str]:
        out, err = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err


Start = Callable[..., Kiosk]


@pytest.fixture
def start(tmp_path: Path, nats_server: NatsServer) -> Iterator[Start]:
    started: list[Kiosk] = []

    def make(**environment: str) -> Kiosk:
        kiosk = Kiosk(tmp_path, **({"PARLOUR_NATS_URL": nats_server.address("test")} | environment))
        started.append(kiosk)
        return kiosk

    yield make
    for kiosk in started:
        if kiosk.process.poll() is None:
            kiosk.process.kill()
            kiosk.process.communicate()


def test_a_service_is_ready_healthy_counted_and_stops_when_asked(start: Start) -> None:
    kiosk = start()
    port = kiosk.ready()
    assert kiosk.get(port, "/healthz")[0] == 200
    status, body = kiosk.get(port, "/readyz")
    assert (status, json.loads(body)) == (200, {"ready": True, "failing": []})
    assert "parlour_bus_connected 1.0" in kiosk.get(port, "/metrics")[1]
    assert "process_cpu_seconds_total" in kiosk.get(port, "/metrics")[1]
    assert kiosk.get(port, "/elsewhere")[0] == 404
    kiosk.door.touch()
    status, body = kiosk.get(port, "/readyz")
    assert (status, json.loads(body)["failing"]) == (503, ["door"])
    kiosk.process.send_signal(signal.SIGTERM)
    code, lines, _ = kiosk.end()
    assert code == 0
    events = [line["event"] for line in lines]
    assert [event for event in events if event in ("ready", "stop_asked", "stopped")] == [
        "ready",
        "stop_asked",
        "stopped",
    ]
    assert all(line["service"] == "kiosk" for line in lines)


def test_a_failed_background_task_ends_the_process(start: Start) -> None:
    kiosk = start()
    kiosk.ready()
    kiosk.fail.touch()
    code, lines, _ = kiosk.end()
    assert code == 1
    assert "ZeroDivisionError" in str(lines[-1])


def test_a_second_signal_does_not_wait(start: Start) -> None:
    kiosk = start(SLOW="1")
    kiosk.ready()
    kiosk.process.send_signal(signal.SIGTERM)
    assert kiosk.process.stdout is not None
    while "stop_asked" not in kiosk.process.stdout.readline():
        pass
    kiosk.process.send_signal(signal.SIGTERM)
    assert kiosk.end()[0] == 128 + signal.SIGTERM


def test_a_signal_while_it_waits_for_its_servers_ends_it(start: Start) -> None:
    kiosk = start(PARLOUR_NATS_URL="nats://127.0.0.1:1")
    assert kiosk.process.stdout is not None
    while "bus_error" not in kiosk.process.stdout.readline():
        pass
    kiosk.process.send_signal(signal.SIGTERM)
    assert kiosk.end()[0] == 0


def test_bad_settings_are_told_together(start: Start) -> None:
    code, lines, err = start(PARLOUR_KIOSK_COLOUR="red", PARLOUR_HEALTH_PORT="x").end()
    assert (code, lines) == (2, [])
    assert "PARLOUR_KIOSK_COLOUR is not a setting of kiosk" in err
    assert "PARLOUR_HEALTH_PORT is 'x' and must be a whole number, 0 to 65535" in err


def test_a_start_costs_well_under_a_second_of_processor(start: Start) -> None:
    kiosk = start()
    kiosk.ready()
    kiosk.process.send_signal(signal.SIGTERM)
    _, lines, _ = kiosk.end()
    (ready,) = [line for line in lines if line["event"] == "ready"]
    assert isinstance(ready["cpu_ms"], int)
    assert ready["cpu_ms"] < 1500, "twice what it takes here, for slower machines"
