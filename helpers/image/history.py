"""Which instruction made which layer, from an image's history."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ..builder import BuildResult
from ..dockerfile import LAYERED
from .model import Image

# 'RUN |1 ARG=value /bin/sh -c ', '/bin/bash -o pipefail -c ', '/bin/sh -ec '
_SHELL = re.compile(r"^(?:RUN )?(?:\|\d+ .*?)?/bin/(?:ba|a)?sh (?:-\w*o \w+ )?-\w*c ", re.S)
_COPIES = ("COPY", "ADD")
# How the legacy builder and Buildah record a COPY, without its arguments.
_DIGEST = re.compile(r"(?:COPY|ADD) (?:file|dir|multi):[0-9a-f]{64} in ")
_FLAGS = re.compile(r"^RUN (?:--(?:mount|network|security)=\S+ )+")
_INDENTED = re.compile(r"(?<=\S)[ \t]{2,}")
_UNKNOWN = "(not recorded)"


def instruction(created_by: str) -> str:
    """The Dockerfile instruction in a history entry's `created_by`. BuildKit writes 'RUN /bin/sh -c go build #
    buildkit', the legacy builder '/bin/sh -c go build' and '/bin/sh -c #(nop)  CMD ["x"]'."""
    text = created_by.removesuffix(" # buildkit").strip()
    match = _SHELL.match(text)
    if not match:
        return text
    command = text[match.end():].strip()
    if command.startswith("#(nop)"):
        return " ".join(command.removeprefix("#(nop)").split())
    command = _INDENTED.sub(" ", command)    # of a continued line
    command = command if command.split(" ", 1)[0] in LAYERED else f"RUN {command}"
    return _FLAGS.sub("RUN ", command)       # Buildah keeps the flags


def makes_layer(created_by: str) -> bool:
    """Whether that instruction adds a layer, by its keyword."""
    return instruction(created_by).split(" ", 1)[0].upper() in LAYERED


def from_engine(history: Sequence[dict], layers: int) -> list[str] | None:
    """The instruction of each of an image's `layers`, from the engine's history (newest first); None if the numbers do
    not match. Entries with bytes have a layer; for others the keyword decides, but no WORKDIR makes the root."""
    for empty in (makes_layer, lambda text: makes_layer(text) and instruction(text) != "WORKDIR /", lambda text: False):
        made = [entry for entry in reversed(history) if entry["Size"] > 0 or empty(entry["CreatedBy"] or "")]
        if len(made) == layers:
            return [_recorded(entry["CreatedBy"], entry.get("Comment")) for entry in made]
    return None


def from_config(config: dict, layers: int) -> list[str]:
    """The instruction of each of `layers` layers, from the image's configuration, which says what made a layer."""
    history = config.get("history")
    made = [_recorded(entry.get("created_by"), entry.get("comment"))
            for entry in (history if isinstance(history, list) else ())
            if isinstance(entry, dict) and not entry.get("empty_layer")]
    return (made + [_UNKNOWN] * layers)[:layers]


def _recorded(created_by: object, comment: object) -> str:
    if created_by == "/bin/sh":   # how Podman records a committed container
        return _UNKNOWN
    written = instruction(created_by) if isinstance(created_by, str) else ""
    return written or (comment if isinstance(comment, str) else "") or _UNKNOWN


def with_copy_arguments(image: Image, built: BuildResult) -> Image:
    """The image of a build, with the Dockerfile's arguments in each COPY and ADD that its builder recorded as a digest.
    Unchanged if their numbers do not match."""
    stages = built.dockerfile.chain(built.target)
    written = [each for stage in stages for each in stage.instructions if each.keyword in _COPIES]
    at = [place for place, layer in enumerate(image.layers)
          if place >= image.base_layers and _DIGEST.match(layer.instruction)]
    if built.builder == "buildkit" or not at or len(at) != len(written):
        return image
    layers = list(image.layers)
    for place, copy in zip(at, written):
        layers[place] = replace(layers[place], instruction=f"{copy.keyword} {' '.join(copy.arguments.split())}")
    return replace(image, layers=tuple(layers))
