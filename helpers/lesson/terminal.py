"""A lesson's calls in Docker's own words: under each cell, and as a script at the end of the lesson.

    call -> note (a command) -> shown under the cell, kept for `in_your_terminal`

Builds are noted as the builder reports them, so that those of `rebuild` and `report` are there too.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import builder as builds
from ..builder import BuildRequest, Prepared
from ..builder.host_secrets import IDS
from ..errors import BuildFailed
from ..experiments import incremental
from ..experiments.variants import APPS
from ..recorded import COMMANDS
from ..registry.lesson_registry import FOLDER
from ..units import size
from ..views.terminal import Script, commands_bundle
from .session import engine, recorded_only

__all__ = ["in_your_terminal"]

_ROOT = APPS.parents[1]    # commands begin here
_COPIES = ("multistage-lesson-", "multistage-edit-")    # folders that a lesson has made
_EXERCISE = "multistage-exercise-"
_CHANGES = re.compile(r"docker (buildx )?(build|bake|image rm|tag|pull)|prune")
_SERVER = re.compile(r"127\.0\.0\.1:\d{5}")    # `serve` names a port of four digits
_LONGEST = 20_000    # bytes of a file that a script writes

_noted: list[str] = []      # by this kernel
_of_cell: list[str] = []    # by the cell that runs now
_remarks: dict[str, None] = {}
_copied: dict[frozenset[tuple[str, bytes]], str] = {}
_secrets: dict[str, bytes] = {}    # the value that each had last


def note(*commands: str) -> None:
    """Keep the commands of a call. Where there is no engine, the call shows what was recorded of it."""
    if recorded_only():
        return
    _noted.extend(commands)
    _of_cell.extend(commands)


def docker(*words: str) -> str:
    """A docker command, quoted for a shell."""
    return shlex.join(("docker", *words))


def listing(image: str) -> str:
    """The command that lists every file of an image, also of one without a shell."""
    return f"{docker('create', '--name', 'look', image, '-')} && docker export look | tar -tv; docker rm look"


def put_lines(container: str, path: str, content: bytes) -> list[str]:
    """The shell commands that write a file into a container. `docker cp` makes it root's, with the mode of the copy."""
    copy = f"multistage-{Path(path).name}"
    return [*_written("/tmp", copy, None, content), docker("cp", f"/tmp/{copy}", f"{container}:{path}")]


def in_your_terminal() -> Script:
    """The docker commands of all calls that this kernel has made so far, in order, as a shell script."""
    here = engine()
    head = ["#!/bin/sh", "# The calls of this notebook, in Docker's own words. Run it in the folder of the course."]
    if here.owned:
        place = here.host.replace(f"unix://{Path.home()}/", "unix://$HOME/")
        head.append(f'export DOCKER_HOST="{place}"    # the engine of the course')
    kit = "1    # for Docker before 23" if "buildkit" in here.builders else "0    # this engine has no BuildKit"
    head.append(f"export DOCKER_BUILDKIT={kit}")
    commands = [*_without_repeats(_noted)]
    return Script("\n".join([*head, *_remarks, *_servers("\n".join(commands)), "", *commands]))


def _servers(commands: str) -> Iterator[str]:
    """A remark for each server in the commands that ends with the notebook."""
    for server in dict.fromkeys(_SERVER.findall(commands)):
        registry = " `docker run -d -p 5000:5000 registry:2` starts a registry of yours, at 127.0.0.1:5000."
        yield (f"# {server} is a server of this notebook, and ends with it."
               + (registry if f"{server}/{FOLDER}" in commands else ""))


def _without_repeats(commands: Iterable[str]) -> Iterator[str]:
    """The commands in order; one that was there is left out unless something was built or removed since."""
    seen: set[str] = set()
    for command in commands:
        if command not in seen:
            seen = {command} if _CHANGES.search(command) else seen | {command}
            yield command


def note_build(request: BuildRequest, prepared: Prepared, failure: BuildFailed | None) -> None:
    """Keep a build that has ended. Those of stand-ins and exercises are no call of a lesson's."""
    folder = request.folder.resolve()
    if folder.name.startswith(_EXERCISE) or folder.is_relative_to(_ROOT / "helpers"):
        return
    place, before = _place(folder)
    told = replace(request, builder=prepared.request.builder, output=_output(request.output))
    command, *text = builds.command_line(told, place).split("\n")
    remarks = [_secret(*each) for each in (request.secrets or {}).items()]
    remarks += ["fails" + f" at line {failure.line}" * bool(failure.line)] if failure else []
    note("\n".join([*before, f"{command}    # {'; '.join(remarks)}" if remarks else command, *text]))
    _remarks.update(dict.fromkeys(_differences(request, prepared)))


def _output(output: str | Path | None) -> str | Path | None:
    """Where a command writes what the notebook writes into a folder of its own."""
    return f"/tmp/{Path(output).name}" if output and Path(output).parent.name.startswith(_COPIES) else output


def _secret(name: str, value: bytes) -> str:
    """Where a command takes a secret from; never its value."""
    other = " another value of" * (_secrets.get(name, value) != value)
    _secrets[name] = value
    return f"set {builds.variable(name)} to{other} the secret {name} first"


def _differences(request: BuildRequest, prepared: Prepared) -> Iterator[str]:
    """What a docker command would not have of a build, for the head of the script."""
    for each in prepared.bases:
        if each.substituted:
            yield f"# {each.ref}, which docker pulls, is {each.name} in the notebook."
    for given in prepared.handed_over:
        if given.id in IDS and given.id not in (request.secrets or {}):
            yield f"# The notebook also handed {given} to builds, as --secret id={given.id},src=FILE does."


def _place(folder: Path) -> tuple[str, list[str]]:
    """(a build context as a command names it, the lines that make it)."""
    if not folder.name.startswith(_COPIES):
        return str(folder.relative_to(_ROOT) if folder.is_relative_to(_ROOT) else folder), []
    files = incremental.files(folder)
    known = frozenset(files.items())
    if known in _copied:
        return _copied[known], []
    place = _copied[known] = f"/tmp/multistage-copy-{len(_copied) + 1}"
    return place, copy_lines(files, place, {app.name: incremental.files(app) for app in APPS.iterdir() if app.is_dir()})


def copy_lines(files: Mapping[str, bytes], place: str, apps: Mapping[str, Mapping[str, bytes]]) -> list[str]:
    """The shell commands that make the folder `place` with these files out of the application that most of them are
    of, and say so."""
    def shared(app: str) -> int:
        return len(apps[app].items() & files.items())

    origin = max(apps, key=shared, default="")
    old = apps[origin] if origin and shared(origin) else {}
    begin = f"cp -r notebooks/apps/{origin}" if old else "mkdir"
    gone = [f"rm {shlex.quote(f'{place}/{name}')}" for name in sorted(old.keys() - files.keys())]
    changed = [line for name in sorted(files) if files[name] != old.get(name)
               for line in _written(place, name, old.get(name), files[name])]
    said = "a copy of " + origin + ", changed" * bool(gone or changed) if old else "files of the notebook's own"
    return [f"# {place}: {said}", f"rm -rf {place}; {begin} {place}", *gone, *changed, f"chmod -R 755 {place}"]


def _written(place: str, name: str, old: bytes | None, new: bytes) -> list[str]:
    """The commands that change a file, or write a new one."""
    path = f"{place}/{name}"
    try:
        text, before = new.decode(), (old or b"").decode()
    except UnicodeDecodeError:
        text, before = "", None
    if before is None or len(new) > _LONGEST:
        return [f"# {path} is missing here: {size(len(new))} that the notebook has made"]
    if old is None:
        folder = [f"mkdir -p {shlex.quote(str(Path(path).parent))}"] if "/" in name else []
        return [*folder, f"printf %s {shlex.quote(text)} > {shlex.quote(path)}"]
    difference = difflib.unified_diff(before.splitlines(True), text.splitlines(True), name, name, n=1)
    whole = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in difference)
    return [builds.heredoc(f"patch {shlex.quote(path)}", whole)]


def show_commands(_: Any = None) -> None:
    """post_run_cell: the commands of the cell that has run, below what it shows."""
    from IPython import get_ipython

    shell, commands = get_ipython(), list(dict.fromkeys(_of_cell))
    _of_cell.clear()
    if shell and commands:
        shell.display_pub.publish(data=commands_bundle(commands), metadata={COMMANDS: True})
