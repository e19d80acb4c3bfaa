"""The build of an exercise: its source in a new folder, with what it is allowed."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from typing import Any

from .. import builder as builds
from ..builder import BuildResult
from ..builder.secrets import lent_by_default
from ..errors import BuildFailed
from ..experiments import incremental
from .exercise import Exercise


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
    finally:    # what looks into the build later sends the folder once more
        if snapshots:
            weakref.finalize(snapshots, shutil.rmtree, folder, ignore_errors=True)
        else:
            shutil.rmtree(folder)
