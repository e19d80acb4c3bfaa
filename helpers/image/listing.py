"""The lines of `docker images`: one for each name, and one for each image without a name."""

from collections.abc import Iterable
from dataclasses import dataclass

from docker.errors import NotFound

from ..engine import Engine

_UNTAGGED = "<none>"


@dataclass(frozen=True)
class Listed:
    """A line of `docker images`: the name ('app:1', '<none>') and the image's id."""

    name: str
    id: str

    @property
    def dangling(self) -> bool:
        """Whether the image has no name."""
        return self.name == _UNTAGGED


def listed(engine: Engine, *, every: bool = False) -> tuple[Listed, ...]:
    """The lines of `docker images`, newest first; with `every` those of `docker images -a`, which include the images
    between the steps of a legacy build. Raises the engine's errors."""
    with engine.translate_errors("list its images"):
        summaries = engine.client.api.images(all=every)
    return tuple(Listed(name, summary["Id"]) for summary in summaries for name in names(summary) or [_UNTAGGED])


def names(summary: dict) -> list[str]:
    """The sorted names of an image in the engine's list."""
    return sorted(tag for tag in summary.get("RepoTags") or () if tag != f"{_UNTAGGED}:{_UNTAGGED}")


def marked(lines: Iterable[Listed], mark: str, engine: Engine) -> tuple[Listed, ...]:
    """The lines whose image has `mark` in its history; images removed meanwhile are left out. Raises the engine's
    errors."""
    lines = list(lines)
    with engine.translate_errors("read the history of its images"):
        ours = {each for each in {line.id for line in lines} if mark in _history(engine, each)}
    return tuple(line for line in lines if line.id in ours)


_histories: dict[str, str] = {}   # by image id: an engine may have hundreds of images


def _history(engine: Engine, image: str) -> str:
    if image not in _histories:
        try:
            entries = engine.client.api.history(image)
        except NotFound:
            return ""
        _histories[image] = "\n".join(entry.get("CreatedBy") or "" for entry in entries)
    return _histories[image]
