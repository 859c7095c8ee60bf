"""The manifests of deploy/k8s: rendered by kubectl, and applied to the cluster that KUBECONFIG names."""

import shutil
import subprocess
from pathlib import Path

NAMESPACE = "parlour"
VERB_WITHIN_S = 600
KUBECTL = shutil.which("kubectl")


def render(overlay: Path) -> str:
    """Returns the overlay's manifests as `kubectl apply -k` would send them. RuntimeError with what kubectl said."""
    return _run("kubectl", "kustomize", str(overlay))


class Installation:
    """One installation in the namespace `parlour` of a cluster."""

    def __init__(self, root: Path, overlay: str) -> None:
        self.root = root
        self.overlay = root / "deploy/k8s/overlays" / overlay

    def install(self) -> None:
        """Draws secrets, applies the overlay and returns when everything is ready."""
        secrets = _run("sh", str(self.root / "deploy/k8s/secrets.sh"))
        self.kubectl("create", "-f", "-", stdin=secrets)
        self.kubectl("apply", "-k", str(self.overlay))
        self.kubectl("wait", "--for=condition=complete", "job/migrate", f"--timeout={VERB_WITHIN_S}s")
        self.ready()

    def ready(self) -> None:
        """Returns when every Deployment and StatefulSet has all its replicas ready, new ones alone."""
        for workload in self.kubectl("get", "deployments,statefulsets", "-o", "name").split():
            self.kubectl("rollout", "status", workload, f"--timeout={VERB_WITHIN_S}s")

    def tool(self, *arguments: str) -> str:
        """Runs the command line in its pod and returns what it printed."""
        return self.kubectl("exec", "deploy/cli", "--", "parlour", *arguments)

    def gateway(self) -> str:
        """Returns the address of the gateways' Service, as machines that route to Services reach it."""
        return "http://" + self.kubectl("get", "service", "gateway", "-o", "jsonpath={.spec.clusterIP}")

    def uninstall(self) -> None:
        """Deletes the namespace and all that is in it."""
        _run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Returns what kubectl printed; RuntimeError with both outputs where it failed."""
        return _run("kubectl", "--namespace", NAMESPACE, *arguments, stdin=stdin)


def _run(*command: str, stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=VERB_WITHIN_S + 30, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout
