"""What a base image is made of: steps, each of which makes one layer.

A step is a plain value. It says what is wanted and how the layer's line in the
image's history reads; `making` knows how it is done. Equal steps on equal
predecessors are made once and shared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from ..units import listed

_FORMAT = 1   # raise it when the code makes something else of an unchanged step

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Step:
    """One layer. Subclasses say in `instruction` how its history line reads,
    and in `material` what it brings in, if it brings something from outside."""

    @property
    def instruction(self) -> str:
        raise NotImplementedError

    @property
    def material(self) -> str:
        return ""


@dataclass(frozen=True)
class DebianRoot(Step):
    """Debian's smallest root file system with apt, as debian:SUITE-slim has it:
    without documentation, manuals and translations, licences kept."""

    suite: str

    @property
    def instruction(self) -> str:
        return f"ADD debian {self.suite} minbase, made by mmdebstrap, /"

    @property
    def material(self) -> str:
        return "Debian packages"


@dataclass(frozen=True)
class DebianFiles(Step):
    """The files of the named Debian packages and nothing else: no shell, no
    package manager, no dependencies. Laid out as distroless images are; users
    and settings of the system come with the first such step of a recipe."""

    suite: str
    packages: tuple[str, ...]

    @property
    def instruction(self) -> str:
        return f"ADD {' '.join(self.packages)} from debian {self.suite} packages, /"

    @property
    def material(self) -> str:
        return "Debian packages"


@dataclass(frozen=True)
class AptInstall(Step):
    """Debian packages with their dependencies, without their recommendations.

    `documented`: with manuals and translations, although the root below is slim.
    """

    suite: str
    packages: tuple[str, ...]
    documented: bool = False

    @property
    def instruction(self) -> str:
        return f"RUN apt-get install {' '.join(self.packages)}"

    @property
    def material(self) -> str:
        return "Debian packages"


@dataclass(frozen=True)
class WheelFiles(Step):
    """The folder `source` of a Python wheel, copied to `target`.

    project, version   the wheel, as pip names it
    what               what it is, for people: 'Go'
    executable         beginnings of paths below `source` whose files may be run
                       (a wheel does not keep that)
    """

    project: str
    version: str
    what: str
    source: str
    target: str
    executable: tuple[str, ...]

    @property
    def instruction(self) -> str:
        return f"COPY {self.what.lower()} {self.version} {self.target}"

    @property
    def material(self) -> str:
        return f"{self.what} {self.version}"


@dataclass(frozen=True)
class NpmFiles(Step):
    """The content of an npm package, copied to `target` as it is: nothing is
    installed, no script of it is run.

    package   as npm names it, {cpu} standing for npm's name of the processor
    what      what it is, for people: 'Node'
    left_out  beginnings of paths in it that stay behind
    """

    package: str
    version: str
    what: str
    target: str
    left_out: tuple[str, ...] = ()

    @property
    def instruction(self) -> str:
        return f"COPY {self.what.lower()} {self.version} {self.target}"

    @property
    def material(self) -> str:
        return f"{self.what} {self.version}"


@dataclass(frozen=True)
class TextFile(Step):
    """A file whose text stands in the catalogue."""

    path: str
    text: str
    mode: int = 0o644

    @property
    def instruction(self) -> str:
        folder, _, name = self.path.rpartition("/")
        return f"COPY {name} {folder}/"


@dataclass(frozen=True)
class Links(Step):
    """Symbolic links, (path, what it points to) each: for images without a shell.
    {architecture} stands for Debian's name of the processor."""

    links: tuple[tuple[str, str], ...]

    @property
    def instruction(self) -> str:
        return f"ADD links {' '.join(path for path, _ in self.links)}"


@dataclass(frozen=True)
class Run(Step):
    """A shell command, without a network."""

    command: str

    @property
    def instruction(self) -> str:
        return f"RUN {self.command}"


@dataclass(frozen=True)
class Configure(Step):
    """The image's settings; no layer. The last step of every recipe.

    ports  TCP ports that it is to listen on
    stop   the signal that asks its program to end, '' for the usual SIGTERM
    """

    env: tuple[str, ...] = (f"PATH={PATH}",)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    ports: tuple[int, ...] = ()
    stop: str = ""

    @property
    def instruction(self) -> str:
        parts = [f"ENV {' '.join(self.env)}"] if self.env else []
        parts += [f"WORKDIR {self.workdir}"] if self.workdir else []
        parts += [f"USER {self.user}"] if self.user else []
        parts += [f"ENTRYPOINT {json.dumps(list(self.entrypoint))}"] if self.entrypoint else []
        parts += [f"EXPOSE {' '.join(map(str, self.ports))}"] if self.ports else []
        parts += [f"STOPSIGNAL {self.stop}"] if self.stop else []
        parts += [f"CMD {json.dumps(list(self.cmd))}"] if self.cmd else []
        return " ".join(parts)


def identities(steps: Sequence[Step], *salt: str) -> list[str]:
    """A hash for each step: of its spec, of its predecessors, of `salt`."""
    digests, before = [], "\n".join((str(_FORMAT), *salt))
    for step in steps:
        spec = json.dumps([type(step).__name__, asdict(step)], sort_keys=True)
        before = hashlib.sha256(f"{before}\n{spec}".encode()).hexdigest()[:24]
        digests.append(before)
    return digests


def made_of(steps: Iterable[Step]) -> str:
    """'Debian packages and Go 1.22.10'."""
    materials = list(dict.fromkeys(step.material for step in steps if step.material))
    return listed(materials)
