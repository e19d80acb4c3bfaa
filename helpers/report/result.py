"""A report: what was built, what is in it, and what to fix."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..builder import BuildResult
from ..image import Image, Layer
from ..image.provenance import Provenance
from ..inventory import Inventory
from .context import ReportContext
from .entrypoint import Entrypoint
from .model import RULES, Finding
from .opinions import Opinions


@dataclass(frozen=True)
class Report:
    """A project that was built and looked at.

    result    of the build: stages, steps, times
    lines     which line of the Dockerfile made which layer
    main      the program that the image starts, None if unknown
    findings  what to fix, the most severe first
    unique    bytes of the layers that no other named image in the engine has
    transfer  bytes that a push or pull moves, None if that was not measured
    opinions  what hadolint and the builder's own checks say
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
        """The image that was built."""
        return self.inventory.image

    @property
    def project(self) -> str:
        """The name of the project, with which that of its image begins."""
        return self.result.tag.partition(":")[0]

    def of(self, rule: str) -> tuple[Finding, ...]:
        """The findings of one rule."""
        return tuple(each for each in self.findings if each.rule == rule)

    def by_line(self) -> dict[int, list[Finding]]:
        """{line: its findings}; those without a line are under 0."""
        found: dict[int, list[Finding]] = {}
        for each in self.findings:
            found.setdefault(each.line or 0, []).append(each)
        return found

    def layers(self) -> tuple[tuple[int, Layer], ...]:
        """(line, layer), the lowest first; layers of the base have the line of the last FROM."""
        return tuple((self.lines.line(index), layer) for index, layer in enumerate(self.image.layers))

    def brought(self) -> dict[int, int]:
        """{line: bytes that it adds to the image}, in the order of the file."""
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


_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"high": "error", "medium": "warning", "low": "note", "info": "note", "style": "note"}


def to_sarif(report: Report, file: str) -> dict[str, Any]:
    """The findings and opinions as SARIF 2.1.0, for code scanning.

    file  path of the Dockerfile in the results, from the root of the repository
    """
    said = (*report.opinions.checks, *report.opinions.besides)
    opinions = {each.rule: each for each in said}
    rules = [_rule(name, RULES[name].title) for name in dict.fromkeys(each.rule for each in report.findings)] + \
        [_rule(name, each.message, each.link) for name, each in opinions.items()]
    driver = {"name": "multistage-measured", "version": __version__, "rules": rules}
    results = [*(_result(each.rule, each.severity, f"{each.what} {each.why} {each.remedy}",
                         (_place(line, file) for line in (each.line, *each.also))) for each in report.findings),
               *(_result(each.rule, each.level, each.message, [_place(each.line, file)]) for each in said)]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(name: str, title: str, link: str = "") -> dict[str, Any]:
    return {"id": name, "shortDescription": {"text": title}, **({"helpUri": link} if link else {})}


def _result(rule: str, level: str, text: str, places: Iterable[dict[str, Any]]) -> dict[str, Any]:
    first, *others = places
    return {"ruleId": rule, "level": _LEVELS.get(level, level), "message": {"text": text},
            "locations": [first], **({"relatedLocations": others} if others else {})}


def _place(line: int | None, file: str) -> dict[str, Any]:
    # Code scanning does not show a result without a line.
    return {"physicalLocation": {"artifactLocation": {"uri": quote(os.fsencode(file))},
                                 "region": {"startLine": line or 1}}}
