"""Four images, two by two, and what each of the two changes saves."""

from __future__ import annotations

from collections.abc import Sequence

from ..experiments.size_attribution import Reduction, split
from ..image import Image
from ..units import size
from .sizes import Part, bar, bar_axis, base_part, legend_of
from .style import BUILD_OWN, RUN, Chart, canvas, finish

_ROW = 0.58        # inches of height for a bar
_NAMES = ("one stage,\nfull base", "one stage,\nslim base", "several stages,\nfull base", "several stages,\nslim base")


def reduction(images: Sequence[Image]) -> Chart:
    """The images (single on full, single on slim, multi on full, multi on slim) on one
    scale, each with what it saves next to the first."""
    saved = split(*(image.unpacked for image in images))
    stacks = [_parts(image, several=index > 1) for index, image in enumerate(images)]
    figure, axes = canvas(0.4 + _ROW * len(images))
    for row, (image, stack, less) in enumerate(zip(images, stacks, (0, *_alone(saved)), strict=True)):
        bar(axes, row, stack, size(image.unpacked) + (f", {_saves(less)}" if row else ""), height=0.66, bold=True)
    axes.set_yticks(range(len(images)), _NAMES, fontsize=10)
    axes.set_ylim(len(images) - 0.4, -0.6)
    bar_axis(axes, max(image.unpacked for image in images), room=1.5)
    words = ", ".join(f"{name.replace(chr(10), ' ')}: {size(image.unpacked)}" for name, image in zip(_NAMES, images))
    base, stages, both = _alone(saved)
    title = f"A smaller base alone {_saves(base)}, a second stage alone {_saves(stages)}; together they "
    return finish(figure, title + _saves(both, "save", "cost"), words, images, legend=legend_of(stacks))


def _parts(image: Image, several: bool) -> list[Part]:
    """Base and own layers. What one stage adds is the build's, what the last of
    several adds is the application, whatever they stand on."""
    found = [base_part(image, f"{'base with build tools' if image.base_role == 'build' else 'base'}: {image.base}"),
             Part("the application" if several else "tools and source brought in, left by the build",
                  image.own_bytes, RUN if several else BUILD_OWN)]
    return [part for part in found if part.count]


def _alone(saved: Reduction) -> tuple[float, float, float]:
    """Bytes: by the base alone, by the stages alone, by both."""
    return saved.base, saved.stages, saved.total


def _saves(count: float, saves: str = "saves", costs: str = "costs") -> str:
    return f"{saves if count >= 0 else costs} {size(abs(count))}"
