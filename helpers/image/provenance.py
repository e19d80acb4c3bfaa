"""Which line of a Dockerfile made which layer of its image.

An image's history names instructions and not lines, and it does not quote them as they are written: variables are
replaced, flags left out, a base's ONBUILD triggers put in between. So the layers are laid beside the instructions, in
order, as well as they match.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from ..dockerfile import LAYERED, Dockerfile, Instruction
from .model import Image, Layer

_COMPARED = 300    # characters of an instruction
_SAME = 2.0        # for the keyword, beside which the words' likeness is at most 1


class Provenance:
    """The lines that an image's layers come from.

    stages  that the image is made of, the lowest first; the last is what is shipped
    """

    def __init__(self, dockerfile: Dockerfile, target: str | None, image: Image):
        self.stages = dockerfile.chain(target)
        own = _beside(image.layers[image.base_layers:], self.instructions(*LAYERED))
        self._made: list[Instruction | None] = [*[None] * image.base_layers, *own]

    @property
    def last_from(self) -> int:
        """The line of the FROM that decides the image's base."""
        return self.stages[-1].line

    def instructions(self, *keywords: str) -> list[Instruction]:
        """Those with these keywords, in the order of the file."""
        return [each for stage in self.stages for each in stage.instructions if each.keyword in keywords]

    def instruction(self, index: int) -> Instruction | None:
        """What made the layer of an index, None for one of the base or of a base's ONBUILD."""
        return self._made[index]

    def line(self, index: int) -> int:
        """The line that brings a layer: of its instruction, or of the last FROM."""
        made = self._made[index]
        return made.line if made else self.last_from

    def layers(self, line: int) -> tuple[int, ...]:
        """The layers that a line brings."""
        return tuple(index for index in range(len(self._made)) if self.line(index) == line)


def _beside(layers: Sequence[Layer], made: Sequence[Instruction]) -> list[Instruction | None]:
    """For each layer its instruction or None: the pairs, in order, that are most alike."""
    if [_keyword(layer) for layer in layers] == [each.keyword for each in made]:
        return list(made)
    best = [[0.0] * (len(made) + 1) for _ in range(len(layers) + 1)]
    alike = [[_alike(layer, each) for each in made] for layer in layers]
    for row in range(len(layers) - 1, -1, -1):
        for column in range(len(made) - 1, -1, -1):
            best[row][column] = max(best[row + 1][column], best[row][column + 1],
                                    alike[row][column] and alike[row][column] + best[row + 1][column + 1])
    found: list[Instruction | None] = [None] * len(layers)
    row = column = 0
    while row < len(layers) and column < len(made):
        here = best[row][column]
        if alike[row][column] and here == alike[row][column] + best[row + 1][column + 1]:
            found[row] = made[column]
            row, column = row + 1, column + 1
        elif here == best[row + 1][column]:
            row += 1
        else:
            column += 1
    return found


def _keyword(layer: Layer) -> str:
    return layer.instruction.partition(" ")[0].upper()


def _alike(layer: Layer, instruction: Instruction) -> float:
    """0 for another keyword, else more the more words are the same."""
    if _keyword(layer) != instruction.keyword:
        return 0.0
    said, written = _words(layer.instruction.partition(" ")[2]), _words(instruction.body)
    return _SAME + SequenceMatcher(None, said, written, autojunk=False).ratio()


def _words(text: str) -> str:
    return " ".join(re.sub(r"--[a-z-]+=\S+", "", text).split())[:_COMPARED]
