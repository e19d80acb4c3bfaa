"""All that the rules look at: plain values, no engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..builder import Step
from ..dockerfile import Dockerfile, Stage
from ..image import Start
from ..inventory import Inventory
from .base_advice import Advice
from .entrypoint import Entrypoint
from .files import FILE, BuildFiles, visible_files
from .project import Project
from .provenance import Provenance


@dataclass(frozen=True)
class ReportContext:
    """A built project.

    target   the stage that was built, None for the last
    builder  'buildkit', 'legacy' or 'buildah'
    main     the program that the image is for, None if it is unknown
    advice   a base that would be enough, None if nothing smaller is known
    builder  'buildkit', 'legacy' or 'buildah'
    """

    dockerfile: Dockerfile
    inventory: Inventory
    start: Start = Start()
    project: Project = Project()
    target: str | None = None
    steps: tuple[Step, ...] = ()
    main: Entrypoint | None = None
    advice: Advice | None = None
    builder: str = "buildkit"
    _visible: dict[int, Mapping[str, int]] = field(default_factory=dict, repr=False, compare=False)
    _files: dict[int, Mapping[str, int]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def lines(self) -> Provenance:
        return Provenance(self.dockerfile, self.target, self.inventory.image)

    @cached_property
    def needed(self) -> tuple[Stage, ...]:
        """The stages that this build runs, in the order of the file."""
        labels = self.dockerfile.needed(self.target)
        return tuple(stage for stage in self.dockerfile.stages if stage.label in labels)

    @cached_property
    def build_files(self) -> BuildFiles:
        return BuildFiles(self.inventory)

    @property
    def unpacked(self) -> int:
        return self.inventory.image.unpacked

    @property
    def base_layers(self) -> int:
        return self.inventory.image.base_layers

    @property
    def own(self) -> range:
        """Indexes of the layers that the Dockerfile made."""
        return range(self.base_layers, len(self.inventory.image.layers))

    def own_lines(self) -> list[tuple[int, list[int]]]:
        """(line, its layers) for what the Dockerfile's own instructions brought."""
        by_line: dict[int, list[int]] = {}
        for index in self.own:
            by_line.setdefault(self.lines.line(index), []).append(index)
        return sorted(by_line.items())

    def files(self, index: int) -> Mapping[str, int]:
        """{path: bytes} of every file in a layer's archive."""
        if index not in self._files:
            entries = self.inventory.tree.entries(index)
            self._files[index] = {entries.paths[row]: entries.sizes[row] for row, kind in enumerate(entries.kinds)
                                  if kind == FILE}
        return self._files[index]

    def visible(self, index: int) -> Mapping[str, int]:
        """{path: bytes} of a layer's files that a container sees."""
        if index not in self._visible:
            self._visible[index] = visible_files(self.inventory, index)
        return self._visible[index]
