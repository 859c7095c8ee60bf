"""Fan-out over WebSocket: CPU of the gateway a delivery beside a bare picows loop, memory of an idle subscriber, a storm of resumes.

    python bench/fanout/run.py [--rounds 3] [--keep]

Needs Go. The gateway is one of a whole suite; subscribers are users logged in to a room, messages are barrage through the record. The
bare loop sends the same bytes to as many sockets and does nothing else. Rounds alternate.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parlour.cli.embedded.launch import free_port
from parlour.testkit.benchmarks.machine import keep
from parlour.testkit.suite import Suite, running_suite

HERE = Path(__file__).parent
SUBSCRIBERS = 1000
RATES = "20,50"
STORM, STORM_ROOMS = 5000, 50
GOALS = {"cpu_us_per_delivery": 10.0, "kb_each_above_bare": 20.0, "all_live_s": 10.0}
UNLIMITED = {
    "PARLOUR_IM_BARRAGE_ROOM_PER_S": "1000", "PARLOUR_GATEWAY_MAX_CONNECTIONS": "20000", "PARLOUR_GATEWAY_READERS": "20000",
    "PARLOUR_GATEWAY_READERS_PER_TOKEN": "20000", "PARLOUR_GATEWAY_READS_PER_S": "20000", "PARLOUR_GATEWAY_READS_BURST": "20000",
    "PARLOUR_GATEWAY_READERS_PER_APP": "20000", "PARLOUR_GATEWAY_READS_PER_S_PER_APP": "20000",
    "PARLOUR_GATEWAY_READS_BURST_PER_APP": "20000",
}  # fmt: skip

Row = dict[str, Any]


def built(folder: Path) -> Path:
    """The generator."""
    target = folder / "fanout"
    subprocess.run(["go", "build", "-o", target, "."], cwd=HERE / "loadgen", check=True)
    return target


def load(generator: Path, target: str, url: str, pid: int, *options: str, token: str = "") -> list[Row]:
    """One run of the generator; what it measured."""
    command = [str(generator), "-target", target, "-url", url, "-pid", str(pid), *options]
    variables = os.environ | ({"PARLOUR_TOKEN": token} if token else {})
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def bare() -> Iterator[tuple[str, int]]:
    """The floor's address and pid."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(HERE / "bare.py"), str(port)])
    try:
        until_open(port)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def until_open(port: int) -> None:
    """Waits for the other process to listen."""
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < end, "it does not listen"
        time.sleep(0.05)


def gateway_pid(suite: Suite) -> int:
    """Of the suite's only gateway."""
    return next(int(one["pid"]) for one in suite.status()["services"] if one["name"] == "gateway")


def fans(generator: Path, rounds: int) -> Row:
    """Rounds of both, in turn; a fresh process each time."""
    found: dict[str, list[Row]] = {"parlour": [], "bare": []}
    common = ("-conns", str(SUBSCRIBERS), "-rates", RATES)
    for _ in range(rounds):
        with bare() as (url, pid):
            found["bare"] += load(generator, "bare", url, pid, *common)
        with running_suite(UNLIMITED) as suite:
            found["parlour"] += load(generator, "parlour", suite.url, gateway_pid(suite), *common)
    rates = {row["rate"] for row in found["bare"] if row["what"] == "fan"}
    table: Row = {}
    for rate in sorted(rates):
        table[f"{rate:g}_per_s"] = {name: medians(rows, rate) for name, rows in found.items()}
    ratio = [
        round(both["parlour"]["cpu_us_per_delivery"] / both["bare"]["cpu_us_per_delivery"], 2)
        for both in table.values()
    ]
    return {"subscribers": SUBSCRIBERS, "by_rate": table, "ratio_to_bare": ratio, "rounds": rounds}


def outside(generator: Path) -> Row:
    """The same by readers outside, who follow over the WebSocket by a token and are nobody in the room: one round, and the storm."""
    common = ("-conns", str(SUBSCRIBERS), "-rates", RATES)
    many = ("-conns", str(STORM), "-rooms", str(STORM_ROOMS), "-storm")
    with running_suite(UNLIMITED) as suite:
        rows = load(generator, "readers", suite.url, gateway_pid(suite), *common, token=anywhere(suite))
    with running_suite(UNLIMITED) as suite:
        stormy = load(generator, "readers", suite.url, gateway_pid(suite), *many, token=anywhere(suite))
    rates = sorted(row["rate"] for row in rows if row["what"] == "fan")
    return {
        "by_rate": {f"{rate:g}_per_s": medians(rows, rate) for rate in rates},
        "kb_each": round(stormy[0]["kb_each"], 1),
        **{name: round(stormy[-1][name], 2) for name in ("half_live_s", "all_live_s", "cpu_us_each")},
    }


def anywhere(suite: Suite) -> str:
    """A token for the events of any room."""
    return suite.run("token", "--subscribe", "--scope", "events").stdout.strip()


def medians(rows: list[Row], rate: float) -> Row:
    """Of one server at one rate."""
    chosen = [row for row in rows if row["what"] == "fan" and row["rate"] == rate]
    names = ("cpu_us_per_delivery", "delivered_per_s", "age_ms_p50", "age_ms_p99", "cpu", "generator_cpu")
    return {name: round(statistics.median(row[name] for row in chosen), 2) for name in names}


def storm(generator: Path) -> Row:
    """5,000 connections: their memory, then all dropped at once; what Postgres had to do with it."""
    with bare() as (url, pid):
        floor = load(generator, "bare", url, pid, "-conns", str(STORM))[0]
    with running_suite(UNLIMITED) as suite:
        pid = gateway_pid(suite)
        options = ("-conns", str(STORM), "-rooms", str(STORM_ROOMS))
        rows = load(generator, "parlour", suite.url, pid, *options, "-storm")
        connected = rows[0]
    return {
        "connections": STORM,
        "rooms": STORM_ROOMS,
        "kb_each": round(connected["kb_each"], 1),
        "kb_each_bare": round(floor["kb_each"], 1),
        "kb_each_above_bare": round(connected["kb_each"] - floor["kb_each"], 1),
        **{name: round(rows[-1][name], 2) for name in ("half_live_s", "all_live_s", "cpu_us_each")},
    }


def main() -> int:
    """Measures, prints, and keeps the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="write bench/results/fanout.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parlour-bench-") as folder:
        generator = built(Path(folder))
        result: Row = {"goals": GOALS, "fan_out": fans(generator, chosen.rounds), "storm": storm(generator)}
        result["readers_outside"] = outside(generator)
    result["load_after"] = round(os.getloadavg()[0], 2)
    print(json.dumps(result, indent=2))
    if chosen.keep:
        print(keep("fanout", result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
