"""The languages of the chapter, and what was left out for want of a base image."""

from __future__ import annotations

from ..experiments.languages import HEADS, Languages
from ..experiments.variants import Absent
from ..text import escape
from .markup import paragraph, table


def languages_view(languages: Languages) -> str:
    """A row a language; below, why some were left out."""
    rows = [tuple(map(escape, row)) for row in languages.rows()]
    absent = "".join(f"{paragraph(f'{name}:')}{absent_view(each)}" for name, each in languages.absent.items())
    return table(HEADS, rows) + absent


def absent_view(absent: Absent) -> str:
    """Why it was left out."""
    return paragraph(repr(absent))
