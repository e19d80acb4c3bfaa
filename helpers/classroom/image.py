"""The learners' image: deploy/Dockerfile, built with the course's own builder."""

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
    """Options for building ROOT: the Dockerfile, and this machine's settings for apt and pip."""
    found = host_secrets.host_secrets((host_secrets.PIP, host_secrets.TRUST))
    secrets = aptsecrets.secrets(catalogue.SUITE) | {each: secret.value for each, secret in found.items()}
    return {"dockerfile": "deploy/Dockerfile", "network": standins.NETWORK, "secrets": secrets, "context_limit": None}


def make(engine: Engine, name: str, report: Callable[[str], None]) -> str:
    """Build the image as NAME:latest; returns that tag. Raises Unsupported without BuildKit, and `build`'s errors."""
    if "buildkit" not in engine.builders:
        raise Unsupported("A class cannot be opened on this engine.", why=f"{engine.describe()} has no BuildKit.",
                          remedy="Use a Docker Engine on this machine: run `make engine` as root, or set DOCKER_HOST.")
    report("Building the learners' image (a few minutes the first time) ...")
    tag = f"{name}:latest"
    build(ROOT, tag=tag, builder="buildkit", labels=labels.marked(labels.CLASS), engine=engine, report=report,
          **options())
    return tag
