"""The words with which a lesson goes through the languages."""

from __future__ import annotations

from .. import charts
from ..bases.catalogue import CURRENT
from ..dockerfile import parse
from ..experiments import variants as several
from ..experiments.languages import Languages, every
from ..experiments.variants import Absent, Variants
from ..image import Image
from ..views.lesson import Listing
from ..widgets import Status
from .building import build, show
from .session import engine

__all__ = ["every_language", "two_by_two", "variants", "with_supported_bases"]


class DrawnVariants(Variants):
    """The variants of an application, which can draw their sizes."""

    def sizes(self, *names: str) -> charts.Chart | Image | Absent:
        """The images of these variants, by default of all, drawn to scale."""
        images = self.images(*names)
        return charts.sizes(list(images.values()), list(images)) if images else self.image([*(names or self)][0])


def variants(app: str) -> DrawnVariants:
    """An application to be built in several ways, each shown as it runs. What needs a
    base image that cannot be had says so, and the lesson goes on."""
    return DrawnVariants(app, engine(), build)


def every_language() -> Languages:
    """Every language of the chapter, in one stage and in several, run and looked into."""
    with Status() as status:
        return every(engine(), status)


def with_supported_bases(app: str, dockerfile: str = "Dockerfile") -> Listing:
    """A Dockerfile with bases that are looked after in place of the chapter's that are
    not. `build(app, text=with_supported_bases(app).text)` builds it."""
    text = show(app, dockerfile).text
    return Listing(dockerfile, parse(text).with_bases(CURRENT))


def two_by_two(app: str) -> tuple[Image, ...] | Absent:
    """The four images of an application that `split` compares."""
    with Status() as status:
        return several.two_by_two(app, engine(), status)
