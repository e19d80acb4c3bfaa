"""What the course changes in a notebook's kernel."""

from __future__ import annotations

import os

from .. import magics, recorded
from ..experiments.variants import APPS
from ..widgets.ask import retold


def load() -> None:
    """Teach this kernel the course: its magics, with views of its objects, and recorded cells where
    there is no engine. Once in a kernel; nothing outside of IPython.

    Where tests require an engine, nothing is shown as recorded: it would pass for measured.
    """
    magics.load()
    if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") != "1":
        recorded.register(APPS.parent, retold)
