"""What `docker images` shows: a line a name, and lines for images that have none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from docker.errors import NotFound

from ..engine import Engine

_NAMELESS = "<none>"


@dataclass(frozen=True)
class Listed:
    """A line of `docker images`: the name ('app:1', '<none>') and the image's id."""

    name: str
    id: str

    @property
    def dangling(self) -> bool:
        """Whether the image has no name."""
        return self.name == _NAMELESS


def listed(engine: Engine, *, every: bool = False) -> tuple[Listed, ...]:
    """The lines of `docker images`, newest first; with `every` those of `docker
    images -a`, which has the images between the steps of a legacy build too."""
    with engine.translate_errors("list its images"):
        summaries = engine.client.api.images(all=every)
    return tuple(Listed(name, summary["Id"]) for summary in summaries for name in names(summary))


def names(summary: dict) -> list[str]:
    """The names of an image as the engine tells of it, ['<none>'] if there are none."""
    tags = [tag for tag in summary.get("RepoTags") or () if tag != f"{_NAMELESS}:{_NAMELESS}"]
    return sorted(tags) or [_NAMELESS]


def marked(lines: Iterable[Listed], mark: str, engine: Engine) -> tuple[Listed, ...]:
    """The lines whose image was built with `mark` in the text of one of its steps.

    The image's history tells, whichever builder made it and whatever its name. An
    image that has gone meanwhile is left out.
    """
    lines = list(lines)
    with engine.translate_errors("read the history of its images"):
        ours = {each for each in {line.id for line in lines} if mark in _history(engine, each)}
    return tuple(line for line in lines if line.id in ours)


def _history(engine: Engine, image: str) -> str:
    try:
        entries = engine.client.api.history(image)
    except NotFound:
        return ""
    return "\n".join(entry.get("CreatedBy") or "" for entry in entries)
