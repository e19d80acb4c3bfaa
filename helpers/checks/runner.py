"""One check of an exercise: read, build, inspect, run, and judge.

    text -> dockerfile_rules (no engine) -> build -> image_rules -> runtime_rules -> cache, rebuild, targets

The build gets the exercise's own source in a new folder, with a random word in it. Only a program that was compiled in
this build knows the word. The images are removed afterwards.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from .. import dockerfile as dockerfiles
from ..builder import BuildResult, Progress
from ..dockerfile import Dockerfile
from ..engine import Engine, connect
from ..errors import BuildFailed, BuildStopped, DockerfileError
from ..experiments.reproducibility import remove_if_untagged
from ..image import compare
from ..image import start as start_of
from ..inventory import inventory
from ..limits import Bounds
from ..units import listed
from . import ci_cache, dockerfile_rules, image_rules, measure, rebuilds, requirements, runtime_rules, submission
from .building import LearnersProgress, build_exercise, with_mounts, without_mounts
from .exercise import Content, Exercise, Same, Target
from .goals import goals
from .placeholders import Values, random_word
from .rebuilds import rebuilt
from .verdict import Fail, Findings, Verdict

_LOG = 8      # lines of a failed step's log that a message quotes
_RETRY = ("resource busy", "ermission denied")


@dataclass(frozen=True)
class Listener:
    """Callbacks for what a check is doing: sentences, and the progress of a build."""

    say: Callable[[str], None] = lambda _: None
    build: Callable[[Progress], None] = lambda _: None


def check(exercise: Exercise, dockerfile: Path | None = None, *, text: str | None = None, builder: str | None = None,
          engine: Engine | None = None, listener: Listener = Listener(), word: str = "") -> Verdict:
    """The verdict on a Dockerfile.

    dockerfile  None: the learner's own, or the starter if there is none yet
    text        the text of a Dockerfile, instead of a file
    builder     None: the engine's default
    word        for the proof, '' for a random one; tests pass one, so that their checks share the builder's cache

    If the engine cannot do what the exercise needs, nothing is built, and the verdict is neither a pass nor a fail.
    Raises ExerciseError if there is no such file, BaseUnavailable for a base that cannot be downloaded, and the
    engine's errors.
    """
    began = time.perf_counter()
    path = dockerfile or (exercise.work if exercise.work.is_file() else exercise.starter)
    text = submission.text(path) if text is None else text
    source = {**exercise.source(), **submission.changed_files(exercise, path)}
    found = Findings()
    lacking: tuple[str, ...] = ()
    steps, done = goals(exercise), 1
    read = dockerfile_rules.judge(exercise, text, tuple(source), found)
    if read is not None and not found.fails:
        engine = engine or connect()
        lacking = requirements.lacks(exercise, read, engine, builder)
        if not lacking:
            found.notes += requirements.less_certain(exercise, engine, builder)
            exercise = requirements.judged(exercise, engine, builder)
            steps = goals(exercise)
            listener.say(f"{exercise.name}: building")
            with Attempt(exercise, read, source, builder, engine, listener, word) as attempt:
                done = list(steps).index(attempt.judge(found) or list(steps)[-1]) + 1
    at = f"Stopped at step {done} of {len(steps)}, {list(steps)[done - 1]}."
    stopped = at if found.fails and done < len(steps) else ""
    return Verdict(exercise.name, submission.short_path(path), tuple(dict.fromkeys(found.holds)), tuple(found.fails),
                   tuple(found.notes), lacks=lacking, seconds=time.perf_counter() - began, text=text,
                   goals=tuple(goal for rules in steps.values() for goal in rules), stopped=stopped)


class Attempt(contextlib.ExitStack):
    """The part of a check that needs an engine. On exit it removes the images that it built.

    Arguments as of `check`; source is {path: content} of the build context.
    """

    def __init__(self, exercise: Exercise, read: Dockerfile, source: Mapping[str, bytes], builder: str | None,
                 engine: Engine, listener: Listener = Listener(), word: str = ""):
        super().__init__()
        self.exercise, self.read, self.engine, self.listener = exercise, read, engine, listener
        self.builder = builder or engine.builders[0]
        self.proof, self.source = word or random_word(), dict(source)
        self.secrets = {name: random_word() for name in exercise.build.secrets}
        self._again = "", False    # a word, and whether it makes every RUN run again
        if proof := exercise.proof:
            self.source[proof.file] = self.source[proof.file].replace(proof.word.encode(), self.proof.encode())

    def judge(self, found: Findings) -> str:
        """Judge everything, into `found`. The step at which a fail ended it, '' for none."""
        if self.exercise.stages.pinned and not found.judge(
                "pinned", measure.pin_fails(self.read, self.engine, self.listener.say)):
            return "the text"
        result = self._built(found, self.exercise.image)
        if result is None:
            return "the build"
        self._inspect(found, result, self.exercise)
        if found.fails:
            return "how it runs"
        if edits := self.exercise.edits:
            self.listener.say("Editing the source, and building again")
            found.judge("cache", rebuilt(edits, self.source, self.fresh, self.build, self._reason))
        if (ci := self.exercise.ci) and not found.failed("cache"):
            self.listener.say("Building as a pipeline does, with an empty builder and a registry")
            found.judge("ci-cache", ci_cache.fails(ci, self.read, self.source, self.engine, self.fresh, self.build,
                                                   self._reason))
        if asked := self.exercise.reproducible:
            found.judge("reproducible", self._rebuilt(result, asked))
        if platforms := self.exercise.platforms:
            self.listener.say(f"Building for {listed(platforms)}")
            found.judge("platforms", rebuilds.elsewhere(platforms, self.read, self.build, self._reason, self.engine))
        if rules := self.exercise.report:
            learners = replace(result, dockerfile=self.read)     # without the mounts of the check
            found.judge("report", measure.report_fails(rules, learners, self.source, self.engine))
        for name, target in self.exercise.targets.items():
            inner = Findings(name)
            self._target(inner, name, target, result)
            found.holds += inner.holds
            found.fails += inner.fails
        return ""

    def fresh(self) -> Values:
        """New random values, for one run or request."""
        return Values(proof=self.proof, secrets=self.secrets)

    def _built(self, found: Findings, asked: Content, target: str | None = None) -> BuildResult | None:
        """The build, judged. None without an image: the build failed, or was not needed for a fail."""
        wrong_base = list(measure.base_fails(asked, self.read, target, self.engine, self.listener.say))
        if wrong_base:
            found.judge("absent", wrong_base)
            return None
        try:
            # BuildKit caches a step whatever the secret that it mounts, but this check has to use its new one.
            result = self.build(target=target, rerun="secrets" if self.secrets and target is None else "")
        except BuildFailed as error:
            rule = error.bound if isinstance(error, BuildStopped) else "builds"
            found.judge(rule, [Fail(rule, self._reason(error), error.line)])
            return None
        except DockerfileError as error:    # this builder refuses a line
            found.judge("builds", [Fail("builds", f"{error.what} {error.why} {error.remedy}", error.line)])
            return None
        for rule in ("builds", "time"):
            found.judge(rule, ())
        heavy = measure.bytes_added(result, self.read, self.engine) > self.exercise.build.disk
        fails = [Fail("disk", "The image adds more to its base than a build may write.")] if heavy else ()
        return result if found.judge("disk", fails) else None

    def build(self, source: Mapping[str, bytes] | None = None, *, target: str | None = None,
              rerun: Literal["", "secrets", "all"] = "", text: str | None = None,
              **options: Any) -> BuildResult:
        """Build within the bounds of the exercise. Raises BuildFailed.

        source   {path: content}; None: the attempt's own, with the word in it
        rerun    which steps run again even if they are cached: those that mount a secret, or all
        text     of another Dockerfile
        options  cache_to, cache_from and platform of `helpers.builder.build`
        """
        read = dockerfiles.parse(text) if text else self.read
        folders = self.exercise.build.caches if self.engine.mounts(self.builder) else ()
        # A cached COPY has the times of the first one.
        layers = rerun == "all" and self.exercise.reproducible and self.exercise.reproducible.layers
        no_cache = bool(layers or rerun and self.builder != "buildkit")
        if rerun and not no_cache:
            self._again = random_word(), rerun == "all"
        cached, plain = (with_mounts(read, each, *self._again) for each in (folders, ()))
        try:
            return self._build(cached, source or self.source, target, no_cache=no_cache, **options)
        except BuildStopped:
            raise
        except BuildFailed as error:
            # A command may delete the folder of a cache mount, which fails, or write to it as another user than root.
            if cached == plain or not any(each in line for line in error.log for each in _RETRY):
                raise
            return self._build(plain, source or self.source, target, no_cache=no_cache, **options)

    def _build(self, text: str, source: Mapping[str, bytes], target: str | None, **options: Any) -> BuildResult:
        rules = self.exercise.build
        result = build_exercise(
            self.exercise, text, source, self.secrets, target=target, builder=self.builder, **options,
            bounds=Bounds.of(self.engine, rules.seconds * self.engine.slowdown, rules.disk), engine=self.engine,
            watch=self._watch, report=self.listener.say)
        self.enter_context(remove_if_untagged(result.image, self.engine))
        return result

    def _watch(self, progress: Progress) -> None:
        self.listener.build(LearnersProgress(progress, self.exercise.build.caches, self._again[0]))

    def _reason(self, error: BuildFailed) -> str:
        log = [line for line in error.log if line.strip()][-_LOG:]
        printed = f"It printed: {' / '.join(log).rstrip('.')}." if log else ""
        said = " ".join(filter(None, (f"{error.what.rstrip('.')}.", error.why, printed, error.remedy)))
        return without_mounts(said, self.exercise.build.caches, self._again[0])

    def _inspect(self, found: Findings, result: BuildResult, asked: Exercise | Target) -> None:
        if asked is self.exercise or asked.image != Content():    # a target that does not ship may have the secret
            self._inside(found, result, asked.image)
        if asked.serve:
            self.listener.say("Starting the server")
            may_be_root = asked.image.user != "not root" or found.failed("user")
            runtime_rules.server(asked.serve, result.image, self.fresh, self.engine, may_be_root, found)
        if asked.run:
            self.listener.say("Running the program")
            runtime_rules.programs(asked.run, result.image, self.fresh, self.engine, found)

    def _inside(self, found: Findings, result: BuildResult, asked: Content) -> None:
        secrets = {**self.secrets, **{each: each for each in self.exercise.build.leaks}}
        if not (rules := image_rules.wanted(asked, secrets)):
            return
        self.listener.say("Looking into the image")
        inside = inventory(result.image, self.engine)
        start = start_of(inside.image, self.engine)
        seen = image_rules.Seen(
            inside, self.read, start, result.target, engine=self.engine, secrets=secrets,
            starter=measure.starter_bytes(self.exercise, self.builder, self.engine, self._starter)
            if asked.starter else None, source=self.exercise.proof.file if self.exercise.proof else "")
        for name, rule in rules.items():
            # The size says nothing new if these rules name what is heavy.
            if not (name == "size" and found.failed("absent", "no-files")):
                found.judge(name, rule(asked, seen))

    def _starter(self, text: str) -> str:
        return self.build(self.exercise.source(), text=text).image

    def _rebuilt(self, first: BuildResult, asked: Same) -> list[Fail]:
        self.listener.say("Building again, with every RUN")
        if asked.layers:
            first = self.build(rerun="all")    # without a cached COPY
            time.sleep(-time.time() % 1)       # times in a layer are whole seconds
        twins = compare(first.image, self.build(rerun="all").image, self.engine)
        fails = [Fail("reproducible", f"The bytes of {path} differ between two builds of the same source.")
                 for path in asked.files if not twins.same(path)]
        if asked.layers and not twins.layers and not fails:
            fails = [Fail("reproducible", "The layers of two builds of the same source differ in "
                          f"{', '.join(f'the {what} of {path}' for path, what in twins.files[:4])}.")]
        return fails

    def _target(self, found: Findings, name: str, target: Target, shipped: BuildResult) -> None:
        if not any(name in (stage.name, stage.label) for stage in self.read.stages):
            found.judge("builds", [Fail("builds", f"There is no stage {name}. Name one with FROM ... AS {name}.")])
            return
        if (result := self._built(found, target.image, name)) is None:
            return
        self._inspect(found, result, target)
        line = self.read.stage(name).line
        if target.same:
            found.judge("same", rebuilds.same(name, shipped.image, result.image, line, self.engine))
        if target.breaks:
            self.listener.say(f"Breaking the source, and building {name} again")
            found.judge("breaks", rebuilds.breaks(name, target.breaks, self.source, self.fresh,
                                                 lambda source: self.build(source, target=name), line))
