"""What an image is made of: plain values, no engine."""

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
    files        number of its regular files"""

    digest: str
    instruction: str
    unpacked: int
    files: int


@dataclass(frozen=True)
class Image:
    """An image, measured.

    reference  as the caller gave it; `id` its 'sha256:...'
    layers     the base's first, the last instruction's last
    engine     the engine that it was measured on, in one line
    base       name of the image that it is based on, '' if none is known
    base_layers   how many of the layers, from the first, are the base's
    base_role  'build' or 'run' for a base in the catalogue, else ''"""

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

    @property
    def base_bytes(self) -> int:
        """Unpacked bytes of its base's layers; 0 for scratch."""
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


def unshared(image: Image, others: Iterable[Iterable[str]]) -> int:
    """Unpacked bytes of the layers of `image` that none of `others` has, each given as the digests of its layers."""
    shared = {digest for layers in others for digest in layers}
    return sum(layer.unpacked for layer in image.layers if layer.digest not in shared)


def base_of(layers: Sequence[str], named: Mapping[str, Sequence[str]], stated: str | None) -> tuple[str, int]:
    """The base of an image with these layers: (name, number of layers), or ('', 0). `named` are the other images
    ({name: layer digests}), `stated` is what a build of the course recorded. Without that, the base is the image with
    the most of these layers but not all: one that has all is the same image under another name."""
    if stated == "scratch":
        return "", 0
    if stated and stated in named:
        named = {stated: named[stated]}
    else:
        named = {name: below for name, below in named.items() if len(below) < len(layers)}
    found = [(name, len(below)) for name, below in named.items() if below and [*layers[:len(below)]] == [*below]]
    return max(found, key=lambda each: each[1], default=("", 0))
