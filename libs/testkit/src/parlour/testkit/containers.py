"""docker-compose.yml on the engine that is here: Docker with its compose, or podman with podman-compose.

Where an engine can't fetch an image (no registry within reach), a stand-in of the same name is built from `stand-ins`: the same programs at
the same paths from other packages. Our own image is always built from our own Dockerfile.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PULL_WITHIN_S = 120
BUILD_WITHIN_S = 1800
VERB_WITHIN_S = 300
TOOLCHAIN = "/toolchain"
UV = str(Path(sys.executable).with_name("uv"))
DOCKER_COMPOSE = ("docker", "compose")
PODMAN_COMPOSE = (UV, "tool", "run", "--quiet", "podman-compose", "--in-pod", "false")


class NoEngine(Exception):
    """No container engine works here; says what was tried."""


class Compose:
    """One project of one checkout. `environment` holds what the compose file asks for; `files` may grow between two starts."""

    def __init__(self, root: Path, project: str, environment: Mapping[str, str]) -> None:
        self.root = root
        self.files = ["docker-compose.yml"]
        self.project = project
        self.environment = {**os.environ, **environment, "COMPOSE_PROJECT_NAME": project}
        self.engine = engine()
        self._compose = DOCKER_COMPOSE if self.engine == "docker" else PODMAN_COMPOSE

    def bases(self, stand_ins: Path) -> list[str]:
        """Gets every image that is not ours; the names of those that a stand-in was built for."""
        return [
            image for image in foreign_images(self.root) if not self._have(image) and self._stand_in(image, stand_ins)
        ]

    def build(self) -> None:
        """Our image. With podman by its own hand, since podman-compose takes a failed build for a good one."""
        toolchain = self._run("rustc", "--print", "sysroot").strip() if self._lacks_rust() else ""
        mounted = ("-v", f"{toolchain}:{TOOLCHAIN}:ro") if toolchain else ()
        options = ("--format", "docker", "--pull=never", *mounted) if self.engine == "podman" else ()
        self._run(
            self.engine, "build", "--network", "host", *options, "-t", "parlour", "-f", "deploy/docker/Dockerfile", ".",
            within_s=BUILD_WITHIN_S,
        )  # fmt: skip

    def verb(self, *arguments: str, within_s: float = VERB_WITHIN_S) -> str:
        """`docker compose …`; what it printed."""
        files = [part for file in self.files for part in ("-f", file)]
        return self._run(*self._compose, *files, *arguments, within_s=within_s)

    def tool(self, *arguments: str) -> str:
        """The command line in a container of its own; what it printed."""
        return self.verb("--profile", "tools", "run", "--rm", "--no-deps", "cli", *arguments)

    def start(self, *profiles: str) -> None:
        """Everything but the profiles' that are not named, in the background.

        podman 4 starts no container that requires one which requires another (it finds the last "not in the input list"), so there all
        start at once, and whoever comes too early is restarted.
        """
        chosen = [part for profile in profiles for part in ("--profile", profile)]
        self.verb(*chosen, "up", "-d", "--no-build" if self.engine == "docker" else "--no-deps")

    def end(self) -> None:
        """Containers, networks and volumes go."""
        self.verb("--profile", "tools", "--profile", "turn", "down", "-v")

    def healthy(self, service: str) -> bool:
        """Whether the service's own check passes now."""
        name = self._container(service)
        if not name:
            return False
        check = (
            "sh",
            "-c",
            "python -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:9100/readyz', timeout=2)\"",
        )
        return subprocess.run([self.engine, "exec", name, *check], capture_output=True, timeout=30).returncode == 0

    def logs(self, service: str) -> str:
        """The last words of a service."""
        name = self._container(service)
        return self._run(self.engine, "logs", "--tail", "40", name) if name else "no container"

    def _container(self, service: str) -> str:
        project = "com.docker.compose.project" if self.engine == "docker" else "io.podman.compose.project"
        chosen = (
            "--filter",
            f"label={project}={self.project}",
            "--filter",
            f"label=com.docker.compose.service={service}",
        )
        return next(iter(self._run(self.engine, "ps", "-q", *chosen).split()), "")

    def _have(self, image: str) -> bool:
        if _works(self.engine, "image", "inspect", image):
            return True
        return _works(self.engine, "pull", "-q", image, within_s=PULL_WITHIN_S)

    def _stand_in(self, image: str, stand_ins: Path) -> bool:
        kind = image.rpartition("/")[2].partition(":")[0]
        if not _works(self.engine, "image", "inspect", "localhost/parlour-test/base"):
            self._run("sh", str(stand_ins / "base.sh"), self.engine, within_s=BUILD_WITHIN_S)
        options = ("--format", "docker", "--pull=never") if self.engine == "podman" else ()
        self._run(
            self.engine, "build", "--network", "host", *options, "-t", image,
            "-f", str(stand_ins / f"{kind}.Dockerfile"), str(stand_ins), within_s=BUILD_WITHIN_S,
        )  # fmt: skip
        return True

    def _lacks_rust(self) -> bool:
        """The stand-in for the Rust image takes the toolchain from this machine."""
        image = next(image for image in foreign_images(self.root) if "/rust:" in image)
        return TOOLCHAIN in self._run(self.engine, "image", "inspect", image)

    def _run(self, *command: str, within_s: float = VERB_WITHIN_S) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=within_s, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout


def engine() -> str:
    """`docker` or `podman`, whichever answers. `NoEngine` where neither does."""
    for name in ("docker", "podman"):
        if shutil.which(name) and _works(name, "info", within_s=VERB_WITHIN_S):
            return name
    raise NoEngine("neither `docker info` nor `podman info` works here")


def foreign_images(root: Path) -> Sequence[str]:
    """What the Dockerfile and docker-compose.yml take from elsewhere, by full name."""
    built = re.findall(r"^ARG \w+_IMAGE=(\S+)", (root / "deploy/docker/Dockerfile").read_text(), re.MULTILINE)
    run = re.findall(r"^    image: (\S+)", (root / "docker-compose.yml").read_text(), re.MULTILINE)
    names = (name for name in (*built, *run) if name != "parlour")
    return tuple(dict.fromkeys(f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}" for name in names))


def _works(*command: str, within_s: float = 30) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=within_s, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
