"""Which line of a Dockerfile made which layer of its image.

An image's history has instructions without lines, and not as written: variables are replaced, flags left out, ONBUILD
triggers of the base inserted. So layers are aligned with instructions, in order, by likeness."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from operator import itemgetter
from typing import Any

from ..dockerfile import LAYERED, Dockerfile, Instruction
from .model import Image, Layer

_COMPARED = 300    # characters of an instruction
_SAME = 2.0        # for the keyword; the words add at most 1


class Provenance:
    """The lines that an image's layers come from. `stages` are those of the image, the lowest first."""

    def __init__(self, dockerfile: Dockerfile, target: str | None, image: Image):
        self.stages = dockerfile.chain(target)
        own = _beside(image.layers[image.base_layers:], self.instructions(*LAYERED))
        self._made: list[Instruction | None] = [*[None] * image.base_layers, *own]

    @property
    def last_from(self) -> int:
        """The line of the FROM that decides the image's base."""
        return self.stages[-1].line

    def instructions(self, *keywords: str) -> list[Instruction]:
        """Those with these keywords, in order."""
        return [each for stage in self.stages for each in stage.instructions if each.keyword in keywords]

    def instruction(self, index: int) -> Instruction | None:
        """What made a layer; None for a layer of the base or of its ONBUILD."""
        return self._made[index]

    def line(self, index: int) -> int:
        """The line of a layer's instruction, or else of the last FROM."""
        made = self._made[index]
        return made.line if made else self.last_from

    def layers(self, line: int) -> tuple[int, ...]:
        """The layers of a line."""
        return tuple(index for index in range(len(self._made)) if self.line(index) == line)


def _beside(layers: Sequence[Layer], made: Sequence[Instruction]) -> list[Instruction | None]:
    """The instruction of each layer, or None: the alignment, in order, with the highest likeness."""
    if [_keyword(layer) for layer in layers] == [each.keyword for each in made]:
        return list(made)
    # (likeness, pairs) of the best alignment of the layers from here on with the instructions from a column on.
    below: list[tuple[float, Any]] = [(0.0, None)] * (len(made) + 1)
    for row in range(len(layers) - 1, -1, -1):
        best = below.copy()
        for column in range(len(made) - 1, -1, -1):
            options = [below[column], best[column + 1]]
            if alike := _alike(layers[row], made[column]):
                total, pairs = below[column + 1]
                options.insert(0, (alike + total, (row, made[column], pairs)))
            best[column] = max(options, key=itemgetter(0))
        below = best
    found: list[Instruction | None] = [None] * len(layers)
    pairs = below[0][1]
    while pairs:
        row, instruction, pairs = pairs
        found[row] = instruction
    return found


def _keyword(layer: Layer) -> str:
    return layer.instruction.partition(" ")[0].upper()


def _alike(layer: Layer, instruction: Instruction) -> float:
    """The likeness of a layer's instruction and one in the Dockerfile; 0 if their keywords differ."""
    if _keyword(layer) != instruction.keyword:
        return 0.0
    said, written = _words(layer.instruction.partition(" ")[2]), _words(instruction.body)
    return _SAME + SequenceMatcher(None, said, written, autojunk=False).ratio()


def _words(text: str) -> str:
    return " ".join(re.sub(r"--[a-z-]+=\S+", "", text).split())[:_COMPARED]
