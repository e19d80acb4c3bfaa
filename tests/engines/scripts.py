"""The scripts that lessons end with, run in bash on the newest Docker: `python -m tests.engines.scripts LESSON ...`.

They are taken from the notebooks' kept outputs. A command may fail only where the script says that it fails."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat

from helpers.bases import ALL
from helpers.builder import BuildRequest, build, host_secrets
from helpers.engine import Engine, connect

from . import daemon, rootfs, stock, suite
from .kinds import find

KIND = "docker-sid-containerd"
_SECONDS = 1200
_DIFFERS = re.compile(r"diff |find |hadolint |docker build --check |docker create --name look .* (diff|grep)")    # end with 1 for what they find, or do not
_DOCKER = """#!/bin/sh
[ "$1" = build ] && shift && set -- build {secrets} "$@"
exec {program} "$@"
"""
_REGISTRY = """FROM debian:bookworm-slim
COPY docker-registry config.yml /
CMD ["/docker-registry", "serve", "/config.yml"]
"""
_BUSYBOX = """FROM nginx:alpine AS tools
RUN mkdir -p /made/bin && for each in sh id ls cat; do cp /bin/busybox /made/bin/$each; done
FROM scratch
COPY --from=tools /made /
"""    # the official image has its programs as hard links; the stand-in's are links to an absolute path
_CONFIG = "version: 0.1\nstorage: {filesystem: {rootdirectory: /registry}}\nhttp: {addr: ':5000'}\n"


def script(notebook: Path) -> str:
    """What `in_your_terminal()` shows in a lesson; '' if it has no such cell."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code" and "in_your_terminal()" in cell.source:
            return "".join(output.data["text/plain"] for output in cell.outputs if "data" in output
                           and output.data["text/plain"].startswith("#!"))
    return ""


def run(one: daemon.Daemon, text: str) -> tuple[list[str], str]:
    """(the lines that did not end as they say, what all printed)."""
    with tempfile.TemporaryDirectory(prefix="multistage-script-") as place, _tools(Path(place), one) as settings:
        Path(place, "script").write_text(f"{text}\ntrue\n")    # how the last command ended is no error of `source`
        done = subprocess.run(
            one.beside("bash", "-c", f'trap \'echo "$LINENO" >> {place}/failed\' ERR; source {place}/script'),
            cwd=suite.ROOT, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=_SECONDS)
        failed = Path(place, "failed")
        numbers = set(map(int, failed.read_text().split())) if failed.exists() else set()
    lines = text.splitlines()
    wrong = [line for number, line in enumerate(lines, 1)
             if (number in numbers) != ("    # fails" in line) and not _DIFFERS.match(line)]
    return wrong, done.stdout


@contextlib.contextmanager
def _tools(place: Path, one: daemon.Daemon) -> Iterator[dict[str, str]]:
    """The environment of a shell with the docker command, and its plugin, of the suite of the engine."""
    root = rootfs.folder() / f"{one.kind.suite}-root"
    (place / "cli-plugins").symlink_to(root / "usr/libexec/docker/cli-plugins")
    (place / "docker").write_text(_DOCKER.format(program=root / "usr/bin/docker", secrets=_secrets(place)))
    (place / "docker").chmod(0o755)
    yield suite.environment(DOCKER_HOST=one.host, DOCKER_CONFIG=str(place), PATH=f"{place}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                            BUILDKIT_PROGRESS="plain")


def _secrets(place: Path) -> str:
    """The options for this machine's settings, which the head of a script asks its reader for; '' if it has none."""
    options = []
    for name, secret in host_secrets.host_secrets(host_secrets.IDS).items():
        (place / name).write_bytes(secret.value)
        options += ["--secret", f"id={name},src={place / name}"]
    return shlex.join(options)


def give_images(engine: Engine) -> None:
    """Make the images that scripts use beside the course's bases: busybox, and registry:2 of this machine's program."""
    with tempfile.TemporaryDirectory() as place:
        Path(place, "docker-registry").write_bytes(Path("/usr/bin/docker-registry").read_bytes())
        Path(place, "docker-registry").chmod(0o755)
        Path(place, "config.yml").write_text(_CONFIG)
        for tag, text in {"busybox:musl": _BUSYBOX, "registry:2": _REGISTRY}.items():
            build(BuildRequest(place, text=text, tag=tag), engine=engine)


def main(lessons: Sequence[str]) -> int:
    plain, wrong = connect(), []
    with daemon.running(find(KIND), lambda line: print(line, file=sys.stderr)) as one:
        there = stock.at(one.host)
        stock.hand_on(plain, there, ALL)
        give_images(there)
        for path in sorted((suite.ROOT / "notebooks").glob("*.ipynb")):
            if (not lessons or path.name[:2] in lessons) and (text := script(path)):
                lines, said = run(one, text)
                print(f"{path.name}: {len(lines)} commands did not end as they say", *lines, sep="\n  ", flush=True)
                if lines:
                    print(said[-6000:])
                wrong += lines
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
