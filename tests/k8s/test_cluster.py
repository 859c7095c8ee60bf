"""deploy/k8s on a real cluster: installed by the how-to's own steps, called through by two browsers while everything is replaced under the
call, and removed. Results in bench/results/k8s.json.

The cluster is the one that KUBECONFIG names; its nodes have the images of the overlay `dev`, and this machine routes to its Services.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from parlour.testkit.benchmarks.machine import facts
from parlour.testkit.browser.chromium import chromium
from parlour.testkit.faults.call import Call
from parlour.testkit.kubernetes import Installation

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench/results/k8s.json"
ROOM = "cluster"
SETTLE_S = 60
WATCHED_S = 10.0
"""How long the picture is watched after a step's end: a client that lost its connection is back by then, or `still_up` fails."""
pytestmark = [
    pytest.mark.skipif(not os.environ.get("PARLOUR_K8S"), reason="only by `make k8s-test`: it wants a cluster"),
    pytest.mark.timeout(3600),
]


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    one = Installation(ROOT, "dev")
    one.install()
    yield one
    one.uninstall()


@pytest.fixture(scope="module")
def app(installed: Installation) -> int:
    return int(json.loads(installed.tool("apps", "create", "--name", "first", "--json"))["app"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def call(installed: Installation, app: int) -> AsyncIterator[Call]:
    url = installed.gateway()
    tokens = {user: installed.tool("token", "--app", str(app), "--user", user).split()[-1] for user in ("ann", "bob")}
    async with chromium(extra=(f"--unsafely-treat-insecure-origin-as-secure={url}",)) as browser:
        yield await Call.begin(browser, [url], app, ROOM, tokens)


def rolled(installed: Installation, *workloads: str) -> None:
    for workload in workloads:
        installed.kubectl("rollout", "restart", workload)
        installed.kubectl("rollout", "status", workload, "--timeout=300s")


def killed(installed: Installation, component: str) -> None:
    """One pod of a component is gone without a word, and another is ready in its place."""
    chosen = ("-l", f"app.kubernetes.io/component={component}", "-o", "name")
    pod = installed.kubectl("get", "pods", *chosen).split()[0]
    installed.kubectl("delete", pod, "--grace-period=0", "--force")
    installed.ready()


def scaled(installed: Installation, replicas: int, *deployments: str) -> None:
    installed.kubectl("scale", *(f"deployment/{name}" for name in deployments), f"--replicas={replicas}")
    installed.ready()


STEPS: dict[str, Callable[[Installation], None]] = {
    "nothing": lambda installed: installed.ready(),
    "roll gateway": lambda i: rolled(i, "deployment/gateway"),
    "roll auth, room, registry, im": lambda i: rolled(
        i, *(f"deployment/{s}" for s in ("auth", "room", "registry", "im"))
    ),
    "roll record": lambda i: rolled(i, "statefulset/record"),
    "roll the relays, one after the other": lambda i: rolled(i, "deployment/relay-a", "deployment/relay-b"),
    "kill a gateway": lambda i: killed(i, "gateway"),
    "kill a room": lambda i: killed(i, "room"),
    "kill a registry": lambda i: killed(i, "registry"),
    "scale out to 3": lambda i: scaled(i, 3, "auth", "room", "registry", "im", "gateway"),
    "scale in to 2": lambda i: scaled(i, 2, "auth", "room", "registry", "im", "gateway"),
    "restart NATS": lambda i: rolled(i, "statefulset/nats"),
    "restart Postgres": lambda i: rolled(i, "statefulset/postgres"),
}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_call_goes_on_while_everything_is_replaced(installed: Installation, app: int, call: Call) -> None:
    stillness: dict[str, float] = {}
    for name, step in STEPS.items():
        await call.anew()
        await asyncio.to_thread(step, installed)
        await call.until_connected(SETTLE_S)
        await asyncio.sleep(WATCHED_S)
        await call.still_up()
        stillness[name] = round(await call.stillness_s(), 3)
        print(f"{name}: {stillness[name]} s")
    RESULTS.write_text(json.dumps({"machine": facts(), "longest_stillness_s": stillness}, indent=2) + "\n")
    events = [json.loads(line) for line in installed.tool("events", ROOM, "--app", str(app), "--json").splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds.count("room.user_joined.v1") == 2
    assert "room.user_left.v1" not in kinds
