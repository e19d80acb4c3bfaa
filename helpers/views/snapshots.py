"""The file systems of a build: stages beside each other, line by line, and a shell."""

import posixpath
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ..builder import Line, Lines, Rooms, Shell, Snapshot
from ..builder.control import Entry
from ..errors import CourseError
from ..text import escape, printable
from ..units import size
from .markup import code, paragraph, table

_SECONDS = 30    # that a view of all lines may take to compare files
_NAMES = 30      # that a folder's line shows
_PATHS = 8       # that a line's changes name
SIGNS = {"added": "+", "changed": "~", "removed": "-"}


def entry_name(entry: Entry) -> str:
    """A file with its size, a folder with a slash, a link with where it leads."""
    if entry.is_link:
        return printable(f"{entry.name} -> {entry.target}")
    return printable(entry.name) + ("/" if entry.is_dir else f" ({size(entry.size)})")


def rooms_text(found: Rooms) -> str:
    """What is at the top of each stage, and what crossed."""
    lines = []
    for room in found.rooms:
        lines += [f"{room.name}:", *(f"  {entry_name(entry):<24} {mark}".rstrip() for entry, mark in room.entries())]
    return "\n".join([*lines, *_crossed(found)])


def _crossed(found: Rooms) -> list[str]:
    return [f"line {each.line}: {each.taken} of {each.source} became {each.put} of {each.target}"
            for each in found.crossings] or ["No COPY --from took anything from a stage."]


def rooms_view(found: Rooms) -> str:
    """The same as HTML."""
    tables = "".join(table(("file", "COPY --from"), [(code(entry_name(entry)), escape(mark))
                                                      for entry, mark in room.entries()], f"{room.name}: /")
                     for room in found.rooms)
    return (f'<div style="display:flex;flex-wrap:wrap;gap:2em;align-items:flex-start">{tables}</div>'
            + "".join(paragraph(line) for line in _crossed(found)))


def changed_files(line: Line) -> list[str]:
    """What a line did to the files, a path a row; a folder that is new, or gone, stands for what is in it."""
    changes = line.changes
    if changes is None:
        nothing = "" if line.is_first else ": nothing of the lines above"
        return [f"begins with the files of {line.instruction.arguments.split()[0]}{nothing}"]
    rows = [f"{SIGNS[kind]} {printable(path)}{more}" for kind in SIGNS
            for path, more in grouped(getattr(changes, kind))]
    return rows[:_PATHS] + [f"... and {len(rows) - _PATHS} more"] * (len(rows) > _PATHS)


def grouped(paths: Sequence[str]) -> list[tuple[str, str]]:
    """(path, what of it) with a folder in place of all below it, or of the one file that it holds."""
    every, below = set(paths), dict[str, list[str]]()
    for path in paths:
        below.setdefault(posixpath.dirname(path), []).append(path)
    found = []
    for path in (each for each in paths if posixpath.dirname(each) not in every):
        while len(below.get(path, ())) == 1:
            path, = below[path]
        count = sum(each.startswith(f"{path}/") for each in paths)
        found.append((path, f"/ ({count:,} in it)" if count else ""))
    return found


def settings(found: Snapshot, arguments: dict[str, str]) -> dict[str, str]:
    """What a command would run with, and what the image would start: {what: value}."""
    started = {name: " ".join(value) for name in ("Entrypoint", "Cmd") if (value := found.config.get(name))}
    return {"working directory": found.workdir, "user": found.user or "root",
            **{f"env {name}": value for name, value in found.env.items()},
            **started, **{f"argument {name}": value or "(no value)" for name, value in arguments.items()}}


def changed_settings(line: Line) -> list[str]:
    """What a line did to the settings."""
    before, after = both_settings(line)
    return [f"{name} = {value}" for name, value in after.items() if before.get(name) != value]


def both_settings(line: Line) -> tuple[dict[str, str], dict[str, str]]:
    """`settings` before a line, {} before a FROM, and after it."""
    earlier = line.lines.snapshots.arguments(line.number - 1) if line.before else {}
    return settings(line.before, earlier) if line.before else {}, settings(line.after, line.arguments)


def _summary(line: Line, compare: bool) -> str:
    try:
        files = changed_files(line) if compare or line.begins or not line.writes else ["(files not compared)"]
        own = [] if line.begins else changed_settings(line)
    except CourseError as error:
        return error.what
    return ", ".join([*files, *own]) or "nothing"


def _summaries(lines: Lines) -> Iterable[tuple[Line, str]]:
    until = time.monotonic() + _SECONDS
    for line in lines:
        yield line, _summary(line, time.monotonic() < until)


def lines_text(lines: Lines) -> str:
    """Every line and what it changed."""
    return "\n".join(f"{line.number:>3}  {line.text}\n       {changed}" for line, changed in _summaries(lines))


def lines_view(lines: Lines) -> str:
    """The same as HTML."""
    return table(("line", "instruction", "what it changed"), [(str(line.number), code(line.text), escape(changed))
                                                              for line, changed in _summaries(lines)], right=(0,))


def line_view(line: Line, compare: bool = True) -> str:
    """One line: what was there before it, what after it, and what it changed. Before a FROM is what the line above it
    left: nothing of that goes on. `compare`: False leaves out the files that a RUN changed, which takes a container."""
    above = next((each for each, below in pairwise(line.lines) if below is line), None)
    earlier = above.after if above and line.begins else line.before
    before = settings(earlier, above.arguments) if above and earlier else {}
    after = settings(line.after, line.arguments)
    rows = [(escape(name), *(code(each[name]) if name in each else "" for each in (before, after)))
            for name in {**before, **after}]
    rows += [(name, _names(earlier, path), _names(line.after, path))
             for name, path in (("files in /", "/"), ("files in the working directory", ""))]
    try:
        files = changed_files(line) if compare else ["... (comparing the files)"]
        changed = files + ([] if line.begins else changed_settings(line))
    except CourseError as error:
        changed = [error.what]
    before_from = f", in {above.stage}" if above and line.begins else ""
    items = "".join(f"<li>{code(each)}</li>" for each in changed) or "<li>nothing</li>"
    return (f"<p>Line {line.number}, stage {escape(line.stage)}: {code(line.text)}</p>"
            f"<p>It changed:</p><ul>{items}</ul>" + table(("what", f"before{before_from}", "after"), rows))


def _names(found: Snapshot | None, path: str) -> str:
    if found is None:
        return ""
    names = [printable(each.name) + "/" * each.is_dir for each in found.files(path or found.workdir)]
    more = f" ... {len(names)} in all" if len(names) > _NAMES else ""
    return code(" ".join(names[:_NAMES]) + more) if names else "nothing"


def shell_text(shell: Shell) -> str:
    """Where it is."""
    return f"{shell.snapshot.summary} Nothing that you do here changes the build."


def shell_view(shell: Shell) -> str:
    """The same as HTML."""
    return paragraph(shell_text(shell))
