"""Widgets for the file systems of a build: two stages beside each other, a line at a time, a shell.

Buttons and fields that a keyboard reaches and a screen reader names. Where there are no widgets, the views'
text and tables stand alone.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..builder import Lines, Room, Rooms, Shell
from ..builder.control import CallFailed, Entry
from ..errors import CourseError
from ..text import escape
from ..views.snapshots import entry_name, line_view, shell_text
from .ask import with_widget

if TYPE_CHECKING:
    from ipywidgets import Box

_MOST = 100         # entries of a folder that are shown
_KEPT = 20_000      # characters of a shell's output
_HIGH = "max-height:20em;overflow:auto;margin:0;white-space:pre-wrap;overflow-wrap:anywhere"


def register(shell: Any) -> None:
    """Let an IPython shell show these objects as widgets."""
    def bundle(value: Any, include: object = None, exclude: object = None) -> dict[str, Any]:
        made = with_widget(lambda: _WIDGETS[type(value)](value), {})
        return {kind: data for kind, data in made.items() if kind != "text/plain"}    # which a view has

    for kind in _WIDGETS:
        shell.display_formatter.mimebundle_formatter.for_type(kind, bundle)


class _Buttons:
    """A column of buttons, one an item. In JupyterLab the arrow keys of a list are the notebook's own, and a slider has
    no name for a screen reader, which reads out numbers in place of the lines; Tab and Enter reach these. They are
    kept, so that the focus stays where it is when their words change."""

    def __init__(self, picked: Callable[[int], None]):
        from ipywidgets import ButtonStyle, Layout, VBox

        self._picked, self._kept = picked, list[Any]()
        self._row = Layout(width="auto", flex="0 0 auto", display="flex", justify_content="flex-start")
        self._styles = ButtonStyle(), ButtonStyle(font_weight="bold")
        self.box = VBox(layout=Layout(max_height="24em", overflow="auto"))

    def show(self, labels: Sequence[tuple[str, bool]]) -> None:
        """(words, whether they stand out) of each."""
        while len(self._kept) < len(labels):
            self._add(len(self._kept))
        for button, (words, bold) in zip(self._kept, labels):
            button.description, button.tooltip, button.style = words, words, self._styles[bold]
        self.box.children = self._kept[:len(labels)]

    def _add(self, index: int) -> None:
        from ipywidgets import Button

        button = Button(layout=self._row, style=self._styles[0])
        button.on_click(lambda _: self._picked(index))
        self._kept.append(button)


def _rooms(found: Rooms) -> Box:
    from ipywidgets import HBox, Layout

    return HBox([_Pane(room).box for room in found.rooms], layout=Layout(flex_flow="row wrap"))


class _Pane:
    """One stage: where one is in it, what is in that folder, and what the file that was picked holds."""

    def __init__(self, room: Room):
        from ipywidgets import HTML, Layout, Text, VBox

        self._room, self._folder = room, "/"
        self._entries: list[tuple[Entry | None, str]] = []
        self._path = Text(description=room.name, style={"description_width": "auto"}, continuous_update=False,
                          layout=Layout(width="auto"))
        self._buttons, self._shown = _Buttons(self._pick), HTML()
        self._path.observe(lambda change: self._go(change["new"]), "value")
        self.box = VBox([self._path, self._buttons.box, self._shown], layout=Layout(flex="1 1 20em", min_width="0"))
        self._path.value = "/"

    def _go(self, path: str) -> None:
        """Show a folder: one call."""
        try:
            entries = self._room.entries(path or "/")
        except CallFailed:
            self._shown.value = f"<p role='alert'>{escape(path)} is not a folder of {escape(self._room.name)}.</p>"
            return
        except CourseError as error:
            self._shown.value = _alert(error)
            return
        self._folder = path or "/"
        self._entries = [(None, "")] * (self._folder != "/") + list(entries[:_MOST])
        self._buttons.show([(_words(*each), bool(each[1])) for each in self._entries])
        more = f", of which {_MOST} are shown: type the path of another" if len(entries) > _MOST else ""
        self._shown.value = f"<p role='status'>{len(entries):,} in {escape(self._folder)}{more}.</p>"

    def _pick(self, index: int) -> None:
        entry, mark = self._entries[index]
        path = posixpath.join(self._folder, entry.name) if entry else posixpath.dirname(self._folder)
        if entry is None or entry.is_dir:
            self._path.value = path
            return
        try:
            head, text = escape(f"{path}{f', {mark}' if mark else ''}"), self._room.text(path, entry)
            self._shown.value = f"<p role='status'>{head}</p>{_pre(text, 'region', head)}"
        except CourseError as error:
            self._shown.value = _alert(error)


def _words(entry: Entry | None, mark: str) -> str:
    return f"{entry_name(entry)}{f'   [{mark}]' if mark else ''}" if entry else ".. (the folder above)"


def _lines(lines: Lines) -> Box:
    from ipywidgets import HTML, Button, HBox, VBox

    shown, at = HTML(), [0]

    def show(index: int) -> None:
        at[0] = min(max(index, 0), len(lines) - 1)
        buttons.show([(f"{line.number:>3}  {line.text}", each == at[0]) for each, line in enumerate(lines)])
        line = lines[at[0]]
        try:
            if line.instruction.keyword == "RUN":      # what is solved from the cache is there first
                shown.value = line_view(line, compare=False)
            shown.value = f"<div role='status'>{line_view(line)}</div>"
        except CourseError as error:
            shown.value = _alert(error)

    buttons, back, on = _Buttons(show), Button(description="Line before"), Button(description="Next line")
    back.on_click(lambda _: show(at[0] - 1))
    on.on_click(lambda _: show(at[0] + 1))
    show(0)
    return VBox([buttons.box, HBox([back, on]), shown])


def _shell(shell: Shell) -> Box:
    from ipywidgets import HTML, Button, HBox, Layout, Text, VBox

    entry = Text(description="Command", continuous_update=False, layout=Layout(flex="1 1 20em"))
    run, stop = Button(description="Run"), Button(description="Stop", tooltip="Interrupt the command (Ctrl-C)")
    out, said = HTML(), [f"{shell_text(shell)}\n"]
    entered: list[bool] = []     # Enter was pressed: the text itself comes after that, as a change

    def wrote(piece: str) -> None:
        said[:] = ["".join((*said, piece))[-_KEPT:]]
        out.value = _pre(said[0], "log", "Output of the shell")

    def send(_: object = None) -> None:
        entered.clear()
        if command := entry.value:
            entry.value = ""
            try:
                shell.send(command)
            except CourseError as error:
                wrote(f"{error}\n")

    def pressed(_: object, content: Mapping[str, Any], __: object) -> None:
        if content.get("event") == "submit":
            entered.append(True)
            if entry.value:
                send()

    entry.on_msg(pressed)
    entry.observe(lambda change: send() if entered and change["new"] else None, "value")
    run.on_click(send)
    stop.on_click(lambda _: shell.interrupt())
    shell.wrote = wrote
    wrote("")
    return VBox([out, HBox([entry, run, stop], layout=Layout(flex_flow="row wrap"))])


def _pre(text: str, role: str, name: str) -> str:
    """Text in a place of its own that a keyboard can scroll. `name`: as HTML."""
    return f"<pre tabindex='0' role='{role}' aria-label='{name}' style='{_HIGH}'>{escape(text)}</pre>"


def _alert(error: CourseError) -> str:
    return f"<p role='alert'>{escape(error.what)}</p>"


_WIDGETS: dict[type, Callable[[Any], Box]] = {Rooms: _rooms, Lines: _lines, Shell: _shell}
