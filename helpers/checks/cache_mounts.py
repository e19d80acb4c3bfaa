"""A compiler's cache, mounted for each command of the build that is checked.

Each check puts a random word into the source, so that what answers was compiled in this build.
Compiling a small Go server takes half a minute, nearly all of it for the standard library, and a
second with Go's own cache. So the check adds a cache mount to each RUN. Go names what it keeps by
the content it was made from: a word that was never compiled is not there.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dockerfile import Dockerfile

ID = "multistage-check"


def with_caches(read: Dockerfile, folders: Sequence[str]) -> str:
    """The text of a Dockerfile with a cache mounted over each of these folders in each RUN.

    Lines keep their numbers, and a mount of the learner's own at the same place stays.
    """
    added = []
    for instruction in (each for stage in read.stages for each in stage.instructions):
        if instruction.keyword == "RUN" and (spans := instruction.source_spans(0, 1)):
            own = " ".join(instruction.flags.get("mount", ()))
            added += [(spans[0][0], _mount(folder) + " ") for folder in folders if folder not in own]
    text = read.text
    for at, mount in sorted(added, reverse=True):
        text = text[:at] + mount + text[at:]
    return text


def without_caches(text: str, folders: Sequence[str]) -> str:
    """What the engine says about such a build, in the learner's own words."""
    for folder in folders:
        text = text.replace(_mount(folder) + " ", "")
    return text


def _mount(folder: str) -> str:
    return f"--mount=type=cache,id={ID}{folder.replace('/', '-')},target={folder}"
