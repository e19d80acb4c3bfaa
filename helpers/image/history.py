"""A COPY in a layer's words: what was copied, where a builder writes only its digest.

The legacy builder and Buildah write `COPY file:4dab6d2b... in /app/` into an image's
history, and nothing in the image says what that was. A build that has just ended knows.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..builder import BuildResult
from ..dockerfile import Dockerfile, Instruction, Stage
from .model import Image

_COPIED = ("COPY", "ADD")
_DIGEST = re.compile(r"(?:COPY|ADD) (?:file|dir|multi):[0-9a-f]{64} in ")


def worded(image: Image, built: BuildResult) -> Image:
    """The image of `built` with each COPY and ADD of its own as BuildKit writes it, without
    flags. Unchanged where their number is not that of the Dockerfile."""
    stages = _below(built.dockerfile, built.dockerfile.stage(built.target) if built.target else built.dockerfile.stages[-1])
    written = [each for stage in stages for each in stage.instructions if each.keyword in _COPIED]
    at = [place for place, layer in enumerate(image.layers)
          if place >= image.base_layers and _DIGEST.match(layer.instruction)]
    if built.builder == "buildkit" or not at or len(at) != len(written):
        return image
    layers = list(image.layers)
    for place, instruction in zip(at, written):
        layers[place] = replace(layers[place], instruction=_said(instruction))
    return replace(image, layers=tuple(layers))


def _below(parsed: Dockerfile, stage: Stage) -> list[Stage]:
    """The stage after those that it stands on, FROM by FROM."""
    stages = [stage]
    while stages[0].base_stage is not None:
        stages.insert(0, parsed.stage(stages[0].base_stage))
    return stages


def _said(instruction: Instruction) -> str:
    return f"{instruction.keyword} {' '.join(instruction.arguments.split())}"
