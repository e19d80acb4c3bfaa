"""What a build made, or why it made nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from ..bases import Present, substitutions
from ..limits import Bounds
from ..dockerfile import Dockerfile, problems_met
from ..engine import Engine
from ..errors import BuildFailed, BuildStopped, Unsupported
from ..units import seconds, size
from .progress import Progress, StageReport, Step
from .host_secrets import IDS
from .secrets import HandedOver, mounts
from .times import overlap, ties, work

_EXIT = re.compile(r"(?:exit code: |non-zero code: |exit status )(\d+)")
_LINE = re.compile(r"parse error (?:on )?line (\d+)")
_MISSING = re.compile(r'"?/?([^\s":]+)"?(?:: | )(?:not found|no such file|file does not exist)')
_STORE = re.compile(r"/\S+/(?:merged|buildkit-mount\d+)(?=/)")
TITLES = {"buildkit": "BuildKit", "legacy": "the legacy builder", "buildah": "Buildah"}   # as a reader knows them
_TAIL = 20   # lines of the failed step's log that an error shows


@dataclass(frozen=True)
class BuildResult:
    """A build that made an image.

    image     its id, 'sha256:...'
    tag       the name it was given, or ''
    builder   'buildkit', 'legacy' or 'buildah'
    seconds   wall time from the request to the image, context included
    stages    every stage of the Dockerfile, skipped ones too
    steps     every step with times (seconds), cache hit and log
    bases     the base images it stands on, and where each came from
    target    the stage that was asked for, None for the last
    handed_over  secrets and settings of this machine that it was given, without their values
    """

    image: str
    tag: str
    builder: str
    seconds: float
    stages: tuple[StageReport, ...]
    steps: tuple[Step, ...]
    bases: tuple[Present, ...]
    target: str | None
    dockerfile: Dockerfile = field(repr=False)
    engine: Engine = field(repr=False)
    handed_over: tuple[HandedOver, ...] = ()

    @property
    def cached(self) -> bool:
        """Whether nothing had to run."""
        return all(stage.status != "built" for stage in self.stages)

    @property
    def substitutions(self) -> dict[str, str]:
        """{reference in the Dockerfile: image that was used instead}."""
        return substitutions(self.bases)

    def stage(self, name: str) -> StageReport:
        """The report of one stage. Raises DockerfileError naming those there are."""
        label = self.dockerfile.stage(name).label
        return next(stage for stage in self.stages if stage.name == label)

    def overlap(self, one: str, two: str) -> float:
        """Seconds during which steps of both stages ran at once. Raises Unsupported for Buildah."""
        self._not_of_buildah()
        return overlap(work(self.stage(one).steps), work(self.stage(two).steps))

    @property
    def ties(self) -> frozenset[tuple[str, str]]:
        """(stage that gives, stage that takes), as the builder's trace has it. Raises Unsupported
        for Buildah, which writes none."""
        self._not_of_buildah()
        return frozenset((giver.stage, taker.stage) for giver, taker in ties(self.steps))

    def _not_of_buildah(self) -> None:
        if self.builder == "buildah":
            raise Unsupported("Buildah does not tell which stages wait for which.",
                              why="It runs them one after another, and its answer has no trace.",
                              remedy="Use a Docker Engine, for its BuildKit.")

    def facts(self) -> dict[str, object]:
        """`build --json`, but for what takes a look at the image."""
        return {
            "ok": True, "image": self.image, "tag": self.tag, "builder": self.builder,
            "seconds": round(self.seconds, 3),
            "stages": [stage_facts(stage) for stage in self.stages],
            "steps": [step_facts(step) for step in self.steps],
            "substitutions": self.substitutions,
            "warnings": [each.facts() for each in problems_met(self.dockerfile, self.builder, self.target)],
            "handed_over": [{"id": each.id, "origin": each.origin} for each in self.handed_over],
            "error": None,
        }

    def __str__(self) -> str:
        head = f"{self.tag or self.image[:19]}: {seconds(self.seconds)} with {self.builder}"
        rows = [f"  {s.name:<14} {s.status:<8} {seconds(s.seconds) if s.status == 'built' else ''}"
                for s in self.stages]
        swapped = [f"  {ref} is {name} here" for ref, name in self.substitutions.items()]
        given = [f"  handed over: {', '.join(map(str, self.handed_over))}"] if self.handed_over else []
        return "\n".join([head, *(row.rstrip() for row in rows), *swapped, *given])


def stage_facts(stage: StageReport) -> dict[str, object]:
    return {"name": stage.name, "base": stage.base, "status": stage.status,
            "seconds": round(stage.seconds, 3)}


def step_facts(step: Step) -> dict[str, object]:
    return {"stage": step.stage, "instruction": step.instruction, "line": step.line,
            "cached": step.cached, "started": step.started, "completed": step.completed}


# -- failure -----------------------------------------------------------------------

def failed(progress: Progress, given: Collection[str] = ()) -> BuildFailed:
    """The error for a build that the engine gave up; `given`: the ids of its secrets."""
    message = progress.failure
    step = _culprit(progress)
    if step is None:
        line = _LINE.search(message)
        what = f"The builder refused line {line[1]}." if line else "The build failed before its first step."
        return BuildFailed(what, why=_plain(message), remedy=_remedy(message, None),
                           line=int(line[1]) if line else None, progress=progress)
    exit_code = _exit_code(step.error or message) or _exit_code(message)
    where = f"stage {step.stage!r}, " if step.stage else ""
    at = f"line {step.line}: " if step.line else ""
    what = f"The build failed in {where}{at}{step.instruction}"
    log = "\n".join(f"    {line}" for line in step.log[-_TAIL:])
    shown = f"The end of its log:\n{log}" if log else ""
    return BuildFailed(
        what, why=_why(message, exit_code, step), evidence=shown,
        remedy=_missing_secrets(progress, step, given) or _remedy(message, step),
        stage=step.stage or None, instruction=step.instruction, line=step.line,
        exit_code=exit_code, log=step.log, progress=progress,
    )


def stopped(progress: Progress, bounds: Bounds, goes_on: str = "") -> BuildStopped:
    """The error for a build that went past a bound; `goes_on` says what the engine does yet."""
    running = [step for step in progress.steps() if step.stage and step.status == "running"]
    step = running[0] if running else None
    if bounds.exceeded == "time":
        why = f"It took longer than the {seconds(bounds.seconds)} that it has."
    else:
        why = f"It wrote more than the {size(bounds.disk)} that it may write."
    why = f"{why} {goes_on}".rstrip()
    at = f" in line {step.line}" if step and step.line else ""
    log = "\n".join(f"    {line}" for line in step.log[-_TAIL:]) if step else ""
    return BuildStopped(f"The build was stopped{at}" + (f": {step.instruction}" if step else "."), why=why,
                        bound=bounds.exceeded, stage=step.stage if step else None,
                        instruction=step.instruction if step else None, line=step.line if step else None,
                        log=step.log if step else (), progress=progress,
                        evidence=f"The end of its log:\n{log}" if log else "")


def _culprit(progress: Progress) -> Step | None:
    """The step that failed. BuildKit does not always mark it: a missing source of
    a COPY is known by its name in the message."""
    steps = progress.steps()
    marked = [s for s in steps if s.error and s.stage and "canceled" not in s.error]
    if marked:
        return marked[0]
    missing = _MISSING.search(progress.failure)
    if missing:
        for step in steps:
            if step.stage and missing[1] in step.instruction:
                return step
    running = [s for s in steps if s.stage and s.status == "running"]
    return running[0] if running else None


def _exit_code(message: str) -> int | None:
    match = _EXIT.search(message)
    return int(match[1]) if match else None


def _plain(message: str) -> str:
    """The message without BuildKit's inner frames."""
    for frame in ("failed to solve with frontend dockerfile.v0: ",
                  "failed to solve: ", "failed to create LLB definition: "):
        message = message.replace(frame, "")
    # Where the engine keeps a stage on its disk is of no use to a reader.
    return _STORE.sub("", message).strip()


def _full(message: str, step: Step | None) -> bool:
    """Whether the engine's disk is full: it says so, or a command of the step did last."""
    said = (message, *(step.log[-_TAIL:] if step else ()))
    return any("no space left on device" in each.lower() for each in said)


def _why(message: str, exit_code: int | None, step: Step | None) -> str:
    if exit_code is not None and _full(message, step):
        return f"It found no room on the engine's disk (exit code {exit_code})."
    if exit_code == 137:
        return "Its command was killed (exit code 137): most often the memory ran out."
    if exit_code == 127:
        return "Its command was not found (exit code 127): that tool is not in this stage."
    if exit_code is not None:
        return f"Its command ended with exit code {exit_code}."
    return _plain(message)


def _missing_secrets(progress: Progress, step: Step, given: Collection[str]) -> str:
    """What to do about secrets that the failed command mounts and that nobody handed over."""
    missing = dict.fromkeys(name for name, line in mounts(progress.dockerfile) if line == step.line and name not in given)
    if not missing or not step.instruction.startswith("RUN"):
        return ""
    if progress.builder == "legacy":
        return "The legacy builder has no build secrets: use builder='buildkit'."
    options = " ".join(f"--secret id={name},src=FILE" for name in missing)
    lendable = " ".join(f"--lend {name}" for name in missing if name in IDS)
    return (f"It mounts {' and '.join(missing)}, and this build was not given that. If it is needed: {options}"
            + (f", or {lendable} for this machine's settings, without passwords." if lendable else "."))


def _remedy(message: str, step: Step | None) -> str:
    lower = message.lower()
    if _full(message, step):
        return ("The engine's disk is full: `python -m helpers clean` removes what the course "
                "built; `docker system df` shows what else takes room.")
    if "failed to get layer" in lower and "does not exist" in lower:
        # A cache that was emptied while others built on it (Docker Engine 20.10).
        return ("The engine's build cache names a layer that is gone: build once with no_cache=True, or empty it "
                "with `docker builder prune`.")
    if "outside the build context" in lower:
        return "COPY reads below the build context only: move the file there."
    if step and step.instruction.startswith(("COPY", "ADD")) and _MISSING.search(message):
        if "--from=" in step.instruction:
            return "Look at what that stage really made: build it with --target and list its files."
        if "../" in step.instruction:
            return "COPY reads below the build context only: move the file there."
        return "Is the name spelled as in the build context, and not excluded by .dockerignore?"
    if step and step.instruction.startswith("RUN") and _exit_code(step.error or message) == 137:
        return ("Close what else needs memory in this session (other kernels, containers), or let the command "
                "do less at once; build again: the steps before it are cached.")
    if step and step.instruction.startswith("RUN"):
        return "Read the end of the log; mend that line; build again: the steps before it are cached."
    return ""
