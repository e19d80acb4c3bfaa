"""The findings of a report, each with its rule, its line and the bytes that a fix saves."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..text import shown

SEVERITIES = ("high", "medium", "low")

WORTH = 10_000     # fewer bytes are not worth a change
NAMES = 6          # tools or folders that a sentence lists
# (severity, share of the image, bytes): the least of both that has that severity. Most of a small image is still
# little.
_WEIGHTS = (("high", 0.10, 50_000_000), ("medium", 0.01, 1_000_000))


@dataclass(frozen=True)
class Rule:
    """What a rule looks for, and the number of the lesson that teaches it."""

    title: str
    lesson: str


RULES = {
    "will-not-start": Rule("the program cannot start", "08"),
    "single-stage": Rule("one stage, and it ships its compiler", "01"),
    "build-tools": Rule("build tools in the final image", "02"),
    "large-base": Rule("a base larger than the program needs", "06"),
    "secret": Rule("a secret in ARG or ENV", "05"),
    "cache-left": Rule("a cache left in a layer", "05"),
    "hidden-files": Rule("files that a later layer hides", "05"),
    "copied-folder": Rule("a copied folder brought too much", "12"),
    "dev-dependencies": Rule("packages for development only", "07"),
    "no-dockerignore": Rule("what .dockerignore should leave out", "07"),
    "cache-order": Rule("the source is copied before dependencies are installed", "11"),
    "unused-tests": Rule("tests that the build skips", "12"),
    "root-user": Rule("the program runs as root", "06"),
    "stage-number": Rule("a stage by its number", "03"),
    "moving-tag": Rule("a tag that moves", "12"),
    "no-digest": Rule("an image named by its tag alone", "12"),
    "unset-argument": Rule("an argument without a value", "14"),
    "similar-name": Rule("an image with nearly the name of a stage", "03"),
    "later-stage": Rule("a stage that is used above its FROM", "03"),
    "duplicate-stage": Rule("two stages of one name", "03"),
    "stage-name-case": Rule("a stage's name in upper case", "03"),
    "outside-context": Rule("a COPY from outside the build context", "12"),
    "variable-from": Rule("a variable in --from", "03"),
    "cache-mount-copy": Rule("a COPY of what only a cache mount held", "14"),
    "lost-capabilities": Rule("a COPY that loses file capabilities", "14"),
    "venv-python": Rule("a virtual environment without its Python", "08"),
    "onbuild-from": Rule("an ONBUILD that takes from a stage or image", "03"),
}


@dataclass(frozen=True)
class Finding:
    """Something to fix.

    rule      its id, one of RULES
    severity  'high', 'medium' or 'low'
    line      of the Dockerfile that causes it, from 1; None if no line does
    what      what was found, with the evidence
    why       what is wrong with it
    remedy    what to do
    saves     bytes of the image that a fix removes, None if that was not measured
    also      other lines that take part, such as the one that hides or installs the files
    """

    rule: str
    severity: str
    line: int | None
    what: str
    why: str
    remedy: str
    saves: int | None = None
    also: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """What the rule looks for."""
        return RULES[self.rule].title

    @property
    def lesson(self) -> str:
        """The number of the lesson that teaches it."""
        return RULES[self.rule].lesson

    def facts(self) -> dict[str, object]:
        """The finding in `report --json`."""
        return {"rule": self.rule, "severity": self.severity, "line": self.line, "also": list(self.also),
                "title": self.title, "what": self.what, "why": self.why, "remedy": self.remedy,
                "saves": self.saves, "lesson": self.lesson}

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return shown(f"{self.rule}, {where}{self.what}")


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, then bytes saved, then line."""
    return tuple(sorted(findings, key=lambda each: (
        SEVERITIES.index(each.severity), -(each.saves or 0), each.line or 0, each.rule)))


def reaches(found: Finding, level: str) -> bool:
    """Whether a finding is at least as severe as `level`."""
    return SEVERITIES.index(found.severity) <= SEVERITIES.index(level)


def weight(saved: int, unpacked: int, least: str = "low") -> str:
    """The severity of a saving, in an image of `unpacked` bytes; at least `least`."""
    found = next((severity for severity, part, count in _WEIGHTS if saved >= max(part * unpacked, count)), "low")
    return min(found, least, key=SEVERITIES.index)
