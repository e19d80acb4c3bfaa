"""What an image is made of: plain values, no engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .. import labels
from ..units import counted, size


@dataclass(frozen=True)
class Layer:
    """One layer of an image.

    digest       'sha256:...' of its uncompressed tar archive (the diff id)
    instruction  that made it, as in a Dockerfile
    unpacked     bytes of its files
    files        number of its regular files
    """

    digest: str
    instruction: str
    unpacked: int
    files: int


@dataclass(frozen=True)
class Image:
    """An image that was looked at.

    reference  as it was asked for; `id` its 'sha256:...'
    layers     the base's first, the last instruction's last
    settings   (name, value) pairs that a reader wants: user, command, ports
    engine     the engine that it was measured on, in one line
    base       name of the image that it stands on, '' if none is known
    base_layers   how many of the layers, from the first, are the base's
    base_role  'build' or 'run' for a base in the catalogue, else ''
    """

    reference: str
    id: str
    layers: tuple[Layer, ...]
    created: str
    labels: dict[str, str]
    settings: tuple[tuple[str, str], ...]
    engine: str = ""
    base: str = ""
    base_layers: int = 0
    base_role: str = ""

    @property
    def unpacked(self) -> int:
        """Bytes of the files in all layers."""
        return sum(layer.unpacked for layer in self.layers)

    @property
    def files(self) -> int:
        return sum(layer.files for layer in self.layers)

    @property
    def stand_in(self) -> str | None:
        """The reference that this image's base stands in for, None for a real one."""
        return self.labels.get(labels.STAND_IN)

    @property
    def own_layers(self) -> tuple[Layer, ...]:
        """The layers that its own Dockerfile added on top of the base."""
        return self.layers[self.base_layers:]

    @property
    def own_bytes(self) -> int:
        """Unpacked bytes of its own layers."""
        return sum(layer.unpacked for layer in self.own_layers)

    def facts(self) -> dict[str, object]:
        """The image's part of `--json`."""
        return {
            "image": self.reference, "id": self.id, "unpacked": self.unpacked,
            "files": self.files, "stand_in": self.stand_in, "base": self.base,
            "layers": [{"digest": layer.digest, "unpacked": layer.unpacked,
                        "instruction": layer.instruction} for layer in self.layers],
        }

    def __str__(self) -> str:
        rows = [f"{size(layer.unpacked):>8}  {layer.instruction}" for layer in self.layers]
        return "\n".join([f"{self.reference}: {size(self.unpacked)} unpacked, "
                          f"{counted(len(self.layers), 'layer')}", *rows])


def unshared(image: Image, others: Iterable[Iterable[str]]) -> int:
    """Unpacked bytes of the layers of `image` that are in none of `others`,
    each given as its layers' digests."""
    shared = {digest for layers in others for digest in layers}
    return sum(layer.unpacked for layer in image.layers if layer.digest not in shared)


def base_of(layers: Sequence[str], named: Mapping[str, Sequence[str]],
            stated: str | None) -> tuple[str, int]:
    """The base of an image with these layers: (name, number of layers), or ('', 0).

    `named` are the other images, `stated` is what a build of the course wrote
    down. Without that word for it, the base is the image with the most of these
    layers, but not all: one that has all is the same thing under another name.
    """
    if stated == "scratch":
        return "", 0
    if stated in named:
        return stands_on(layers, {stated: named[stated]})
    return stands_on(layers, {name: below for name, below in named.items()
                              if len(below) < len(layers)})


def stands_on(layers: Sequence[str], named: Mapping[str, Sequence[str]]) -> tuple[str, int]:
    """Of the `named` images ({name: layer digests}) the one with the most layers
    that `layers` begins with: (name, number of layers), or ('', 0).

    An image is its own base if nothing was added to it.
    """
    best = ("", 0)
    for name, below in named.items():
        if best[1] < len(below) <= len(layers) and tuple(layers[: len(below)]) == tuple(below):
            best = (name, len(below))
    return best


# -- history ---------------------------------------------------------------------

# 'RUN |1 ARG=value /bin/sh -c ', '/bin/bash -o pipefail -c ', '/bin/sh -ec '
_SHELL = re.compile(r"^(?:RUN )?(?:\|\d+ .*?)?/bin/(?:ba|a)?sh (?:-\w+ \w+ )?-\w*c ", re.S)
_LAYERED = ("RUN", "COPY", "ADD", "WORKDIR")


def instruction(created_by: str) -> str:
    """The Dockerfile instruction in a history entry's `created_by`.

    BuildKit writes 'RUN /bin/sh -c go build # buildkit', the legacy builder
    '/bin/sh -c go build' and '/bin/sh -c #(nop)  CMD ["x"]'.
    """
    text = created_by.removesuffix(" # buildkit").strip()
    match = _SHELL.match(text)
    if match:
        command = text[match.end():].strip()
        if command.startswith("#(nop)"):
            return " ".join(command.removeprefix("#(nop)").split())
        known = command.split(" ", 1)[0] in _LAYERED
        return command if known else f"RUN {command}"
    return text


def makes_layer(created_by: str) -> bool:
    """Whether that instruction adds a layer, by its keyword alone."""
    return instruction(created_by).split(" ", 1)[0].upper() in _LAYERED
