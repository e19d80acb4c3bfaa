"""The words with which a lesson judges: verdicts, reviews, reports."""

from __future__ import annotations

from collections.abc import Mapping

from .. import report as reports
from .. import verdicts as given
from ..build import BuildResult
from ..report import Report
from ..report.rooms import Rooms
from ..verdicts import Sentences, Standings, Verdict
from ..widgets import LiveBuild
from .looking import inventory
from .session import connected, engine, folder_of

__all__ = ["interview", "report", "rooms", "verdict", "verdicts"]


def verdict(claim: str, holds: bool, because: str, *, partly: bool = False) -> Verdict:
    """Give the verdict on a claim of the chapter, and keep it with date and engine.
    The words are those of `helpers.verdicts.verdict`."""
    return given.verdict(claim, holds, because, partly=partly, engine=connected().describe())


def verdicts() -> Standings:
    """Every claim of the chapter, with what the lessons found here."""
    return given.standings()


def interview() -> Sentences:
    """The chapter's sentences for an interview, with what the experiments say of each."""
    return given.sentences()


def rooms(kitchen: BuildResult | str, dining: BuildResult) -> Rooms:
    """What is in a builder and in the image that is shipped, and what crossed."""
    return reports.rooms(inventory(kitchen), inventory(dining), dining.dockerfile, dining.target)


def report(project: str, dockerfile: str = "Dockerfile", *, target: str | None = None,
           args: Mapping[str, str] | None = None,
           secrets: Mapping[str, bytes] | None = None) -> Report:
    """Build a project of yours (or of the course) and say what to mend, line by line.
    Nothing of it is changed."""
    with LiveBuild() as live:
        return reports.report(folder_of(project), dockerfile=dockerfile, target=target, args=args, secrets=secrets,
                              engine=engine(), watch=live.watch, finished=live.finish, say=live.say)
