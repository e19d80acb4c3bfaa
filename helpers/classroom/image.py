"""The image of the learners' sessions: deploy/Dockerfile, built by the course's own builder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import labels
from ..bases import aptsecrets, catalogue, standins
from ..builder import build, host_secrets
from ..engine import Engine
from ..errors import Unsupported

ROOT = Path(__file__).resolve().parents[2]


def options() -> dict[str, Any]:
    """Options of the build of ROOT: its Dockerfile, and this machine's way to Debian's packages and to PyPI."""
    found = host_secrets.host_secrets((host_secrets.PIP, host_secrets.TRUST))
    secrets = aptsecrets.secrets(catalogue.SUITE) | {each: secret.value for each, secret in found.items()}
    return {"dockerfile": "deploy/Dockerfile", "network": standins.NETWORK, "secrets": secrets, "context_limit": None}


def make(engine: Engine, name: str, report: Callable[[str], None]) -> str:
    """Build the image under that name; its tag. Raises Unsupported without BuildKit, and the errors of `build`."""
    if "buildkit" not in engine.builders:
        raise Unsupported("A class cannot be opened on this engine.", why=f"{engine.describe()} has no BuildKit.",
                          remedy="Use a Docker Engine of this machine: `make engine` as root, or DOCKER_HOST.")
    report("Building the learners' image (some minutes the first time) ...")
    tag = f"{name}:latest"
    build(ROOT, tag=tag, builder="buildkit", labels=labels.marked(labels.CLASS), engine=engine, report=report,
          **options())
    return tag
