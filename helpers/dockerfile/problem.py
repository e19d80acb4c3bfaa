"""One line of a Dockerfile that builders refuse, or build otherwise than it reads."""

from __future__ import annotations

from dataclasses import dataclass

from ..text import shown


@dataclass(frozen=True)
class Problem:
    """A line that is not built as it reads.

    rule        its kind: 'stage-name-case', 'later-stage', 'duplicate-stage', 'similar-name',
                'onbuild-from', 'outside-context', 'variable-from', 'unset-argument', 'cache-mount-copy',
                'lost-capabilities' or 'venv-python'
    line        from 1
    stage       label of the stage that is affected
    what, why, remedy   sentences, as in an error
    refused_by  builders ('buildkit', 'legacy', 'buildah') that do not build that stage
    variable    the argument's name, for 'unset-argument'
    only        builders that it concerns, () for all
    image       the name of an image for which a stage's is taken, for 'similar-name' and 'later-stage'
    """

    rule: str
    line: int
    stage: str
    what: str
    why: str
    remedy: str
    refused_by: tuple[str, ...] = ()
    variable: str = ""
    image: str = ""
    only: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """The problem's part of `graph --json` and `build --json`."""
        return {"rule": self.rule, "line": self.line, "stage": self.stage, "what": self.what, "why": self.why,
                "remedy": self.remedy, "refused_by": list(self.refused_by)}

    @property
    def fault(self) -> str:
        """`what` without the line. A name that it begins with stays as it is written."""
        what = self.what.removeprefix(f"Line {self.line}: ")
        return what[0].upper() + what[1:] if what.startswith(("a ", "the ")) else what

    def __str__(self) -> str:
        return shown(f"{self.what} {self.why} {self.remedy}")
