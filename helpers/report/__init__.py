"""Build any project with a Dockerfile, and say what to fix.

    >>> from helpers.report import report
    >>> found = report("path/to/project")
    >>> for each in found.findings:
    ...     print(each.severity, each.line, each.what, each.remedy)

    a project -> build, inventory -> ReportContext (plain values) -> rules -> findings

Each finding has its evidence, the line of the Dockerfile that causes it, and the bytes that a fix saves where these can
be measured. What linters say about the text is separate, in `opinions`.
"""

from .fixing import Fixed, fix, writable
from .kitchen import Rooms, rooms
from .model import RULES, SEVERITIES, Finding, Rule, reaches
from .opinions import Opinions
from .result import Report, to_sarif
from .run import context_of, findings_of, report

__all__ = ["RULES", "SEVERITIES", "Finding", "Fixed", "Opinions", "Report", "Rooms", "Rule", "context_of",
           "findings_of", "fix", "reaches", "report", "rooms", "to_sarif", "writable"]
