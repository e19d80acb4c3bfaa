"""One line that says how far something has come."""

import io

from helpers.widgets import live as module
from helpers.widgets.live import Status


class Display:
    """IPython's display, as far as it is used: what is shown, and what it became."""

    def __init__(self):
        self.shown = []

    def __call__(self, data, raw, display_id):
        assert raw and display_id
        self.shown.append([data])
        return self

    def update(self, data, raw):
        self.shown[-1].append(data)


def in_a_notebook(monkeypatch) -> Display:
    import IPython.display
    display = Display()
    monkeypatch.setattr(module, "_has_widgets", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    return display


def test_in_a_notebook_one_line_gives_way_to_the_next_and_is_gone(monkeypatch):
    display = in_a_notebook(monkeypatch)
    monkeypatch.setattr(module, "_STATUS_PAUSE", 0)
    with Status() as status:
        status("1 < 2")
        status("two")
    (first, second, last), = display.shown
    assert first == {"text/html": "<p role='status'>1 &lt; 2</p>", "text/plain": "1 < 2"}
    assert second["text/plain"] == "two" and last == {"text/html": "", "text/plain": ""}


def test_it_is_gone_after_a_failure_too(monkeypatch):
    display = in_a_notebook(monkeypatch)
    try:
        with Status() as status:
            status("one")
            raise ValueError
    except ValueError:
        pass
    assert display.shown[0][-1]["text/plain"] == ""


def test_nothing_said_shows_nothing(monkeypatch):
    display = in_a_notebook(monkeypatch)
    with Status():
        pass
    assert display.shown == []


def test_it_is_not_redrawn_faster_than_one_can_read(monkeypatch):
    display = in_a_notebook(monkeypatch)
    monkeypatch.setattr(module, "_STATUS_PAUSE", 3600)
    with Status() as status:
        for n in range(100):
            status(str(n))
    assert [data["text/plain"] for data in display.shown[0]] == ["0", ""]


def test_elsewhere_a_line_now_and_then():
    out = io.StringIO()
    with Status(out) as status:
        status("one")
        status("two")   # too soon
    assert out.getvalue() == "  one\n"
