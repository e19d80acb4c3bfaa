"""A compiler's cache, lent to each command of the build that is checked.

Each check puts a random word into the source, so that what answers was compiled in this
build. A cold compile of a small Go server takes half a minute, nearly all of it the
standard library, and is over in a second with Go's own cache. So the check adds a cache
mount to each RUN. Go names what it keeps there by the content that it was made from: a
word that was never compiled is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dockerfile import Dockerfile

ID = "multistage-check"


def with_caches(read: Dockerfile, folders: Sequence[str]) -> str:
    """The text with the mounts. Lines keep their numbers, and a mount of the learner's own
    at the same place stays."""
    edits = []
    for stage in read.stages:
        for instruction in stage.instructions:
            if instruction.keyword != "RUN" or not instruction.value:
                continue
            mounts = [_mount(folder) for folder in folders
                      if not any(folder in mount for mount in instruction.flags.get("mount", ()))]
            spans = instruction.source_spans(0, 1)
            if mounts and spans:
                edits.append((spans[0][0], " ".join(mounts) + " "))
    text = read.text
    for at, mount in sorted(edits, reverse=True):
        text = text[:at] + mount + text[at:]
    return text


def without(text: str, folders: Sequence[str]) -> str:
    """What the engine says of such a build, in the learner's own words."""
    for folder in folders:
        text = text.replace(_mount(folder) + " ", "")
    return text


def _mount(folder: str) -> str:
    return f"--mount=type=cache,id={ID}{folder.replace('/', '-')},target={folder}"
