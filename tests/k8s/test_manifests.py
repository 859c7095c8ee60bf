"""deploy/k8s: each overlay renders, is valid for each Kubernetes that it is for, and gives every pod what the how-to promises."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from parlour.cli import compose_nats
from parlour.runtime.postgres.migrate import ROLES
from parlour.testkit.kubernetes import KUBECTL, render

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "deploy/k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
VERSIONS = ("1.29", "1.31", "1.33", "1.35", "1.37")
NOT_OURS = {"nats", "postgres"}
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


def manifests(overlay: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(render(K8S / "overlays" / overlay)) if one]


def pods(overlay: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Namespace, name and pod of every workload."""
    return [
        (one["metadata"]["namespace"], one["metadata"]["name"], one["spec"]["template"]["spec"])
        for one in manifests(overlay)
        if one["kind"] in {"Deployment", "StatefulSet", "Job"}
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid(overlay: str, version: str, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(render(K8S / "overlays" / overlay))
    validate = Path(sys.executable).with_name("kubernetes-validate")
    done = subprocess.run(
        [validate, "--strict", "-k", version, file], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_keeps_to_the_restricted_profile(overlay: str) -> None:
    """But for the host's port of relays, which that profile forbids."""
    for namespace, name, pod in pods(overlay):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert not pod.get("hostNetwork"), name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert {"requests", "limits"} <= set(container["resources"]), name
            hosts = [port for port in container.get("ports", ()) if "hostPort" in port]
            assert not hosts or namespace == "parlour-media", name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_in_a_manifest_or_in_an_environment(overlay: str) -> None:
    assert not [one for one in manifests(overlay) if one["kind"] == "Secret"]
    for _, name, pod in pods(overlay):
        for container in pod["containers"]:
            for variable in container.get("env", ()):
                assert "secretKeyRef" not in str(variable), (name, variable)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_service_is_probed_and_has_a_budget(overlay: str) -> None:
    budgets = [
        one["spec"]["selector"]["matchLabels"] for one in manifests(overlay) if one["kind"] == "PodDisruptionBudget"
    ]
    for one in manifests(overlay):
        if one["kind"] not in {"Deployment", "StatefulSet"} or one["metadata"]["name"] in {"cli", *NOT_OURS}:
            continue
        name, template = one["metadata"]["name"], one["spec"]["template"]
        probes = {
            kind: template["spec"]["containers"][0][f"{kind}Probe"]["httpGet"]["path"]
            for kind in ("startup", "readiness", "liveness")
        }
        assert probes == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}, name
        labels = template["metadata"]["labels"].items()
        assert [budget for budget in budgets if budget.items() <= labels], name


def test_a_relay_behind_a_node_port_gets_packets_until_it_is_gone() -> None:
    """A Service that left out a relay which drains would cut the calls that it still carries."""
    services = [one["spec"] for one in manifests("node-port") if one["kind"] == "Service" and one["spec"].get("type")]
    assert [one["type"] for one in services] == ["NodePort", "NodePort"]
    for one in services:
        assert one["publishNotReadyAddresses"] is True
        assert one["ports"][0]["port"] == one["ports"][0]["nodePort"], (
            "the relay advertises the port that it is bound to"
        )


def test_secrets_are_those_that_pods_mount() -> None:
    """Every file that a pod of the overlays names is drawn."""
    drawn = list(
        yaml.safe_load_all(
            subprocess.run(["sh", K8S / "secrets.sh"], capture_output=True, text=True, check=True).stdout
        )
    )
    keys = {one["metadata"]["name"]: set(one["stringData"]) for one in drawn if one and one["kind"] == "Secret"}
    for _, name, pod in pods("dev"):
        mounted = {volume["secret"]["secretName"] for volume in pod.get("volumes", ()) if "secret" in volume}
        named = {
            variable["value"].rpartition("/")[2]
            for container in pod["containers"]
            for variable in container.get("env", ())
            if variable["name"].endswith("_FILE")
        }
        assert named <= set().union(*(keys[secret] for secret in mounted)) if mounted else not named, name
    assert keys["migrate"] == {"postgres-dsn", *(f"postgres-password-{role}" for role in ROLES)}


def test_the_configuration_of_nats_is_the_current_one() -> None:
    written = (K8S / "components/plain-databases/nats.conf").read_text()
    assert written == compose_nats.settings(cluster=True)
