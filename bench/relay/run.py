"""Relay CPU per delivered packet and latency, Janus beside it in the same run.

The generator (`loadgen`, Go and pion) publishes synthetic VP8 packets, plays them and reads the relay's CPU time from /proc. Both relays
run in a network namespace of their own, interleaved; printed and kept are medians and the ratio to ours. Needs root, Go, `ip` and Janus
(Debian's package `janus`).

    python bench/relay/run.py [--loads abcde] [--runs 3] [--seconds 8]
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from parlour.testkit.benchmarks.machine import keep
from parlour.testkit.waiting import wait_until

HERE = Path(__file__).parent

ADDRESS = "10.99.0.2"
JANUS_API = "http://127.0.0.1:8088/janus"
PARLOUR = str(Path(sys.executable).with_name("parlour"))
LOADS = {"a": (1, 20, 100), "b": (1, 20, 400), "c": (1, 20, 800), "d": (10, 10, 100), "e": (1, 200, 20)}
"""Publishers, players of each, packets a second of each publisher."""
ONE_USER = {
    "PARLOUR_RELAY_MAX_TRANSPORTS_PER_USER": "4000",
    "PARLOUR_RELAY_MAX_HALF_OPEN_PER_USER": "4000",
    "PARLOUR_GATEWAY_OFFERS_BURST": "4000",
}
"""The generator plays every client with one token."""
FIELDS = {
    "delivered": r"delivered/s=(\S+)",
    "loss": r"loss=(\S+)%",
    "ns": r"ns/pkt=(\S+)",
    "p50": r"p50=(\S+)",
    "p99": r"p99=(\S+)",
}


@contextmanager
def namespace() -> Generator[str]:
    """A network namespace with one veth pair; gone afterwards."""
    name = f"parlour-bench-{os.getpid()}"
    for command in (
        f"ip netns add {name}",
        f"ip -n {name} link set lo up",
        f"ip -n {name} link add veth0 type veth peer name veth1",
        f"ip -n {name} addr add {ADDRESS}/24 dev veth0",
        f"ip -n {name} link set veth0 up",
        f"ip -n {name} link set veth1 up",
    ):
        subprocess.run(command.split(), check=True)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def inside(space: str, *command: str) -> list[str]:
    """The command in the namespace."""
    return ["ip", "netns", "exec", space, *command]


@contextmanager
def janus(space: str, folder: Path) -> Generator[int]:
    """Janus with its video room, ready; its pid."""
    prefix = "/usr/lib/x86_64-linux-gnu" if Path("/usr/lib/x86_64-linux-gnu/janus").is_dir() else "/usr/lib"
    for path in (HERE / "janus").iterdir():
        (folder / path.name).write_text(path.read_text().replace("PREFIX/lib", prefix))
    process = subprocess.Popen(
        inside(space, "janus", "-F", str(folder)), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        wait_until(
            lambda: (
                subprocess.run(
                    inside(space, "curl", "-sf", f"{JANUS_API}/info"), capture_output=True, check=False
                ).returncode
                == 0
            ),
            "janus answers",
            poll_s=0.1,
        )
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def parlour(space: str, state: Path) -> Generator[dict[str, Any]]:
    """Our suite in the namespace: its address, a token and the relay's pid."""
    environment = {**os.environ, "PARLOUR_STATE": str(state), "PARLOUR_RELAY_BIND": ADDRESS, **ONE_USER}

    def run(*arguments: str) -> str:
        return subprocess.run(
            inside(space, PARLOUR, *arguments), env=environment, capture_output=True, text=True, check=True
        ).stdout

    run("up", "--detach", "--port", "0")
    try:
        status = json.loads(run("status", "--json", "--secrets"))
        pid = next(s["pid"] for s in status["services"] if s["name"] == "relay")
        token = run("token", "--app", str(status["app_id"]), "--user", "bench", "--room", "bench").strip()
        yield {"url": status["url"].rstrip("/"), "token": token, "pid": pid}
    finally:
        subprocess.run(inside(space, PARLOUR, "down"), env=environment, check=False, capture_output=True)


def measure(space: str, generator: str, load: str, seconds: int, target: list[str], pid: int) -> dict[str, float]:
    """One run of one load against one relay."""
    publishers, players, rate = LOADS[load]
    command = [generator, *target, "-pid", str(pid), "-bind", ADDRESS, "-pubs", str(publishers), "-subs", str(players)]
    command += ["-pps", str(rate), "-secs", str(seconds), "-warm", "3"]
    done = subprocess.run(inside(space, *command), capture_output=True, text=True, timeout=seconds + 90, check=False)
    line = next((text for text in done.stdout.splitlines() if "ns/pkt" in text), None)
    if line is None:
        raise RuntimeError(f"the generator gave no figure: {(done.stdout + done.stderr)[-400:]}")
    found = {name: re.search(pattern, line) for name, pattern in FIELDS.items()}
    memory = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    row = {name: float(match[1]) for name, match in found.items() if match}
    return row | {"rss_mb": int(memory[1]) / 1024 if memory else 0.0}


def built(folder: Path) -> str:
    """The generator."""
    target = str(folder / "loadgen")
    subprocess.run(["go", "build", "-o", target, "."], cwd=HERE / "loadgen", check=True)
    return target


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Field by field."""
    return {name: round(statistics.median(row[name] for row in rows), 2) for name in rows[0]}


def main() -> int:
    """Runs, prints, keeps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", default="b")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    arguments = parser.parse_args()
    missing = [tool for tool in ("go", "ip", "janus", "curl") if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        print(f"needs root and {', '.join(missing) or 'nothing else'}: apt-get install janus iproute2 curl golang")
        return 2
    result: dict[str, Any] = {"loads": {}, "runs": arguments.runs, "seconds": arguments.seconds}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parlour-bench-")))
        folder.chmod(0o711)
        (folder / "janus").mkdir()
        generator, space = built(folder), stack.enter_context(namespace())
        peer = stack.enter_context(janus(space, folder / "janus"))
        ours = stack.enter_context(parlour(space, folder / "state"))
        targets = {
            "parlour": (["-target", "whip", "-url", ours["url"], "-token", ours["token"]], ours["pid"]),
            "janus": (["-target", "janus", "-url", JANUS_API], peer),
        }
        for load in arguments.loads:
            rows: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
            for _ in range(arguments.runs):
                for name, (target, pid) in targets.items():
                    rows[name].append(measure(space, generator, load, arguments.seconds, target, pid))
            found = {name: medians(runs) for name, runs in rows.items()}
            ratio = round(found["parlour"]["ns"] / found["janus"]["ns"], 3)
            result["loads"][load] = {**found, "cpu_ratio_to_janus": ratio, "samples": rows}
            print(f"load {load}: parlour {found['parlour']}, janus {found['janus']}, CPU ratio {ratio}", flush=True)
    print(f"kept in {keep('relay', result)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
