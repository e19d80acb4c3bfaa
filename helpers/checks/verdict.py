"""What a check found: what holds, what does not, and what was not judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..inventory import printable
from ..units import counted

# Every rule in the order in which it is judged, and what it means that it holds.
RULES = {
    "syntax": "The Dockerfile can be read.",
    "frontend": "The engine's own reader of Dockerfiles is used.",
    "bases": "Every base image is one of those that are allowed.",
    "downloads": "Nothing is added from the web.",
    "rights": "No command asks for more rights than it gets.",
    "onbuild": "No command waits for another stage.",
    "context": "Only files of the exercise are copied.",
    "single-stage": "There are enough stages.",
    "stages": "The stages that are asked for are there.",
    "apart": "It stands on a base of its own, not on the stage that builds.",
    "final-base": "The last stage stands on a base that is allowed there.",
    "unused-stage": "Every stage is used.",
    "numbers": "Stages are called by their names.",
    "secret-mount": "The secret is mounted by the command that needs it.",
    "lint": "The linter has none of these objections.",
    "builds": "It builds.",
    "time": "It builds in time.",
    "disk": "It writes no more than it may.",
    "absent": "No tool is in the image that should not be.",
    "present": "The tools that it needs are in the image.",
    "no-files": "No file is in the image that should not be.",
    "files": "The files that it needs are in the image.",
    "copied": "The program was made by another stage, and copied.",
    "size": "The image is small enough.",
    "wasted": "No layer holds what a later one hides.",
    "layers": "It has few enough layers.",
    "user": "It does not run as the wrong user.",
    "expose": "The port is declared.",
    "exec-form": "The program is started without a shell.",
    "stripped": "The program is without its symbols.",
    "secret": "The secret is nowhere in the image.",
    "starts": "It starts.",
    "answers": "It answers as it should.",
    "healthy": "The health check tells whether the server is well.",
    "output": "It prints what it should.",
    "proof": "The program was compiled from this source, in this build.",
    "same": "It starts the same program as the last stage, byte by byte.",
    "shell": "A shell opens in it.",
    "cache": "An edit makes no more steps run again than it must.",
    "reproducible": "Two builds without a cache give the same.",
    "breaks": "It does not build when the source is broken.",
    "keeps": "It builds when the source does the same in other words.",
}


@dataclass(frozen=True)
class Fail:
    """A rule that does not hold. `line` of the Dockerfile, from 1, or None."""

    rule: str
    message: str
    line: int | None = None

    def facts(self) -> dict[str, object]:
        return {"rule": self.rule, "message": self.message, "line": self.line}

    def __str__(self) -> str:
        at = f"Line {self.line}: " if self.line and not self.message.startswith("Line ") else ""
        return f"{at}{self.message}"


@dataclass
class Findings:
    """Rules as they are judged, for one target or ('') the whole."""

    prefix: str = ""
    holds: list[str] = field(default_factory=list)
    fails: list[Fail] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def judge(self, rule: str, fails: Iterable[Fail]) -> bool:
        """Take in what a rule yields; whether it holds."""
        found = list(fails)
        named = f"{self.prefix}: {rule}" if self.prefix else rule
        # What a build printed may stand in it: in one line, and nothing that moves a cursor.
        self.fails += [Fail(named, printable(" ".join(each.message.split())), each.line) for each in found]
        if not found:
            self.holds.append(named)
        return not found

    def failed(self, *rules: str) -> bool:
        """Whether one of these was judged and does not hold."""
        named = {f"{self.prefix}: {rule}" if self.prefix else rule for rule in rules}
        return any(each.rule in named for each in self.fails)

    def without(self, rule: str) -> Findings:
        """These but for one rule."""
        return Findings(self.prefix, [each for each in self.holds if each != rule],
                        [each for each in self.fails if each.rule != rule], self.notes)

    def add(self, other: Findings) -> None:
        self.holds += other.holds
        self.fails += other.fails
        self.notes += other.notes


@dataclass(frozen=True)
class Verdict:
    """What a check found of one Dockerfile.

    exercise  its name; dockerfile: where the text came from
    holds     names of the rules that hold, fails: those that do not, the first cause first
    notes     what could not be judged here, in sentences
    lacks     why this engine cannot carry the exercise, in sentences; () where it can. Then it
              is neither passed nor failed
    hint      a hint's text, or how to get one; '' once it is passed
    seconds   from the call to the verdict
    text      the Dockerfile that was judged
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

    @property
    def passed(self) -> bool:
        return not self.fails and not self.lacks

    @property
    def head(self) -> str:
        """The verdict in one sentence."""
        if self.passed:
            return f"Passed: {self.exercise}. All {counted(len(self.holds), 'rule')} hold."
        if self.lacks:
            return f"Not judged: {self.exercise}. This engine cannot carry it; nothing was built."
        return (f"Not yet: {self.exercise}. {counted(len(self.fails), 'thing')} to mend, "
                f"{counted(len(self.holds), 'rule')} that hold{'s' if len(self.holds) == 1 else ''}.")

    def facts(self) -> dict[str, object]:
        """`check --json`."""
        return {
            "exercise": self.exercise, "passed": self.passed, "dockerfile": self.dockerfile,
            "holds": [{"rule": rule, "message": meaning(rule)} for rule in self.holds],
            "fails": [each.facts() for each in self.fails],
            "hint": self.hint or None, "notes": list(self.notes), "lacks": list(self.lacks), "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        told = [self.head, f"Checked: {self.dockerfile}", *(f"  • {each}" for each in self.lacks)]
        if self.fails:
            told += ["", "To mend, the first cause first", *(f"  ✘ {each.rule}: {each}" for each in self.fails)]
        told += ["", "What holds", *(f"  ✔ {rule}: {meaning(rule)}" for rule in self.holds)]
        told += [f"  • {note}" for note in self.notes]
        return "\n".join([*told, *(["", self.hint] if self.hint else [])])


def meaning(rule: str) -> str:
    """What it means that a rule holds, a target's too: 'test: builds'."""
    target, _, bare = rule.rpartition(": ")
    return (f"Target {target}: " if target else "") + RULES[bare]
