"""A lesson's calls in Docker's own words: under each cell, and as a script at the end of the lesson.

    call -> note (a command) -> shown under the cell, kept for `in_your_terminal`

Builds are noted as the builder reports them, so that those of `rebuild` and `report` are there too.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import builder as builds
from ..bases import ResolvedBase, footnote
from ..builder import BuildRequest, Prepared, Snapshot
from ..builder.control import Finished
from ..builder.host_secrets import IDS
from ..errors import BuildFailed
from ..experiments import incremental
from ..experiments.variants import APPS
from ..recorded import COMMANDS
from ..views.terminal import Script, commands_bundle
from . import commands
from .commands import docker
from .session import engine, recorded_only

__all__ = ["in_your_terminal"]

_ROOT = APPS.parents[1]    # commands begin here
_COPIES = ("multistage-lesson-", "multistage-edit-")    # folders that a lesson has made
_EXERCISE = "multistage-exercise-"
_COPY = "/tmp/multistage-copy-"    # a terminal's own
_LONGEST = 20_000    # bytes of a file that a script writes
_LEAST = 8    # characters that stand in a command by no chance

@dataclass
class _Kernel:
    """What this kernel has noted."""

    noted: list[str] = field(default_factory=list)       # every command
    of_cell: list[str] = field(default_factory=list)     # those of the cell that runs now
    looks: set[str] = field(default_factory=set)         # those that only look
    remarks: dict[str, None] = field(default_factory=dict)
    ends: dict[str, None] = field(default_factory=dict)  # commands that end what the script has started
    instead: dict[str, str] = field(default_factory=dict)   # what only the notebook has: what a command says for it
    places: dict[int, str] = field(default_factory=dict)    # the hash of a file or of files: where a command has put it
    made: dict[str, ResolvedBase] = field(default_factory=dict)    # stand-ins that builds stood on: name, base
    told: set[str] = field(default_factory=set)             # those that a reader was told of
    retold: Callable[[BuildRequest], BuildRequest] = lambda request: request    # as a command asks for it


_kernel = _Kernel()


def note(*commands: str, of_engine: bool = True) -> list[str]:
    """Keep the commands of a call. Where there is no engine, a call of one shows what was recorded of it."""
    if of_engine and recorded_only():
        return []
    told = [*map(_told, commands)]
    _kernel.noted.extend(told)
    _kernel.of_cell.extend(told)
    return told


def look(*commands: str, of_engine: bool = True) -> None:
    """Keep commands that only look: done again without a change in between, they say the same."""
    _kernel.looks.update(note(*commands, of_engine=of_engine))


def tell(own: str, terminal: str) -> None:
    """Have every command say `terminal` for what only this notebook has, or what is not to be written: a server's
    address, a socket, a secret."""
    _kernel.instead[own] = terminal


def start(own: str, terminal: str, *commands: str, end: str) -> None:
    """Keep the commands that start something, known as `terminal`, that runs until the command `end`, as the notebook's
    own, at `own`, does until it closes."""
    tell(own, terminal)
    if end in _kernel.ends:    # runs already
        _kernel.of_cell.extend(commands)
    else:
        note(*commands)
        _kernel.ends[end] = None


def _told(command: str) -> str:
    for own, terminal in _kernel.instead.items():
        command = command.replace(_quoted(own), terminal) if len(own) >= _LEAST else command
    return command


def _quoted(text: str) -> str:
    """A text as it stands between the quotes of a shell, if it needs any."""
    return text.replace("'", "'\"'\"'")


def word(text: str) -> str:
    """A text, quoted for a shell; what stands for it where it is not to be written."""
    return _kernel.instead.get(text) or shlex.quote(text)


def read_to(path: str, content: bytes) -> str:
    """The file that a command writes what it has read to: '' for a short text, which it prints."""
    if len(content) < _LONGEST and b"\0" not in content:
        return ""
    return _kernel.places.setdefault(hash(content), f"/tmp/multistage-{Path(path).name}")


def put_file(place: str, path: str, content: bytes) -> list[str]:
    """The shell commands that write a file below the folder `place`."""
    return _written(place, path, None, content)


def put_lines(container: str, path: str, content: bytes) -> list[str]:
    """The shell commands that write a file into a container. `docker cp` makes it root's, with the mode of the copy."""
    copy = f"multistage-{Path(path).name}"
    return [*put_file("/tmp", copy, content), docker("cp", f"/tmp/{copy}", f"{container}:{path}")]


def in_your_terminal() -> Script:
    """The docker commands of all calls that this kernel has made so far, in order, as a shell script."""
    here = engine()
    head = ["#!/bin/bash", "# The calls of this notebook, in Docker's own words. Run it in the folder of the course."]
    if here.owned:
        place = here.host.replace(f"unix://{Path.home()}/", "unix://$HOME/")
        head.append(f'export DOCKER_HOST="{place}"    # the engine of the course')
    kit = ("1    # from Docker 23 on this needs the plugin docker-buildx" if "buildkit" in here.builders else
           "0    # this engine has no BuildKit")
    head.append(f"export DOCKER_BUILDKIT={kit}")
    return Script("\n".join([*head, *_kernel.remarks, "", *_without_repeats(_kernel.noted), *_kernel.ends]))


def _without_repeats(noted: Iterable[str]) -> Iterator[str]:
    """The commands in order, without a second look at what has not changed since."""
    seen: set[str] = set()
    for command in noted:
        if command not in seen:
            seen = seen | {command} if command in _kernel.looks else set()
            yield command


@contextlib.contextmanager
def retold(change: Callable[[BuildRequest], BuildRequest]) -> Iterator[None]:
    """In a block, have commands ask for what `change` makes of each request."""
    before, _kernel.retold = _kernel.retold, change
    try:
        yield
    finally:
        _kernel.retold = before


def drop_cell() -> None:
    """Forget the commands of this cell: what it asks of the engine is no step of the lesson."""
    del _kernel.noted[len(_kernel.noted) - len(_kernel.of_cell):]
    _kernel.of_cell.clear()


def note_build(request: BuildRequest, prepared: Prepared, failure: BuildFailed | None) -> None:
    """Keep a build that has ended. Those of stand-ins and exercises are no call of a lesson's."""
    folder = request.folder.resolve()
    if folder.name.startswith(_EXERCISE) or folder.is_relative_to(_ROOT / "helpers"):
        return
    before, whole = _build(_kernel.retold(replace(request, builder=prepared.request.builder)))
    command, *text = whole.split("\n")
    fails = f"    # fails{f' at line {failure.line}' * bool(failure.line)}" if failure else ""
    note("\n".join([*before, command + fails, *text]))
    _kernel.remarks.update(dict.fromkeys(_differences(request, prepared)))
    _kernel.made.update((each.ref, each) for each in prepared.bases if each.stand_in)


def note_run(snapshot: Snapshot, command: str | Sequence[str], done: Finished) -> None:
    """Keep what comes nearest to a command in a snapshot: a container of the stage, or a shell in the step that failed,
    where the Dockerfile leaves standard input to it."""
    request, typed = snapshot.request, command if isinstance(command, str) else shlex.join(command)
    if request and snapshot.command is None:
        before, built = _build(replace(request, tag="look", output=None))
        fails = "    # fails" * bool(done.exit_code)
        note("\n".join([*before, built, commands.inside("look", typed, bool(snapshot.borrowed)) + fails]))
    elif request and request.text is None:
        before, built = _build(request)
        note("\n".join([*before, commands.debugging(built, snapshot.workdir, typed.replace("\n", "; "))]))


def _build(request: BuildRequest) -> tuple[list[str], str]:
    """(the lines that a build needs before it, its command)."""
    place, before = place_of(request.folder)
    before += [line for each in (request.secrets or {}).items() for line in _secret(*each)]
    return before, builds.command_line(replace(request, output=_output(request.output)), place)


def _output(output: str | Path | None) -> str | Path | None:
    """Where a command writes what the notebook writes into a folder of its own."""
    return f"/tmp/{Path(output).name}" if output and Path(output).parent.name.startswith(_COPIES) else output


def _secret(name: str, value: bytes) -> list[str]:
    """The line that sets the variable which a command takes a secret from, if another stands there. The value itself is
    written only where a build argument has had it before; else one that is the same whenever the secret is."""
    text, begin, remark = value.decode(errors="replace"), f"export {builds.variable(name)}=", ""
    lines = "\n".join(_kernel.noted).split("\n")
    if not re.search(rf"={re.escape(_quoted(text))}'?( |$)", "\n".join(lines), re.MULTILINE):
        others = sum(each.startswith(f"{name}-") for each in _kernel.instead.values())
        tell(text, _kernel.instead.get(text) or shlex.quote(f"{name}-{others + 1}"))
        remark = "    # a value of yours: the notebook's is not written here"
    line = f"{begin}{word(text)}{remark}"
    return [line] if [each for each in lines if each.startswith(begin)][-1:] != [line] else []


def _differences(request: BuildRequest, prepared: Prepared) -> Iterator[str]:
    """What a docker command would not have of a build, for the head of the script."""
    for each in prepared.bases:
        if each.substituted:
            yield f"# {each.ref}, which docker pulls, is {each.name} in the notebook."
    for given in prepared.handed_over:
        if given.id in IDS and given.id not in (request.secrets or {}):
            yield f"# The notebook also handed {given} to builds, as --secret id={given.id},src=FILE does."


def place_of(folder: Path) -> tuple[str, list[str]]:
    """(a build context as a command names it, the lines that make it)."""
    folder = folder.resolve()
    if not folder.name.startswith(_COPIES):
        return str(folder.relative_to(_ROOT) if folder.is_relative_to(_ROOT) else folder), []
    files = incremental.files(folder)
    known = hash(frozenset(files.items()))
    if known in _kernel.places:
        return _kernel.places[known], []
    place = _kernel.places[known] = f"{_COPY}{sum(each.startswith(_COPY) for each in _kernel.places.values()) + 1}"
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
    path = shlex.quote(f"{place}/{name}")
    folder = [f"mkdir -p {shlex.quote(str(Path(place, name).parent))}"] if "/" in name and old is None else []
    if hash(new) in _kernel.places:
        return [*folder, f"cp {_kernel.places[hash(new)]} {path}"]
    try:
        text, before = new.decode(), (old or b"").decode()
    except UnicodeDecodeError:
        text, before = "", None
    if before is None or len(new) > _LONGEST:
        return [*folder, f"head -c {len(new)} /dev/urandom > {path}    # as many bytes; the notebook has others"]
    if old is None:
        return [*folder, f"printf %s {shlex.quote(text)} > {path}"]
    difference = difflib.unified_diff(before.splitlines(True), text.splitlines(True), name, name, n=1)
    whole = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in difference)
    return [builds.heredoc(f"patch {path}", whole)]


def show_commands(_: Any = None) -> None:
    """post_run_cell: the commands of the cell that has run, below what it shows, and what of the bases that it built
    on is not the original, each said once."""
    from IPython import get_ipython

    shell, told = get_ipython(), [*_without_repeats(_kernel.of_cell)]
    remark = footnote(base for ref, base in _kernel.made.items() if ref not in _kernel.told)
    _kernel.of_cell.clear()
    _kernel.told.update(_kernel.made)
    if shell and told:
        shell.display_pub.publish(data=commands_bundle(told, remark), metadata={COMMANDS: True})
