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

TITLES = {"buildkit": "BuildKit", "legacy": "the legacy builder", "buildah": "Buildah"}   # as a reader knows them


@dataclass(frozen=True)
class BuildResult:
    """A build that made an image.

    image     its id, 'sha256:...'; '' where it went to `output`
    output    the folder or archive that was written in place of an image, or None
    tag       the name it was given, or ''
    builder   'buildkit', 'legacy' or 'buildah'
    seconds   wall time from the request to the image, context included
    stages    every stage of the Dockerfile, skipped ones too
    steps     every step with times (seconds), cache hit and log
    bases     the base images it stands on, and where each came from
    target    the stage that was asked for, None for the last
    snapshots    its file systems, at any stage and line; None without BuildKit
    warnings     what the builder's own checks object to, by line (Docker 27 and later; empty elsewhere)
    handed_over  secrets and settings of this machine that it was given, without their values
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
        """Its tag; without one the name of the folder or archive that was written, or the beginning of its id."""
        return self.tag or (self.output.name if self.output else self.image.removeprefix("sha256:")[:12])

    @property
    def cached(self) -> bool:
        """Whether nothing had to run."""
        return all(stage.status != "built" for stage in self.stages)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Lines of the stages that were built which are not built as they read."""
        return problems_met(self.dockerfile, self.builder, self.target)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What there is to say of the Dockerfile's lines, by line: `problems` and `warnings`, the same thing once."""
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
        """The report of one stage. Raises DockerfileError naming those there are."""
        label = self.dockerfile.stage(name).label
        return replace(next(stage for stage in self.stages if stage.name == label), snapshots=self.snapshots)

    def at(self, line: int) -> Snapshot:
        """The file system as the instruction at that line of the Dockerfile leaves it, from the build cache.

        Raises Unsupported where the builder was not BuildKit, DockerfileError where no instruction stands there.
        """
        return self._snapshots().at(line)

    def browse(self, *stages: str) -> Rooms:
        """Stages beside each other, folder by folder, with what COPY --from took marked: the builder and the last
        stage, or those that are named. Errors as of `at`."""
        return rooms(self._snapshots(), stages)

    def lines(self) -> Lines:
        """What is there before and after each line, and what it changes. Raises Unsupported as `at` does."""
        return Lines(self._snapshots())

    def _snapshots(self) -> Snapshots:
        if self.snapshots is None or not upgradable(self.engine):
            raise Unsupported("The files of this build cannot be looked into.",
                              why="Only BuildKit keeps them, where a local socket or TCP reaches it.",
                              remedy="Build with builder='buildkit' on a Docker Engine.")
        return self.snapshots

    def overlap(self, one: str, two: str) -> float:
        """Seconds during which steps of both stages ran at once. Raises Unsupported for Buildah."""
        self._not_of_buildah()
        return overlap(work(self.stage(one).steps), work(self.stage(two).steps))

    @property
    def dependencies(self) -> frozenset[tuple[str, str]]:
        """(stage that gives, stage that takes), as the builder's trace has it. Raises Unsupported
        for Buildah, which writes none."""
        self._not_of_buildah()
        return frozenset((giver.stage, taker.stage) for giver, taker in dependencies(self.steps))

    def _not_of_buildah(self) -> None:
        if self.builder == "buildah":
            raise Unsupported("Buildah does not report which stages wait for which.",
                              why="It runs them one after another, and its answer has no trace.",
                              remedy="Use a Docker Engine, for its BuildKit.")

    def facts(self) -> dict[str, object]:
        """`build --json`, but for what takes a look at the image."""
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
