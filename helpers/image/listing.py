"""What `docker images` shows: a line for each name, and lines for images that have none."""

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
    """The lines of `docker images`, newest first; with `every` those of `docker images -a`, which
    has the images between the steps of a legacy build too. Raises the engine's errors."""
    with engine.translate_errors("list its images"):
        summaries = engine.client.api.images(all=every)
    return tuple(Listed(name, summary["Id"]) for summary in summaries for name in names(summary) or [_UNTAGGED])


def names(summary: dict) -> list[str]:
    """The names of an image in the engine's list, in order; [] if it has none."""
    return sorted(tag for tag in summary.get("RepoTags") or () if tag != f"{_UNTAGGED}:{_UNTAGGED}")


def marked(lines: Iterable[Listed], mark: str, engine: Engine) -> tuple[Listed, ...]:
    """The lines whose image was built with `mark` in the text of one of its steps, by the image's history. An image
    that is removed meanwhile is left out. Raises the engine's errors."""
    lines = list(lines)
    with engine.translate_errors("read the history of its images"):
        ours = {each for each in {line.id for line in lines} if mark in _history(engine, each)}
    return tuple(line for line in lines if line.id in ours)


_histories: dict[str, str] = {}   # an id means the same image in every engine


def _history(engine: Engine, image: str) -> str:
    """The text of an image's steps, asked for once: an engine may have hundreds of images."""
    if image not in _histories:
        try:
            entries = engine.client.api.history(image)
        except NotFound:
            return ""
        _histories[image] = "\n".join(entry.get("CreatedBy") or "" for entry in entries)
    return _histories[image]
