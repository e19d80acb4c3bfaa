"""The image of the sandboxes: what a Binder pod has, on Debian 12.

Built once and kept in the engine: Debian with Python, Podman and what Podman needs; PRoot;
the course's dependencies in a virtual environment, a user with id 1000, and the bases of
the first lessons as `.binder/postBuild` leaves them: in a kit. The course itself is not in it: a
sandbox gets the working tree when it starts, so that the image outlives a change of code.
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
KIT = "/opt/bases"          # where the kit lies in a sandbox
VENV = "/opt/venv"
USER = "jovyan"             # as in every image of Jupyter's
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
    """Name of the sandboxes' image with the bases `needed` in its kit, made if it is not in `engine` yet (some
    minutes).

    The name holds a digest of what it is made of: other dependencies or bases are
    another image. Raises CourseError.
    """
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
        # Debian 12's own PRoot is too old for Go: the newest, with the C library that it needs.
        fetching.fetch(report, context / "proot")
        for base in bases:
            save(engine, base, context / "kit", report)
        build(context, text=text, tag=name, context_limit=None, network=standins.NETWORK,
              secrets=_secrets(), engine=engine, report=report, labels={labels.COURSE: "tests"})    # cleaning leaves it
    _remove_others(engine, name)
    return name


def _secrets() -> dict[str, bytes]:
    """This machine's way to Debian's packages and to PyPI."""
    lent = host_secrets(("pip.conf", "trust"))
    return aptsecrets.secrets(catalogue.SUITE) | {name: each.value for name, each in lent.items()}


def _remove_others(engine: Engine, name: str) -> None:
    """Images of other dependencies or bases are not asked for again: each takes some gigabytes."""
    api = engine.client.api
    for other in {tag for image in api.images(name.partition(":")[0]) for tag in image["RepoTags"] or ()} - {name}:
        with contextlib.suppress(APIError):   # a sandbox of another run is made of it
            api.remove_image(other)


def requirements() -> list[str]:
    """What pip installs: the course's own dependencies, and what runs its notebooks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], "pytest>=8"]
