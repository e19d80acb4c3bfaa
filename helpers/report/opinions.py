"""What a linter says of the text besides: an opinion, where a finding has been measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import lint as linter
from ..errors import LinterUnavailable
from .model import Finding

# Rules of hadolint that say what one of ours says with evidence. Source: its wiki.
_SAME = {"DL3002": "root-user", "DL3006": "moving-tag", "DL3007": "moving-tag", "DL3009": "cache-left",
         "DL3019": "cache-left", "DL3040": "cache-left", "DL3042": "cache-left", "DL3060": "cache-left",
         "DL3064": "secret"}


@dataclass(frozen=True)
class Opinions:
    """What hadolint says of a Dockerfile.

    all      everything
    besides  without what a finding on the same line says already
    without  why it says nothing, '' if it did speak
    """

    all: tuple[linter.Finding, ...] = ()
    besides: tuple[linter.Finding, ...] = ()
    without: str = ""


def opinions(text: str, findings: Sequence[Finding]) -> Opinions:
    """What hadolint says of a Dockerfile's text, beside the report's `findings`."""
    try:
        said = linter.lint(text)
    except LinterUnavailable as error:
        return Opinions(without=error.what)
    known = {(each.rule, each.line) for each in findings}
    return Opinions(said, tuple(each for each in said if (_SAME.get(each.rule), each.line) not in known))
