"""What a build made."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..bases import ResolvedBase, substitutions
from ..dockerfile import Dockerfile, Problem, problems_met
from ..engine import Engine
from ..errors import Unsupported
from ..lint import Finding
from ..units import seconds
from .crossings import Rooms, rooms
from .line_by_line import Lines
from .linter import SAME
from .progress import StageReport
from .secrets import HandedOver
from .snapshot import Snapshot
from .snapshots import Snapshots
from .steps import Step, dependencies, overlap, work
from .tunnel import upgradable

TITLES = {"buildkit": "BuildKit", "legacy": "the legacy builder", "buildah": "Buildah"}


@dataclass(frozen=True)
class BuildResult:
    """A build that made an image.

    image     its id, 'sha256:...'; '' for an `output`
    output    the folder or archive written in place of an image, or None
    tag       its name, or ''
    builder   'buildkit', 'legacy' or 'buildah'
    seconds   wall time from the request to the image, context included
    stages    every stage of the Dockerfile, skipped ones included
    steps     every step with times (seconds), cache hit and log
    bases     the base images, and where each came from
    target    the requested stage, None for the last
    snapshots    its file systems, at any stage and line; None without BuildKit
    warnings     findings of the builder's own checks, by line (Docker 27 and later; empty elsewhere)
    handed_over  secrets and settings of this machine passed to it, without their values
    """

    image: str
    tag: str
    builder: str
    seconds: float
    stages: tuple[StageReport, ...]
    steps: tuple[Step, ...]
    bases: tuple[ResolvedBase, ...]
    target: str | None
    dockerfile: Dockerfile = field(repr=False)
    engine: Engine = field(repr=False)
    handed_over: tuple[HandedOver, ...] = ()
    output: Path | None = None
    warnings: tuple[Finding, ...] = ()
    snapshots: Snapshots | None = field(default=None, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Its tag, else the name of the folder or archive written, else the beginning of its id."""
        return self.tag or (self.output.name if self.output else self.image.removeprefix("sha256:")[:12])

    @property
    def cached(self) -> bool:
        """Whether nothing ran."""
        return all(stage.status != "built" for stage in self.stages)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Lines of the stages built that the builder does not build as they read."""
        return problems_met(self.dockerfile, self.builder, self.target)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """`problems` and `warnings` by line, without repeats."""
        ours = [Finding(each.line, each.rule, "warning", f"{each.fault} {each.why} {each.remedy}")
                for each in self.problems]
        known = {(each.rule, each.line) for each in ours}
        theirs = [each for each in self.warnings if (SAME.get(each.rule), each.line) not in known]
        return tuple(sorted(ours + theirs))

    @property
    def substitutions(self) -> dict[str, str]:
        """{reference in the Dockerfile: image that was used instead}."""
        return substitutions(self.bases)

    def stage(self, name: str) -> StageReport:
        """One stage. Raises DockerfileError naming those there are."""
        label = self.dockerfile.stage(name).label
        return replace(next(stage for stage in self.stages if stage.name == label), snapshots=self.snapshots)

    def at(self, line: int) -> Snapshot:
        """The file system after the instruction at that line of the Dockerfile, from the build cache. Raises
        Unsupported if the builder was not BuildKit, DockerfileError if there is no instruction."""
        return self._snapshots().at(line)

    def browse(self, *stages: str) -> Rooms:
        """Stages side by side, folder by folder, with what COPY --from took marked: the builder and the last stage, or
        those named. Raises as `at`."""
        return rooms(self._snapshots(), stages)

    def lines(self) -> Lines:
        """The state before and after each line, and what it changes. Raises Unsupported as `at`."""
        return Lines(self._snapshots())

    def _snapshots(self) -> Snapshots:
        if self.snapshots is None or not upgradable(self.engine):
            raise Unsupported("The files of this build cannot be looked into.",
                              why="Only BuildKit keeps them, reached by a local socket or TCP.",
                              remedy="Build with builder='buildkit' on a Docker Engine.")
        return self.snapshots

    def overlap(self, one: str, two: str) -> float:
        """Seconds during which steps of both stages ran at once. Raises Unsupported for Buildah."""
        self._not_of_buildah()
        return overlap(work(self.stage(one).steps), work(self.stage(two).steps))

    @property
    def dependencies(self) -> frozenset[tuple[str, str]]:
        """(stage that gives, stage that takes), from the builder's trace. Raises Unsupported for Buildah, without one.
        """
        self._not_of_buildah()
        return frozenset((giver.stage, taker.stage) for giver, taker in dependencies(self.steps))

    def _not_of_buildah(self) -> None:
        if self.builder == "buildah":
            raise Unsupported("Buildah does not report which stages wait for which.",
                              why="It runs them one after another, and its answer has no trace.",
                              remedy="Use a Docker Engine, for its BuildKit.")

    def facts(self) -> dict[str, object]:
        """`build --json`, without what takes a look at the image."""
        return {
            "ok": True, "image": self.image, "tag": self.tag, "output": str(self.output or ""), "builder": self.builder,
            "seconds": round(self.seconds, 3),
            "stages": [stage.facts() for stage in self.stages],
            "steps": [step.facts() for step in self.steps],
            "substitutions": self.substitutions,
            "warnings": [each.facts() for each in self.problems],
            "checks": [each.facts() for each in self.warnings],
            "handed_over": [{"id": each.id, "origin": each.origin} for each in self.handed_over],
            "error": None}

    def __str__(self) -> str:
        head = f"{self.title}: {seconds(self.seconds)} with {self.builder}"
        rows = [f"  {s.name:<14} {s.status:<8} {seconds(s.seconds) if s.status == 'built' else ''}"
                for s in self.stages]
        swapped = [f"  {ref} is {name} here" for ref, name in self.substitutions.items()]
        given = [f"  passed to the build: {', '.join(map(str, self.handed_over))}"] if self.handed_over else []
        checks = [f"  {each}" for each in self.findings]
        return "\n".join([head, *(row.rstrip() for row in rows), *swapped, *given, *checks])
