"""Frames that mark recorded outputs, so that nobody mistakes them for measurements made here."""

from collections.abc import Mapping
from datetime import date

from ..text import escape
from .recordings import Recording

_DANGER = "#D55E00"   # the course's vermilion (charts.style); white text needs the darker one
_HEAD = "background:#C04000;color:#FFFFFF;font-weight:bold;font-size:1.15em;padding:.3em .7em"
# No colours inside: tables and code use the page's, light or dark.
_BOX = f"border:4px solid {_DANGER};margin:.4em 0;max-width:100%;overflow-x:auto"

Bundle = dict[str, str]


def when(recorded: Recording) -> str:
    """The heading of each frame."""
    day = date.fromisoformat(recorded.date)
    return f"Recorded on {day.day} {day:%B %Y} on {recorded.engine}. Not measured here."


def framed(output: Mapping, recorded: Recording) -> Bundle:
    """A recorded output as text and HTML, in a frame."""
    head = when(recorded)
    text, page = _text(output), _page(output)
    return {"text/plain": f"[{head}]\n{text}".rstrip(), "text/html": _box(f"\u26a0 {escape(head)}", page)}


def plain(output: Mapping) -> Bundle:
    """A recorded output that is no measurement, without a frame."""
    return {"text/plain": _text(output), "text/html": _page(output)}


def banner(sentence: str, *more: str) -> Bundle:
    """A frame without an output: why nothing was run, and what to do."""
    lines = [line for each in more for line in each.splitlines()]
    rest = "".join(f"<p style='margin:.4em 0'>{escape(line)}</p>" for line in lines)
    return {"text/plain": "\n".join(filter(None, (f"[{sentence}]", *more))),
            "text/html": _box(f"\u26a0 {escape(sentence)}", rest)}


def _box(head: str, body: str) -> str:
    # `role` and the label tell screen readers what colour and border show.
    inside = f"<div style='padding:.4em .7em'>{body}</div>" if body else ""
    return (f"<div role='note' aria-label='Recorded result' style='{_BOX}'>"
            f"<div style='{_HEAD}'>{head}</div>{inside}</div>")


def _text(output: Mapping) -> str:
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return f"{output.get('ename', '')}: {output.get('evalue', '')}"
    return "".join(output.get("data", {}).get("text/plain", ""))


def _page(output: Mapping) -> str:
    data = output.get("data", {})
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return "".join(data[kind])
    if "image/png" in data:
        return f"<img alt='{escape(_text(output))}' src='data:image/png;base64,{''.join(data['image/png']).strip()}'>"
    return f"<pre style='margin:0;white-space:pre-wrap;word-break:normal'>{escape(_text(output))}</pre>"
