"""The build of an exercise: its source in a new folder, its permissions, and the mounts that a check adds.

A check puts a random word into the source, which proves that a program was compiled in this build. Compiling a small Go
server takes half a minute, mostly for the standard library, and a second with Go's cache, so the check adds a cache
mount to each RUN. Go names entries by the content they were made from, so a new word is not there. To run a RUN again,
the check mounts a secret with a new name that does not exist: BuildKit's cache key has the names of secrets, and its
`no_cache` would empty the cache mounts too.
"""

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import builder as builds
from ..builder import BuildResult, Progress, Step
from ..builder.secrets import lent_by_default
from ..dockerfile import Dockerfile
from ..errors import BuildFailed
from ..experiments import incremental
from .exercise import Exercise

ID = "multistage-check"


def build_exercise(exercise: Exercise, text: str, source: Mapping[str, bytes], secrets: Mapping[str, str],
                   **options: Any) -> BuildResult:
    """Build the text of a Dockerfile with the source of an exercise, in a new folder.

    source   {path: content} of the build context
    secrets  {id: value} of the build secrets
    options  and errors as those of `helpers.builder.build`
    """
    folder, snapshots = tempfile.mkdtemp(prefix="multistage-exercise-"), None
    try:
        incremental.write(source, folder)
        result = builds.build(folder, text=text, network=None if exercise.build.network else "none",
                              secrets={name: value.encode() for name, value in secrets.items()} or None,
                              lend=lent_by_default(exercise.folder), **options)
        snapshots = result.snapshots
        return result
    except BuildFailed as error:
        snapshots = error.snapshots
        raise
    finally:    # looking into the build later sends the folder again
        if snapshots:
            weakref.finalize(snapshots, shutil.rmtree, folder, ignore_errors=True)
        else:
            shutil.rmtree(folder)


def with_mounts(read: Dockerfile, folders: Sequence[str], fresh: str = "", every: bool = False) -> str:
    """The text of a Dockerfile with a cache mounted over each of these folders in each RUN that has no mount there.

    Line numbers stay. Each RUN that mounts a secret, or with `every` each RUN, runs again for a new word `fresh`.
    """
    added = []
    for instruction in read.instructions:
        if instruction.keyword == "RUN" and (spans := instruction.source_spans(0, 1)):
            own = " ".join(instruction.flags.get("mount", ()))
            mounts = [_cache(folder) for folder in folders if folder not in own]
            mounts += [_secret(fresh)] if fresh and (every or "type=secret" in own) else []
            added += [(spans[0][0], mount + " ") for mount in mounts]
    text = read.text
    for at, mount in sorted(added, reverse=True):
        text = text[:at] + mount + text[at:]
    return text


def without_mounts(text: str, folders: Sequence[str], fresh: str = "") -> str:
    """A text about such a build without these mounts, as in the learner's Dockerfile."""
    for mount in [*map(_cache, folders), _secret(fresh)]:
        text = text.replace(mount + " ", "")
    return text


class LearnersProgress(Progress):
    """The progress of such a build, without the mounts in its instructions."""

    def __init__(self, progress: Progress, folders: Sequence[str], fresh: str = ""):    # no own state
        self._progress, self._mounts = progress, (folders, fresh)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._progress, name)

    def steps(self) -> list[Step]:
        return [replace(step, instruction=without_mounts(step.instruction, *self._mounts))
                for step in self._progress.steps()]


def _cache(folder: str) -> str:
    return f"--mount=type=cache,id={ID}{folder.replace('/', '-')},target={folder}"


def _secret(word: str) -> str:
    return f"--mount=type=secret,id={ID}-{word}"
