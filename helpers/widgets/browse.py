"""Widgets for the file systems of a build: two stages beside each other, a line at a time, a shell.

Lists, buttons and a slider that a keyboard moves and a screen reader names. Where there are no widgets, the views'
text and tables stand alone.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..builder import Lines, Room, Rooms, Shell
from ..builder.control import Entry
from ..errors import CourseError
from ..text import escape
from ..views.snapshots import entry_name, line_view, shell_text
from .ask import with_widget

if TYPE_CHECKING:
    from ipywidgets import Box

_MOST = 500         # entries of a folder that a list shows
_KEPT = 20_000      # characters of a shell's output
_HIGH = "max-height:20em;overflow:auto;margin:0;white-space:pre-wrap;overflow-wrap:anywhere"


def register(shell: Any) -> None:
    """Let an IPython shell show these objects as widgets."""
    def bundle(value: Any, include: object = None, exclude: object = None) -> dict[str, Any]:
        made = with_widget(lambda: _WIDGETS[type(value)](value), {})
        return {kind: data for kind, data in made.items() if kind != "text/plain"}    # which a view has

    for kind in _WIDGETS:
        shell.display_formatter.mimebundle_formatter.for_type(kind, bundle)


def _rooms(found: Rooms) -> Box:
    from ipywidgets import HBox, Layout

    return HBox([_Pane(room).box for room in found.rooms], layout=Layout(flex_flow="row wrap"))


class _Pane:
    """One stage: a list of a folder's entries, and what the selected one holds."""

    def __init__(self, room: Room):
        from ipywidgets import HTML, Button, HBox, Layout, Select, VBox

        self._room, self._path = room, "/"
        self._entries: list[tuple[Entry, str]] = []
        self._list = Select(rows=12, layout=Layout(width="auto", flex_flow="column", height="auto"),
                            style={"description_width": "auto"})
        self._open = Button(description="Open folder", tooltip=f"Open the folder that is selected, of {room.name}")
        self._up = Button(description="Up", tooltip=f"Go to the folder above, of {room.name}")
        self._shown = HTML()
        self._list.observe(lambda _: self._show(), "index")
        self._open.on_click(lambda _: self._enter())
        self._up.on_click(lambda _: self._go(posixpath.dirname(self._path)))
        self.box = VBox([self._list, HBox([self._open, self._up]), self._shown],
                        layout=Layout(flex="1 1 20em", min_width="0"))
        self._go("/")

    def _go(self, path: str) -> None:
        """Show a folder: one call."""
        try:
            self._entries = self._room.entries(path)[:_MOST]
        except CourseError as error:
            self._shown.value = _alert(error)
            return
        self._path = path
        self._list.description = f"{self._room.name}: {path}"
        self._list.options = [entry_name(entry) + (f"   [{mark}]" if mark else "") for entry, mark in self._entries]
        self._list.index = None

    def _show(self) -> None:
        if self._list.index is None:
            self._shown.value = ""
            return
        entry, mark = self._entries[self._list.index]
        path = posixpath.join(self._path, entry.name)
        try:
            text = self._room.text(path, entry)
        except CourseError as error:
            self._shown.value = _alert(error)
            return
        head = escape(f"{path}{f', {mark}' if mark else ''}")
        self._shown.value = f"<p role='status'>{head}</p>{_pre(text, 'region', head)}"

    def _enter(self) -> None:
        if self._list.index is not None and (entry := self._entries[self._list.index][0]).is_dir:
            self._go(posixpath.join(self._path, entry.name))


def _lines(lines: Lines) -> Box:
    from ipywidgets import HTML, Button, HBox, Layout, SelectionSlider, VBox

    slider = SelectionSlider(options=[(f"{line.number} {line.text[:40]}", index) for index, line in enumerate(lines)],
                             description="Line", continuous_update=False, layout=Layout(width="95%"))
    shown = HTML()

    def show(_: object = None) -> None:
        shown.value = "<p role='status'>Comparing ...</p>"
        try:
            shown.value = f"<div role='status'>{line_view(lines[slider.index])}</div>"
        except CourseError as error:
            shown.value = _alert(error)

    def step(by: int) -> Callable[[object], None]:
        def stepped(_: object) -> None:
            slider.index = min(max(slider.index + by, 0), len(lines) - 1)
        return stepped

    back, on = Button(description="Line before"), Button(description="Next line")
    back.on_click(step(-1))
    on.on_click(step(1))
    slider.observe(show, "index")
    show()
    return VBox([slider, HBox([back, on]), shown])


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
            send() if entry.value else None

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
