"""The image of the sandboxes: Debian 12 with what a Binder pod has.

It is built once and kept in the engine: Python, Podman, PRoot, the course's dependencies in a virtual environment, a
user with id 1000, and, like after `.binder/postBuild`, a kit with the bases of the first lessons. The course is copied
into each sandbox, so that a change of code needs no new image.
"""

import contextlib
import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from docker.errors import APIError

from helpers import labels
from helpers.bases import aptsecrets, catalogue, save, standins
from helpers.builder import build, ensure_bases
from helpers.builder.host_secrets import host_secrets
from helpers.engine import Engine
from helpers.engine.proot import fetching

ROOT = Path(__file__).parents[2]
NAME = "course-sandbox"
KIT = "/opt/bases"          # the kit in a sandbox
VENV = "/opt/venv"
USER = "jovyan"             # as in Jupyter's images
NEEDED = catalogue.FIRST    # what lessons 00, 01, 02 and 06 build on

# As apt installs them: Podman 4.3, Buildah in it, crun, and the two helpers that
# rootless Podman looks for (uidmap, fuse-overlayfs). A pod can use neither of those.
_PACKAGES = ("ca-certificates", "crun", "fuse-overlayfs", "git", "make", "podman", "procps",
             "python3-venv", "uidmap")
_DOCKERFILE = """\
FROM debian:bookworm-slim
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \\
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \\
    install_packages {packages}
RUN useradd --uid 1000 --create-home {user}
COPY requirements.txt /tmp/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=trust \\
    python3 -m venv {venv} && {venv}/bin/pip install --no-cache-dir --quiet -r /tmp/requirements.txt
COPY --chown=1000:1000 kit {kit}
COPY proot /opt/proot
ENV PATH={venv}/bin:$PATH MULTISTAGE_PROOT=/opt/proot MULTISTAGE_KIT={kit}
USER {user}
WORKDIR /home/{user}
"""


def image(engine: Engine, report: Callable[[str], None] = print, needed: Sequence[str] = NEEDED) -> str:
    """The name of the image with the bases `needed` in its kit, built in some minutes unless the engine has it. The name
    has a digest of dependencies and bases. Raises CourseError."""
    bases = ensure_bases(engine, needed, report=report)
    ids = [engine.client.api.inspect_image(base.name)["Id"] for base in bases]
    text = _DOCKERFILE.format(packages=" ".join(_PACKAGES), user=USER, venv=VENV, kit=KIT)
    digest = hashlib.sha256(repr((text, requirements(), ids)).encode()).hexdigest()[:12]
    name = f"{NAME}-{len(needed)}:{digest}"
    if engine.client.api.images(name):
        return name
    with tempfile.TemporaryDirectory(prefix="course-sandbox-") as folder:
        context = Path(folder)
        (context / "requirements.txt").write_text("\n".join(requirements()))
        shutil.copy(standins.FOLDER / "install_packages", context)
        # Debian 12's PRoot is too old for Go.
        fetching.fetch(report, context / "proot")
        for base in bases:
            save(engine, base, context / "kit", report)
        build(context, text=text, tag=name, context_limit=None, network=standins.NETWORK,
              secrets=_secrets(), engine=engine, report=report, labels={labels.COURSE: "tests"})    # cleaning leaves it
    _remove_others(engine, name)
    return name


def _secrets() -> dict[str, bytes]:
    """This machine's settings of apt and pip."""
    lent = host_secrets(("pip.conf", "trust"))
    return aptsecrets.secrets(catalogue.SUITE) | {name: each.value for name, each in lent.items()}


def _remove_others(engine: Engine, name: str) -> None:
    """Remove images with other dependencies or bases, which are some gigabytes each."""
    api = engine.client.api
    for other in {tag for image in api.images(name.partition(":")[0]) for tag in image["RepoTags"] or ()} - {name}:
        with contextlib.suppress(APIError):   # in use by a sandbox of another run
            api.remove_image(other)


def requirements() -> list[str]:
    """The course's dependencies and pytest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], "pytest>=8"]
