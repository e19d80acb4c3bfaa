"""Images and layers, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import labels
from ..units import counted, size


@dataclass(frozen=True)
class Layer:
    """One layer of an image.

    digest       'sha256:...' of the uncompressed tar archive (the diff id)
    instruction  that made it, as in a Dockerfile
    unpacked     bytes of its files
    files        number of regular files"""

    digest: str
    instruction: str
    unpacked: int
    files: int


@dataclass(frozen=True)
class Image:
    """An image, measured.

    reference    as the caller gave it; `id` is 'sha256:...'
    layers       the lowest first
    engine       description of the engine that has it
    base         name of the base image, '' if unknown
    base_layers  how many of the layers are the base's
    base_role    'build' or 'run' for a base in the catalogue, else ''"""

    reference: str
    id: str
    layers: tuple[Layer, ...]
    created: str
    labels: dict[str, str]
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
        """Number of regular files in all layers."""
        return sum(layer.files for layer in self.layers)

    @property
    def stand_in(self) -> str | None:
        """The reference that its base stands in for, None if it is real."""
        return self.labels.get(labels.STAND_IN)

    @property
    def own_layers(self) -> tuple[Layer, ...]:
        """The layers on top of the base."""
        return self.layers[self.base_layers:]

    @property
    def own_bytes(self) -> int:
        """Unpacked bytes of its own layers."""
        return sum(layer.unpacked for layer in self.own_layers)

    @property
    def base_bytes(self) -> int:
        """Unpacked bytes of the base's layers; 0 for scratch."""
        return self.unpacked - self.own_bytes

    def facts(self) -> dict[str, object]:
        """The image's part of `--json`."""
        layers = [{key: getattr(each, key) for key in ("digest", "unpacked", "instruction")} for each in self.layers]
        return {"image": self.reference, "id": self.id, "unpacked": self.unpacked, "files": self.files,
                "stand_in": self.stand_in, "base": self.base, "layers": layers}

    def __str__(self) -> str:
        rows = [f"{size(layer.unpacked):>8}  {layer.instruction}" for layer in self.layers]
        return "\n".join([f"{self.reference}: {size(self.unpacked)} unpacked, "
                          f"{counted(len(self.layers), 'layer')}", *rows])


def base_of(layers: Sequence[str], named: Mapping[str, Sequence[str]], stated: str | None) -> tuple[str, int]:
    """The base of an image with these layers: (name, number of layers), or ('', 0).

    named   {name: layer digests} of the other images
    stated  the base that a build of the course recorded. Without it, the base is the image with most of these layers,
            but not all: one with all is the same image under another name."""
    if stated == "scratch":
        return "", 0
    if stated and stated in named:
        named = {stated: named[stated]}
    else:
        named = {name: below for name, below in named.items() if len(below) < len(layers)}
    found = [(name, len(below)) for name, below in named.items() if below and [*layers[:len(below)]] == [*below]]
    return max(found, key=lambda each: each[1], default=("", 0))
