"""What to do about a COPY whose source does not exist: similar paths in BuildKit's cache."""

import contextlib
import difflib
import posixpath
from collections.abc import Iterator

from ..dockerfile import Edge, problems
from ..errors import CourseError
from .progress import Progress
from .snapshot import Snapshot
from .snapshots import Snapshots
from .steps import Step

_ALIKE = 0.75     # similarity by difflib: nginx and ngin, not app and apt
_FOLDERS = 80     # searched for a name, at a few milliseconds each
_LISTED = 8       # names of a folder in a sentence
# Folders without anything that a build makes, and names that many folders have.
_SKIPPED = frozenset("proc sys dev doc man locale zoneinfo dpkg perl perl5 terminfo".split())
_COMMON = frozenset("bin etc home include lib lib64 local opt sbin share src tmp usr var".split())


def missing_source(progress: Progress, step: Step, snapshots: Snapshots | None) -> str:
    """The remedy for a COPY or ADD whose source was not found. `snapshots`: None without BuildKit."""
    held = next((each for each in problems(progress.dockerfile)
                 if each.rule == "cache-mount-copy" and each.line == step.line), None)
    if held:
        return f"{held.why} {held.remedy}"
    if "--from=" in step.instruction:
        edge = next((each for each in progress.dockerfile.edges if each.via == "COPY" and each.line == step.line), None)
        with contextlib.suppress(CourseError, OSError):    # of the look alone, not of the build
            if edge and snapshots and (found := _instead(edge, step, snapshots)):
                return found
        if edge and edge.external:
            return f"Look at what that image has: FROM {edge.source}, with a RUN that lists the folder."
        return "Look at what that stage really made: build it with --target and list its files."
    if "../" in step.instruction:
        return "COPY reads below the build context only: move the file there."
    return "Is the name spelled as in the build context, and not excluded by .dockerignore?"


def _instead(edge: Edge, step: Step, snapshots: Snapshots) -> str:
    """What the stage or image has in place of the first missing source, '' if unknown."""
    state = snapshots.image(edge.source) if edge.external else snapshots.stage(edge.source)
    words = [word for word in step.instruction.split()[1:] if not word.startswith("--")]
    for path in (posixpath.normpath(f"/{word.lstrip('/')}") for word in words[:-1]):
        if set(path) & set('*?["') or state.has(path):
            continue
        if found := next(nearest(state, path), ""):
            return f"The {edge.kind} {edge.source} has {found}: did you mean that?"
        folder = posixpath.dirname(path)
        while folder != "/" and not state.has(folder):
            folder = posixpath.dirname(folder)
        names = [entry.name for entry in state.files(folder)] if folder != "/" else []
        if names:
            more = ", ..." if len(names) > _LISTED else "."
            return f"In {folder} the {edge.kind} {edge.source} has {', '.join(names[:_LISTED])}{more}"
    return ""


def nearest(state: Snapshot, path: str) -> Iterator[str]:
    """Paths similar to a missing one: a similar spelling, or the same name elsewhere."""
    yield from _respelled(state, "/", path.strip("/").split("/"))
    name = posixpath.basename(path)
    if name not in _COMMON:
        yield from _elsewhere(state, name)


def _respelled(state: Snapshot, folder: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield folder
        return
    entries = {entry.name: entry for entry in state.files(folder)}
    for name in [parts[0]] if parts[0] in entries else difflib.get_close_matches(parts[0], entries, 3, _ALIKE):
        if len(parts) == 1 or entries[name].is_dir:
            yield from _respelled(state, posixpath.join(folder, name), parts[1:])


def _elsewhere(state: Snapshot, name: str) -> Iterator[str]:
    waiting, seen = [state.workdir, "/"], set[str]()
    while waiting and len(seen) < _FOLDERS:
        folder = waiting.pop(0)
        if folder in seen or not state.has(folder):
            continue
        seen.add(folder)
        for entry in state.files(folder):
            if entry.name == name:
                yield posixpath.join(folder, name)
            if entry.is_dir and entry.name not in _SKIPPED:
                waiting.append(posixpath.join(folder, entry.name))
