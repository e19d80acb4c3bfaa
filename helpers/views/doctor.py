"""What `doctor` found."""

from __future__ import annotations

from ..maintenance.doctor import Report
from ..text import escape
from .markup import code, paragraph, table


def doctor_view(report: Report) -> str:
    """The engine, the base images, and what is missing."""
    bases = table(
        ("base image", "where from"), [(code(base.ref), base.origin or "not here yet") for base in report.bases]
    )
    problems = "".join(f"<p><b>{escape(each.what)}</b><br>{escape(each.remedy)}</p>" for each in report.problems)
    engine = paragraph(report.engine.describe() if report.engine else "No engine.")
    return f"{engine}{bases if report.bases else ''}{problems}<p><b>{'Ready.' if report.ok else 'Not ready.'}</b></p>"
