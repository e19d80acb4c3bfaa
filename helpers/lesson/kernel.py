"""What the course changes in a notebook's kernel."""

from __future__ import annotations

from IPython import get_ipython
from IPython.display import display

from .. import magics, recorded
from ..builder import recent
from ..classroom.live import client
from ..experiments.variants import APPS
from ..views.lesson import say
from ..widgets.ask import retold
from . import terminal


def load() -> None:
    """Teach this kernel the course: its magics, with views of its objects, docker's own words below each
    cell, and recorded cells where there is no engine. Once in a kernel; nothing outside of IPython.

    In a class it says what is sent to the instructor. Where tests require an engine, a kernel without one shows nothing
    as recorded: it would pass for measured. What the engine there cannot do is shown so all the same.
    """
    if shell := get_ipython():
        magics.load_ipython_extension(shell)
        recent.ended, recent.ran = terminal.note_build, terminal.note_run
        events = shell.events
        if terminal.show_commands not in events.callbacks["post_run_cell"]:
            events.register("post_run_cell", terminal.show_commands)
        if notice := client.notice():
            display(say(notice))
    recorded.register(APPS.parent, retold)
