"""The browser of stages, the lines and the shell, as widgets and with what they show."""

from types import SimpleNamespace

import pytest
from ipywidgets import HTML, Button, Text

from helpers.builder import Lines, Room, Rooms, Shell, Snapshot
from helpers.builder.crossings import Crossing
from helpers.views import snapshots as views
from helpers.widgets import browse
from tests.unit.builder.test_line_by_line import Folders, snapshots


class Readable(Folders):
    def read(self, path, limit):
        return f"<b>{path}".encode()


def widgets(box, kind):
    found = [box] if isinstance(box, kind) else []
    return found + [each for child in getattr(box, "children", ()) for each in widgets(child, kind)]


def button(box, words):
    return next(each for each in widgets(box, Button) if each.description.startswith(words))


@pytest.fixture
def kitchen():
    room = Room("builder", Snapshot("", Readable("/app/prog", "/app/main.go", "/etc/a")),
                [Crossing(7, "builder", "last", "/app/prog", "/app")])
    return Rooms((room,), ())


def test_a_folder_is_opened_and_left_and_a_file_is_shown(kitchen):
    pane = browse._rooms(kitchen)
    path, = widgets(pane, Text)
    assert (path.description, path.value) == ("builder", "/")
    button(pane, "app/").click()
    assert path.value == "/app" and button(pane, "prog (1 B)").description.endswith("[copied to last, line 7]")
    assert button(pane, "prog (1 B)").style.font_weight == "bold" and button(pane, "main.go").style.font_weight is None
    button(pane, "main.go").click()
    shown, = (each.value for each in widgets(pane, HTML))
    assert "&lt;b&gt;/app/main.go" in shown and "tabindex='0' role='region' aria-label='/app/main.go'" in shown
    button(pane, "..").click()
    assert path.value == "/" and [each.description for each in widgets(pane, Button)] == ["app/   [holds what line 7 copies]", "etc/"]


def test_only_the_first_entries_are_shown_and_a_path_leads_to_the_others():
    room = Room("x", Snapshot("", Readable(*(f"/{number:03}" for number in range(150)), "/z/deep")), [])
    pane = browse._rooms(Rooms((room,), ()))
    assert len(widgets(pane, Button)) == 100 and "151 in /, of which 100 are shown" in widgets(pane, HTML)[0].value
    widgets(pane, Text)[0].value = "/z"
    assert [each.description for each in widgets(pane, Button)] == [".. (the folder above)", "deep (1 B)"]


def test_the_lines_are_walked_by_buttons(monkeypatch):
    monkeypatch.setattr(browse, "line_view", lambda line: f"shown: {line.number}")
    box = browse._lines(Lines(snapshots("FROM a\nENV X=1\nENV Y=2\n", {})))
    shown, = widgets(box, HTML)
    for words, number in (("Next", 2), ("Next", 3), ("Next", 3), ("Line before", 2), ("  1", 1)):
        button(box, words).click()
        assert f"shown: {number}<" in shown.value
    assert [each.description for each in widgets(box, Button) if each.style.font_weight] == ["  1  FROM a"]


def test_after_a_run_the_settings_are_there_before_its_files_are_compared(monkeypatch):
    shown, values = [], []
    monkeypatch.setattr(browse, "line_view", lambda line, compare=True: shown.append(compare) or f"{compare}")
    box = browse._lines(Lines(snapshots("FROM a\nRUN x\nCOPY a b\n", {})))
    widgets(box, HTML)[0].observe(lambda change: values.append(change["new"]), "value")
    shown.clear()
    button(box, "Next").click()
    assert shown == [False, True] and values[0] == "False" and "True" in values[1]
    shown.clear()
    button(box, "Next").click()
    assert shown == [True]


def test_enter_sends_a_command_and_leaving_the_field_does_not(monkeypatch):
    shell, sent = Shell(Snapshot("line 3 when it failed", Folders())), []
    monkeypatch.setattr(shell, "send", sent.append)
    box = browse._shell(shell)
    entry, = widgets(box, Text)
    entry.value = "left"                        # as when the focus goes elsewhere
    assert sent == []
    entry._handle_custom_msg({"event": "submit"}, [])
    assert sent == ["left"] and entry.value == ""
    entry._handle_custom_msg({"event": "submit"}, [])     # the browser reports Enter before the text
    entry.value = "ls"
    assert sent == ["left", "ls"] and entry.value == ""
    entry.value = "pwd"
    button(box, "Run").click()
    assert sent == ["left", "ls", "pwd"]
    shell.wrote("<i>")
    assert "&lt;i&gt;" in widgets(box, HTML)[0].value and "Line 3 when it failed" in widgets(box, HTML)[0].value


def test_a_shell_widget_keeps_the_end_of_what_was_written():
    shell = Shell(Snapshot("x", Folders()))
    box = browse._shell(shell)
    shell.wrote("a" * 30_000 + "end")
    assert "aend<" in widgets(box, HTML)[0].value and len(widgets(box, HTML)[0].value) < 21_000


def test_without_widgets_there_is_text(kitchen):
    assert views.rooms_text(kitchen).splitlines() == ["builder:", "  app/                     holds what line 7 copies", "  etc/",
                                                      "No COPY --from took anything from a stage."]
    assert "<caption" in views.rooms_view(kitchen) and "Next line" not in views.rooms_view(kitchen)
    lines = Lines(snapshots("FROM a AS b\nENV X=1\nFROM c\n", {}))
    lines.snapshots.at = lambda number: Snapshot("", Folders(config={"Env": ["X=1"]}))
    assert views.lines_text(lines).splitlines() == ["  3  FROM c", "       begins with the files of c: nothing of the lines above"]
    first, = Lines(snapshots("FROM a\n", {}))
    assert views.changed_files(first) == ["begins with the files of a"]
    assert views.shell_text(Shell(Snapshot("line 3 when it failed", SimpleNamespace(config={"User": "me"})))) == (
        "Line 3 when it failed: working directory /, user me. Nothing that you do here changes the build.")
