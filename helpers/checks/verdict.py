"""The result of a check: what holds, what does not, and what was not judged."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..inventory import printable
from ..units import counted

# {rule: what it means that it holds}, in the order in which they are judged
RULES = {
    "syntax": "The Dockerfile can be read.",
    "bases": "Every base image is an allowed one.",
    "downloads": "Nothing is added from the network.",
    "context": "Only files of the exercise are copied.",
    "single-stage": "There are enough stages.",
    "stages": "The stages that the task names are there.",
    "final-base": "The last stage is built on an allowed base.",
    "unused-stage": "Every stage is used.",
    "numbers": "Stages are referred to by name.",
    "secret-mount": "The command that needs the secret mounts it.",
    "lint": "The linter reports none of these problems.",
    "pinned": "Every base image is named by its digest.",
    "builds": "It builds.",
    "time": "It builds in time.",
    "disk": "It does not write too much.",
    "absent": "No unwanted tool is in the image.",
    "present": "The tools that it needs are in the image.",
    "no-files": "No unwanted file is in the image.",
    "files": "The files that it needs are in the image.",
    "copied": "The program was built in another stage and copied.",
    "size": "The image is small enough.",
    "wasted": "No layer holds files that a later one hides.",
    "user": "It runs as the right user.",
    "expose": "The port is declared.",
    "exec-form": "The program is started without a shell.",
    "stripped": "The program has no symbols.",
    "secret": "The secret is nowhere in the image.",
    "starts": "It starts.",
    "answers": "It answers as it should.",
    "healthy": "The health check reports whether the server is healthy.",
    "output": "It prints what it should.",
    "proof": "The program was compiled from this source, in this build.",
    "same": "It starts the same program as the last stage, byte for byte.",
    "breaks": "It does not build when the source is broken.",
    "report": "The course's own report has nothing to fix here.",
    "cache": "An edit reruns no more steps than it must.",
    "ci-cache": "An empty builder takes from the registry's cache what an edit leaves as it was.",
    "reproducible": "Two builds without the cache give the same bytes.",
    "platforms": "It builds for another platform, and starts a program for that one.",
}


@dataclass(frozen=True)
class Fail:
    """A rule that does not hold, with the line of the Dockerfile, from 1, or None."""

    rule: str
    message: str
    line: int | None = None

    def facts(self) -> dict[str, object]:
        """The fail in `check --json`."""
        return {"rule": self.rule, "message": self.message, "line": self.line}

    def __str__(self) -> str:
        at = f"Line {self.line}: " if self.line and not self.message.startswith("Line ") else ""
        return f"{at}{self.message}"


@dataclass
class Findings:
    """The rules that were judged."""

    prefix: str = ""    # the target, '' for the exercise itself
    holds: list[str] = field(default_factory=list)
    fails: list[Fail] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def judge(self, rule: str, fails: Iterable[Fail]) -> bool:
        """Record the fails of a rule. Whether it holds."""
        # A message may quote the output of a build, with line ends and control characters.
        failed = [Fail(self._named(rule), printable(" ".join(each.message.split())), each.line) for each in fails]
        self.fails += failed
        if not failed:
            self.holds.append(self._named(rule))
        return not failed

    def failed(self, *rules: str) -> bool:
        """Whether one of these was judged and does not hold."""
        return any(each.rule in map(self._named, rules) for each in self.fails)

    def _named(self, rule: str) -> str:
        return f"{self.prefix}: {rule}" if self.prefix else rule


@dataclass(frozen=True)
class Verdict:
    """The result of a check of one Dockerfile.

    exercise    its name
    dockerfile  path of the Dockerfile
    holds       names of the rules that hold
    fails       those that do not, causes before their effects
    notes       sentences on what could not be judged here
    hint        a hint, or how to get one; '' after a pass
    seconds     that the check took
    text        the Dockerfile that was judged
    lacks       sentences on what the exercise needs and this engine cannot do: it is neither a pass nor a fail
    goals       the rules for what the task asks for
    stopped     a sentence on where a fail ended the check, '' if it took every step
    """

    exercise: str
    dockerfile: str
    holds: tuple[str, ...]
    fails: tuple[Fail, ...]
    notes: tuple[str, ...] = ()
    hint: str = ""
    seconds: float = 0.0
    text: str = field(default="", repr=False)
    lacks: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    stopped: str = ""

    @property
    def passed(self) -> bool:
        """Whether every rule was judged and holds."""
        return not self.fails and not self.lacks

    @property
    def met(self) -> tuple[str, ...]:
        """The goals that hold."""
        failed = {each.rule for each in self.fails}
        return tuple(rule for rule in self.goals if rule in self.holds and rule not in failed)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The goals that were not checked because of a fail."""
        judged = {*self.holds, *(each.rule for each in self.fails)}
        return tuple(rule for rule in self.goals if rule not in judged) if self.fails else ()

    @property
    def ground(self) -> tuple[str, ...]:
        """The rules that hold and that every exercise has."""
        return tuple(rule for rule in self.holds if rule not in self.goals)

    @property
    def _score(self) -> str:
        return f"{len(self.met)} of {counted(len(self.goals), 'goal')} met"

    @property
    def head(self) -> str:
        """The verdict in one sentence."""
        if self.passed:
            return f"Passed: {self.exercise}. {self._score}."
        if self.lacks:
            return f"Not judged: {self.exercise}. This engine cannot do what it needs; nothing was built."
        later = f", {len(self.unchecked)} not checked yet" if self.unchecked else ""
        return f"Not yet: {self.exercise}. {self._score}, {counted(len(self.fails), 'thing')} to fix{later}."

    def facts(self) -> dict[str, object]:
        """The content of `check --json`."""
        return {
            "exercise": self.exercise, "passed": self.passed, "dockerfile": self.dockerfile,
            "holds": [{"rule": rule, "message": meaning(rule)} for rule in self.holds],
            "fails": [each.facts() for each in self.fails], "hint": self.hint or None, "notes": list(self.notes),
            "lacks": list(self.lacks), "unchecked": list(self.unchecked),
            "goals": {"met": list(self.met), "of": len(self.goals)}, "seconds": round(self.seconds, 3)}

    def __str__(self) -> str:
        lines = [self.head, f"Checked: {self.dockerfile}", *(f"  • {each}" for each in self.lacks)]
        if self.fails:
            lines += ["", "To fix, the first cause first", *(f"  ✘ {each.rule}: {each}" for each in self.fails)]
        if self.unchecked:
            lines += ["", " ".join(filter(None, [self.stopped, "Not checked yet"])),
                      *(f"  ○ {rule}: {meaning(rule)}" for rule in self.unchecked)]
        lines += ["", "What holds", *(f"  ✔ {rule}: {meaning(rule)}" for rule in self.met)]
        lines += [f"  ✔ as in every exercise: {', '.join(self.ground)}"] if self.ground else []
        lines += [f"  • {note}" for note in self.notes]
        return "\n".join([*lines, *(["", self.hint] if self.hint else [])])


def meaning(rule: str) -> str:
    """What it means that a rule holds, also one of a target: 'test: builds'."""
    target, _, bare = rule.rpartition(": ")
    return (f"Target {target}: " if target else "") + RULES[bare]
