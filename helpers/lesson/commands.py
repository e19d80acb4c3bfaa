"""What the calls of a lesson are in a shell: docker's commands, and the programs that read what docker hands out.

Whatever is looked at is looked at under one name: the container `look`, which never starts, or the folder /tmp/look.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

SERVED = "served"    # what a server's container is called
TWICE = ("twice:first", "twice:second")    # two builds of the same
_LOOK = "/tmp/look"
_DEBIAN = "docker cp look:/var/lib/dpkg - | tar -xO --wildcards '*/status*' 2>/dev/null | grep -a ^Package:"
# An archive's entries with their times, then its files with their checksums; what is no archive says nothing.
_ENTRIES = (f"find {_LOOK} -type f -exec tar --full-time -tvf {{}} \\; "
            "-exec tar -xf {} --to-command='echo $TAR_FILENAME $(sha256sum)' \\; 2>/dev/null | sort")


def docker(*words: str) -> str:
    """A docker command, quoted for a shell."""
    return shlex.join(("docker", *words))


def _created(image: str, *commands: str) -> str:
    """Commands that read the container `look` of an image; it needs no shell and no program."""
    first, *more = commands
    return "; ".join([f"{docker('create', '--name', 'look', image, '-')} && {first}", *more, "docker rm look"])


def listing(image: str, capable: bool = False) -> str:
    """List every file of an image; `capable`: with the attributes beside a mode, such as file capabilities."""
    shown = "--xattrs --xattrs-include='*' -tvv" if capable else "-tv"
    return _created(image, f"docker export look | tar {shown}")


def inventory(image: str, debian: bool) -> str:
    """List every file, and the packages of Debian if there are any."""
    return _created(image, "docker export look | tar -tv", *[_DEBIAN] * debian)


def digests(image: str) -> str:
    """Print the digests of an image's layers."""
    return docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", image)


def comparison(images: Sequence[str]) -> list[str]:
    """List what only one of two images has, or what the first has and each other has not."""
    names = [f"/tmp/files-{number}" for number, _ in enumerate(images, 1)]
    return [*(_created(image, f"docker export look | tar -t | sort > {name}") for image, name in zip(images, names)),
            *(f"diff {names[0]} {other}" for other in names[1:])]


def twins(archives: bool) -> list[str]:
    """Print the ids and layers of the images TWICE, then each entry of a layer that differs in content, times, mode or
    owner. With `archives` they are in files, and loaded first."""
    names = [f"/tmp/files-{number}" for number, _ in enumerate(TWICE, 1)]
    return [*(docker("load", "-i", archive(image)) for image in TWICE if archives),
            docker("image", "inspect", "-f", "{{.Id}} {{json .RootFS.Layers}}", *TWICE),
            *(f"{_unpacked(image)}\n{_ENTRIES} > {name}" for image, name in zip(TWICE, names)),
            f"diff {' '.join(names)}"]


def archive(image: str) -> str:
    """The file that an image is written to."""
    return f"/tmp/{image.replace(':', '-')}.tar"


def reading(image: str, path: str, hidden: bool, to: str = "") -> str:
    """Print a file, or write it to `to`; `hidden`: a later layer has removed it, so every layer is searched for it."""
    if hidden:
        found = f"find {_LOOK} -type f -exec tar -xOf {{}} {shlex.quote(path.lstrip('/'))} \\; 2>/dev/null"
        return f"{_unpacked(image)}\n{found}" + f" > {to}" * bool(to)
    copy = f"docker cp -L {shlex.quote(f'look:{path}')} - | tar -xO"
    return _created(image, copy + f" > {to}" * bool(to))


def inside(image: str, command: str, borrowed: bool) -> str:
    """Run a command of a shell in an image; `borrowed`: a static busybox is mounted beside its files."""
    if not borrowed:
        return docker("run", "--rm", "--entrypoint", "sh", image, "-c", command)
    mounted = ["--mount", "type=image,source=busybox:musl,target=/tools", "--entrypoint", "/tools/bin/sh"]
    return docker("run", "--rm", *mounted, image, "-c", f"PATH=$PATH:/tools/bin; {command}")


def debugging(build: str, folder: str, command: str) -> str:
    """Open a shell in the step in which a build fails, for whoever has a keyboard: without one, buildx ends."""
    begin, _, options = build.partition("build ")
    return (f"BUILDX_EXPERIMENTAL=1 docker buildx debug --invoke sh build {options}"
            f"    # fails, and opens a shell in that step. There: cd {folder}; {command}")


def searching(image: str, needle: str) -> str:
    """Name every part of an image, a layer or its settings, that holds a text; `needle` is quoted already."""
    return f"{_unpacked(image)}\nfind {_LOOK} -type f -exec zgrep -laF -e {needle} {{}} +"


def needs(image: str, path: str) -> str:
    """Show the loader and the libraries that a program asks for."""
    program = f"{_LOOK}-program"
    looked = f"readelf -ld {program} | grep -E 'interpreter|NEEDED' || echo none"
    return f"{reading(image, path, hidden=False, to=program)}\n{looked}"


def _unpacked(image: str) -> str:
    """The image's layers and settings as they are saved, in a folder."""
    return f"rm -rf {_LOOK}; mkdir {_LOOK}; {docker('save', image)} | tar -xC {_LOOK}"


def open_port(port: int) -> int:
    """Where a server that listens on `port` in its container is reached, also by a user who is not root."""
    return port if port > 1023 else port + 8000


def address(port: int) -> str:
    """The same as an address."""
    return f"http://127.0.0.1:{open_port(port)}/"


def serving(image: str, port: int, command: Sequence[str] | None = None, read_only: bool = False) -> str:
    """Start the server of an image."""
    published = ["-p", f"127.0.0.1:{open_port(port)}:{port}"]
    return docker("run", "-d", "--name", SERVED, *["--read-only"] * read_only, *published, image, *(command or ()))


def asking(port: int) -> str:
    """Wait for the server, and print its answer, whichever that is: curl's own retries would wait for a better one."""
    return f"for try in $(seq 50); do curl -s {address(port)} && break; sleep 0.1; done"


STOPPED = docker("rm", "-f", SERVED)


def timed_start(image: str, port: int) -> str:
    """Time a start to its first answer. (bash and zsh have `time` built in.)"""
    wait = f"until curl -so /dev/null {address(port)}; do sleep 0.01; done"
    return f"time ({serving(image, port)} && {wait}); {STOPPED}"


def repeated(command: str, times: int) -> str:
    """The same several times."""
    return f"for round in $(seq {times}); do {command}; done"
