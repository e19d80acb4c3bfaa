"""One attempt at an exercise: read, build, look inside, run, and say what holds.

    text -> reading (no engine) -> lint -> build -> contents -> running -> cache, twice, targets

A build gets the exercise's own source in a folder of its own, made for this attempt, with
a random word in it. So a program that knows the word was compiled in this build; and a
prebuilt one, a canned page, or a stage that nobody uses cannot know it. What is built is
removed again.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import builder as builds
from .. import dockerfile as dockerfiles
from ..experiments import incremental
from ..limits import Bounds
from ..builder import BuildResult, Progress
from ..builder.secrets import lent_by_default
from ..dockerfile import Dockerfile
from ..engine import Engine, connect
from ..errors import BuildFailed, BuildStopped, DockerfileError
from ..image import compare
from ..experiments.reproducibility import remove_if_untagged
from . import (
    cache_mounts, dockerfile_rules, image_rules, measure, requirements, runtime_rules, submission, targets,
)
from .exercise import Content, Edit, Exercise, Run, Serve, Target
from .placeholders import Values, random_word
from .verdict import Fail, Findings, Verdict

_LOG = 8      # lines of a failed step that are told
_RETRY = ("resource busy", "ermission denied")


def _quiet(_: object) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """Who is told what happens: sentences, a build's `Progress`, a finished build."""

    say: Callable[[str], None] = _quiet
    build: Callable[[Progress], None] = _quiet
    built: Callable[[BuildResult], None] = _quiet


def check(exercise: Exercise, dockerfile: Path | None = None, *, text: str | None = None,
          builder: str | None = None, engine: Engine | None = None, watch: Watch = Watch()) -> Verdict:
    """The verdict on a Dockerfile.

    dockerfile  None: the learner's own, or the starter where there is none yet
    text        a Dockerfile's text, in place of a file

    Where the engine cannot do what the exercise asks for, nothing is built, and the verdict
    says so: it is neither a pass nor a fail. Raises ExerciseError where there is no such file,
    BaseUnavailable for a base that cannot be had, and the engine's errors: none of that is the
    learner's doing.
    """
    began = time.perf_counter()
    path = dockerfile or (exercise.work if exercise.work.is_file() else exercise.starter)
    if text is None:
        text = submission.text(path)
    where = submission.shown(path)
    source = {**exercise.source(), **submission.brought(exercise, path)}
    found, lacking = Findings(), ()
    read = dockerfile_rules.judge(exercise, text, source, tuple(submission.beside(exercise, path)), found)
    if not found.fails:
        assert read is not None
        engine = engine or connect()
        lacking = requirements.lacks(exercise, read, engine, builder)
        if not lacking:
            found.notes += requirements.unheld(exercise, engine)
            watch.say(f"{exercise.name}: building")
            with Attempt(exercise, read, source, builder, engine, watch) as attempt:
                attempt.judge(found)
    return Verdict(exercise.name, where, tuple(dict.fromkeys(found.holds)), tuple(found.fails), tuple(found.notes),
                   lacks=lacking, seconds=time.perf_counter() - began, text=text)


class Attempt(contextlib.ExitStack):
    """The part of a check that has an engine. Leaving it removes what it made."""

    def __init__(self, exercise: Exercise, read: Dockerfile, source: Mapping[str, bytes],
                 builder: str | None, engine: Engine, watch: Watch):
        super().__init__()
        self.exercise, self.read, self.engine, self.watch = exercise, read, engine, watch
        self.builder = builder
        self.secrets = {name: random_word() for name in exercise.build.secrets}
        self.proof = random_word()
        self.source = dict(source)
        proof = exercise.proof
        if proof:
            self.source[proof.file] = self.source[proof.file].replace(proof.word.encode(), self.proof.encode())

    def judge(self, found: Findings) -> None:
        """Everything, into `found`."""
        exercise = self.exercise
        if exercise.image.absent and not found.judge("absent", measure.inherited(exercise.image, self.read, self.engine,
                                                                               self.watch.say)):
            return     # nothing that is built on top of it takes that away again
        found.holds.remove("absent") if exercise.image.absent else None
        result = self._built(found)
        if result is None:
            return
        found.add(self._image(result, exercise.image, exercise.run, exercise.serve))
        found.judge("cache", self._edits()) if exercise.edits else None
        if exercise.reproducible:
            found.judge("reproducible", self._again(result))
        for name, target in exercise.targets.items():
            found.add(self._target(name, target, result))

    def fresh(self) -> Values:
        """New random values for one run or request."""
        return Values(proof=self.proof, secrets=self.secrets)

    # -- building --

    def _built(self, found: Findings, target: str | None = None) -> BuildResult | None:
        """The build, judged; None if there is no image."""
        try:
            # A step that mounts a secret is cached whatever its value: it has to be asked anew.
            result = self.build(target=target, no_cache=bool(self.secrets))
        except BuildFailed as error:
            rule = error.bound if isinstance(error, BuildStopped) else "builds"
            found.judge(rule, [Fail(rule, self._told(error), error.line)])
            return None
        except DockerfileError as error:    # what this builder's reader does not know
            found.judge("builds", [Fail("builds", f"{error.what} {error.why} {error.remedy}", error.line)])
            return None
        for rule in ("builds", "time"):
            found.judge(rule, ())
        # A file with holes takes no room on the disk, and all of its length to be read.
        heavy = measure.added(result, self.read, self.engine) > self.exercise.build.disk
        said = "The image has more on top of its base than a build may write."
        return result if found.judge("disk", [Fail("disk", said)] if heavy else ()) else None

    def build(self, source: Mapping[str, bytes] | None = None, *, target: str | None = None,
              no_cache: bool = False, text: str | None = None) -> BuildResult:
        """Build this source (None: that of the attempt), bounded. Raises BuildFailed."""
        rules = self.exercise.build
        read = dockerfiles.parse(text, rules.args) if text else self.read
        lent = self._lent(read)
        try:
            return self._build(lent, source or self.source, target, no_cache)
        except BuildStopped:
            raise
        except BuildFailed as error:
            # A folder that is lent cannot be deleted, nor written by any user but root.
            if lent == read.text or not any(each in line for line in error.log for each in _RETRY):
                raise
            return self._build(read.text, source or self.source, target, no_cache)

    def _lent(self, read: Dockerfile) -> str:
        used = self.builder or self.engine.builders[0]
        return cache_mounts.with_caches(read, self.exercise.build.caches) if self.engine.mounts(used) else read.text

    def _build(self, text: str, source: Mapping[str, bytes], target: str | None, no_cache: bool) -> BuildResult:
        rules = self.exercise.build
        with tempfile.TemporaryDirectory(prefix="multistage-check-") as folder:
            incremental.write(source, Path(folder))
            result = builds.build(
                folder, text=text, target=target, builder=self.builder, args=rules.args or None, no_cache=no_cache,
                network=None if rules.network else "none",
                secrets={name: value.encode() for name, value in self.secrets.items()} or None,
                lend=lent_by_default(self.exercise.folder),
                bounds=Bounds.of(self.engine, rules.seconds * self.engine.slowdown, rules.disk),
                engine=self.engine, watch=self.watch.build, report=self.watch.say)
        self.enter_context(remove_if_untagged(result.image, self.engine))
        return result

    def _told(self, error: BuildFailed) -> str:
        log = [line for line in error.log if line.strip()][-_LOG:]
        end = " It printed: " + " / ".join(log) if log else ""
        text = f"{error.what} {error.why}{end}" + (f" {error.remedy}" if error.remedy else "")
        return cache_mounts.without(text, self.exercise.build.caches)

    # -- looking and running --

    def _image(self, result: BuildResult, asked: Content, runs: tuple[Run, ...], serve: Serve | None) -> Findings:
        found = Findings()
        rules = image_rules.wanted(asked)
        secret = {**self.secrets, **{each: each for each in self.exercise.build.leaks}}
        if rules or secret:
            self.watch.say("Looking into the image")
            starter = self._starter() if asked.starter else None
            source = self.exercise.proof.file if self.exercise.proof else ""
            seen = measure.gather(result, self.read, self.engine, asked, starter, source)
            for rule in rules:
                # What is heavy is told by what it is, if that is known.
                if not (rule == "size" and found.failed("absent", "no-files")):
                    found.judge(rule, image_rules.RULES[rule](asked, seen))
            if asked.stripped:
                found.judge("stripped", measure.stripped(asked, seen, self.engine))
            if secret:
                found.judge("secret", measure.traces(seen, secret, self.engine))
        if serve:
            self.watch.say("Starting the server")
            served = runtime_rules.server(serve, result.image, self.fresh, self.engine, asked)
            found.add(served.without("user") if found.failed("user") else served)
        if runs:
            self.watch.say("Running the program")
            found.add(runtime_rules.programs(runs, result.image, self.fresh, self.engine))
        return found

    def _starter(self) -> int:
        """Bytes of the starter's image, built as this one is."""
        text = submission.text(self.exercise.starter)
        return measure.starter(self.exercise, text, self.engine, self.builder,
                             lambda: self.build(self.exercise.source(), text=text).image)

    # -- building again --

    def _edits(self) -> list[Fail]:
        self.watch.say("Editing the source, and building again")
        fails = []
        for edit in self.exercise.edits:
            changed = dict(self.source)
            # With a random word in it: the same edit of an earlier check would be in the cache.
            changed[edit.file] += self.fresh().fill(edit.append).encode()
            try:
                fails += cache_rules(edit, self.build(changed))
            except BuildFailed as error:
                fails.append(Fail("cache", f"After a change in {edit.file} it was not built: {self._told(error)}",
                                  error.line))
        return fails

    def _again(self, first: BuildResult) -> list[Fail]:
        self.watch.say("Building once more without a cache")
        second = self.build(no_cache=True)
        twins = compare(first.image, second.image, self.engine)
        asked = self.exercise.reproducible
        if asked.layers and not twins.layers:
            return [Fail("reproducible", "Two builds of the same source gave layers that differ: "
                         + "; ".join(twins.differences[:4]) + ".")]
        return [Fail("reproducible", f"Two builds of the same source gave {path} with other bytes.")
                for path in asked.files if not twins.same(path)]

    def _target(self, name: str, target: Target, shipped: BuildResult) -> Findings:
        found = Findings(name)
        if not any(name in (stage.name, stage.label) for stage in self.read.stages):
            found.judge("builds", [Fail("builds", f"There is no stage {name}. Name one with FROM ... AS {name}.")])
            return found
        result = self._built(found, name)
        if result is None:
            return found
        inner = self._image(result, target.image, target.run, target.serve)
        for rule in inner.holds:
            found.judge(rule, ())
        for fail in inner.fails:
            found.judge(fail.rule, [fail])
        if target.same:
            found.judge("same", targets.same(name, shipped.image, result.image, self.read, self.engine))
        if target.shell:
            found.judge("shell", targets.shell(name, result.image, self.fresh(), self.read, self.engine))
        if target.breaks or target.keeps:
            self.watch.say(f"Changing the source, and building {name} again")
            told = list(targets.tells(name, self.exercise, self.source, self.fresh,
                                      lambda source: self.build(source, target=name), self.read))
            for rule in [rule for rule in ("breaks", "keeps") if getattr(target, rule)]:
                found.judge(rule, [fail for each, fail in told if each == rule])
        return found


def cache_rules(edit: Edit, result: BuildResult) -> list[Fail]:
    """What an edit should have left in the cache, and what not."""
    fails = []
    for wanted, cached in [(each, True) for each in edit.cached] + [(each, False) for each in edit.again]:
        steps = [step for step in result.steps if step.stage and wanted in step.instruction]
        if not steps:
            fails.append(Fail("cache", f"No step has {wanted!r} in it."))
        for step in steps:
            if step.cached != cached:
                fails.append(Fail("cache", f"After a change in {edit.file} this step ran again. What does not "
                                  "depend on that file can stand before it is copied." if cached else
                                  f"After a change in {edit.file} this step did not run again: it does not see it.",
                                  step.line))
    return fails
