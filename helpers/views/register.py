"""Teaches IPython these views, so that the objects themselves need not know of notebooks."""

from collections.abc import Callable
from typing import Any

from ..builder import BuildResult, Lines, Rooms, Shell
from ..checks import Verdict as ExerciseVerdict
from ..checks.progress import ExerciseProgress
from ..claims import Sentences, Standings, Verdict
from ..engine import Engine
from ..experiments.languages import Languages
from ..experiments.variants import Absent
from ..image import Image
from ..inventory import Comparison, Inventory, Needs
from ..maintenance import doctor
from ..registry import Registry
from ..report import Report
from ..text import shown
from . import exercises
from .build import display_build
from .claims import sentences_text, sentences_view, standings_text, standings_view, verdict_view
from .contents import comparison_text, comparison_view, inventory_text, inventory_view, needs_text, needs_view
from .lists import absent_view, doctor_view, image_view, languages_view
from .markup import paragraph
from .report import report_text, report_view
from .snapshots import lines_text, lines_view, rooms_text, rooms_view, shell_text, shell_view

# (type, its HTML, its text)
VIEWS: tuple[tuple[type, Callable[[Any], str], Callable[[Any], str]], ...] = (
    (Image, image_view, str),
    (Inventory, inventory_view, inventory_text),
    (Comparison, comparison_view, comparison_text),
    (Needs, needs_view, needs_text),
    (Report, report_view, report_text),
    (Standings, standings_view, standings_text),
    (Sentences, sentences_view, sentences_text),
    (Verdict, verdict_view, repr),
    (ExerciseVerdict, exercises.verdict_view, str),
    (ExerciseProgress, exercises.progress_view, exercises.progress_text),
    (Languages, languages_view, repr),
    (Absent, absent_view, repr),
    (Rooms, rooms_view, rooms_text),
    (Lines, lines_view, lines_text),
    (Shell, shell_view, shell_text),
    (Registry, lambda registry: paragraph(repr(registry)), repr),
    (Engine, lambda engine: paragraph(engine.describe()), repr),
    (doctor.Diagnosis, doctor_view, repr),
)


def register() -> None:
    """Give IPython the views of the course's objects, HTML and text, if it runs here."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    display = shell.display_formatter
    for kind, page, text in VIEWS:
        display.formatters["text/html"].for_type(kind, page)
        display.formatters["text/plain"].for_type(
            kind, lambda value, printer, _, text=text: printer.text(shown(text(value))))
    display.ipython_display_formatter.for_type(BuildResult, display_build)
