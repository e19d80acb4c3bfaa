"""Exercises that check themselves: a verdict on a Dockerfile, from a real build.

    >>> from helpers.checks import check, find
    >>> verdict = check(find("01-split-the-stage"))
    >>> verdict.passed, [fail.rule for fail in verdict.fails]
    (False, ['single-stage'])

exercises/README.md explains how to write an exercise, and every rule.
"""

from . import notebook, points, progress
from .exercise import EXERCISES, Exercise, find, json_schema, names, read
from .hints import hints
from .runner import Listener, check
from .verdict import RULES, Fail, Verdict

__all__ = ["EXERCISES", "RULES", "Exercise", "Fail", "Listener", "Verdict", "check", "find", "hints",
           "json_schema", "names", "notebook", "points", "progress", "read"]
