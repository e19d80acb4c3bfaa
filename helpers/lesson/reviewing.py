"""The words with which a lesson judges: verdicts, reviews, reports."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from .. import claims as given
from .. import lint as linter
from .. import report as reports
from ..builder import BuildResult
from ..checks import progress
from ..claims import Sentences, Standings, Verdict
from ..errors import LinterUnavailable
from ..report import Report
from ..report.kitchen import Rooms
from ..views.lint import Linted, Opinions
from ..views.predictions import Scores
from ..widgets import ask as asking
from ..widgets.ask import Question
from ..widgets.live import LiveBuild
from .looking import inventory
from .session import connected, engine, folder_of
from .terminal import drop_cell, look, place_of

__all__ = ["ask", "interview", "lint", "opinions", "predictions", "report", "rooms", "verdict", "verdicts"]


def ask(name: str, found: object = "") -> Question:
    """A question of notebooks/questions.toml. No command is shown of what is measured for its answer.
    The words are those of `helpers.widgets.ask`."""
    drop_cell()
    return asking.ask(name, found)


def verdict(claim: str, holds: bool, because: str, *, partly: bool = False) -> Verdict:
    """Give the verdict on a claim of the chapter, and keep it with date and engine.
    The words are those of `helpers.claims.verdict`."""
    return given.verdict(claim, holds, because, partly=partly, engine=connected().describe())


def verdicts() -> Standings:
    """Every claim of the chapter, with what the lessons found here."""
    return given.standings()


def interview() -> Sentences:
    """The chapter's sentences for an interview, with what the experiments say of each."""
    return given.sentences()


def predictions() -> Scores:
    """You against the engine: every prediction that you made in the course, beside what came out."""
    return Scores(progress.load().predictions)


def rooms(kitchen: BuildResult | str, dining: BuildResult) -> Rooms:
    """What is in a builder and in the image that is shipped, and what crossed."""
    return reports.rooms(inventory(kitchen), inventory(dining), dining.dockerfile, dining.target)


def report(project: str, dockerfile: str = "Dockerfile", *, target: str | None = None,
           args: Mapping[str, str] | None = None, secrets: Mapping[str, bytes] | None = None) -> Report:
    """Build a project of yours (or of the course) and say what to fix, line by line. Nothing of it is changed."""
    here = engine()
    with LiveBuild() as live:
        return reports.report(folder_of(project), dockerfile=dockerfile, target=target, args=args, secrets=secrets,
                              engine=here, watch=live.watch, finished=live.finish, say=live.say)


def lint(app: str, dockerfile: str = "Dockerfile") -> Linted:
    """What hadolint says of a Dockerfile, beside its lines; or why it says nothing here."""
    folder = folder_of(app)
    text = (folder / dockerfile).read_text()
    place, before = place_of(folder)
    look("\n".join([*before, f"hadolint {shlex.quote(f'{place}/{dockerfile}')}"]), of_engine=False)
    try:
        return Linted(dockerfile, text, linter.lint(text))
    except LinterUnavailable as error:
        return Linted(dockerfile, text, without=f"{error.what} The lesson goes on without it.")


def opinions(app: str, dockerfiles: Mapping[str, str]) -> Opinions:
    """What hadolint says of each of {what it does: a Dockerfile}."""
    said = {what: lint(app, each) for what, each in dockerfiles.items()}
    return Opinions({what: each.findings for what, each in said.items()},
                    next((each.without for each in said.values()), ""))
