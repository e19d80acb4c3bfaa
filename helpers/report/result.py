"""A report: what was built, what is in it, and what to fix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..builder import BuildResult
from ..image import Image, Layer
from ..inventory import Inventory
from .context import ReportContext
from .entrypoint import Entrypoint
from .model import Finding
from .opinions import Opinions
from .provenance import Provenance


@dataclass(frozen=True)
class Report:
    """A project that was built and looked at.

    result    of the build: stages, steps, times
    lines     which line of the Dockerfile brought which layer
    main      the program that the image is for, None if it is unknown
    findings  what to fix, the heaviest first
    unique    bytes of the layers that no other named image in the engine has
    transfer  bytes that a push or pull moves, None if that was not measured
    opinions  what hadolint and the builder's own checks say of the text
    context   what the rules looked at
    """

    result: BuildResult
    inventory: Inventory = field(repr=False)
    lines: Provenance = field(repr=False)
    main: Entrypoint | None
    findings: tuple[Finding, ...]
    unique: int
    transfer: int | None = None
    opinions: Opinions = Opinions()
    context: ReportContext | None = field(default=None, repr=False)

    @property
    def image(self) -> Image:
        return self.inventory.image

    def of(self, rule: str) -> tuple[Finding, ...]:
        """The findings of a rule."""
        return tuple(each for each in self.findings if each.rule == rule)

    def by_line(self) -> dict[int, list[Finding]]:
        """{line: its findings}; those of no line stand under 0."""
        found: dict[int, list[Finding]] = {}
        for each in self.findings:
            found.setdefault(each.line or 0, []).append(each)
        return found

    def layers(self) -> tuple[tuple[int, Layer], ...]:
        """(line, layer), the lowest first. All of a base's are of the last FROM's line."""
        return tuple((self.lines.line(index), layer) for index, layer in enumerate(self.image.layers))

    def brought(self) -> dict[int, int]:
        """{line: bytes of the image that it brings}, in the order of the file."""
        found: dict[int, int] = {}
        for line, layer in self.layers():
            found[line] = found.get(line, 0) + layer.unpacked
        return dict(sorted(found.items()))

    def facts(self) -> dict[str, object]:
        """The content of `report --json`."""
        dockerfile = self.result.dockerfile
        facts: dict[str, Any] = self.inventory.facts()
        layers = [{**each, "line": line} for each, (line, _) in zip(facts.pop("layers"), self.layers(), strict=True)]
        return {
            "ok": True, "error": None,
            "image": self.result.image, "tag": self.result.tag, "builder": self.result.builder,
            "seconds": round(self.result.seconds, 3),
            "unpacked": self.image.unpacked, "unique": self.unique, "transfer": self.transfer,
            "stages": [{**each.facts(), "line": each.line} for each in self.result.stages],
            "edges": [{"from": each.source, "to": each.target, "via": each.via, "line": each.line, "kind": each.kind}
                      for each in dockerfile.edges], "steps": [each.facts() for each in self.result.steps],
            "substitutions": self.result.substitutions, "layers": layers,
            "program": {"name": self.main.name, "path": self.main.path, "kind": self.main.kind,
                        "missing": list(self.main.missing)} if self.main else None,
            "findings": [each.facts() for each in self.findings],
            "opinions": [each.facts() for each in self.opinions.besides],
            "checks": [each.facts() for each in self.opinions.checks],
            "inventory": {key: value for key, value in facts.items()
                          if key not in ("image", "id", "unpacked", "transfer")}}
