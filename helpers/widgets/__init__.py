"""What a notebook shows while it works, and what it asks.

Everything here has a form without widgets too: text in a terminal, plain HTML in a saved notebook.
"""

from .ask import ask, predict
from .browse import register
from .live import LiveBuild, Status

__all__ = ["LiveBuild", "Status", "ask", "predict", "register"]
