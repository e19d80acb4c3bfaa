"""A report as SARIF 2.1.0, the format in which continuous integration takes what a tool found in a file.

Source: OASIS, Static Analysis Results Interchange Format Version 2.1.0.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from .. import __version__
from .model import RULES
from .result import Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"high": "error", "medium": "warning", "low": "note", "info": "note", "style": "note"}


def to_sarif(report: Report, file: str) -> dict[str, Any]:
    """The findings and the linters' opinions, each with its rule and lines.

    file  path of the Dockerfile as the results are to name it: from the root of the repository
    """
    said = (*report.opinions.checks, *report.opinions.besides)
    opinions = {each.rule: each for each in said}
    rules = [_rule(name, RULES[name].title) for name in dict.fromkeys(each.rule for each in report.findings)] + \
        [_rule(name, each.message, each.link) for name, each in opinions.items()]
    driver = {"name": "multistage-measured", "version": __version__, "rules": rules}
    results = [*(_result(each.rule, each.severity, f"{each.what} {each.why} {each.remedy}",
                         (_place(line, file) for line in (each.line, *each.also))) for each in report.findings),
               *(_result(each.rule, each.level, each.message, [_place(each.line, file)]) for each in said)]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(name: str, title: str, link: str = "") -> dict[str, Any]:
    return {"id": name, "shortDescription": {"text": title}, **({"helpUri": link} if link else {})}


def _result(rule: str, level: str, text: str, places: Iterable[dict[str, Any]]) -> dict[str, Any]:
    first, *others = places
    return {"ruleId": rule, "level": _LEVELS.get(level, level), "message": {"text": text},
            "locations": [first], **({"relatedLocations": others} if others else {})}


def _place(line: int | None, file: str) -> dict[str, Any]:
    # What no line brings is marked at the first: a result without a line is shown nowhere.
    return {"physicalLocation": {"artifactLocation": {"uri": quote(os.fsencode(file))},
                                 "region": {"startLine": line or 1}}}
