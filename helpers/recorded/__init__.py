"""Recorded results for a kernel without an engine.

A lesson's notebook is committed with the outputs of a real run. If a cell needs an engine and there is none, or one
that can do more than the one here, those outputs are shown instead, in a frame that says when and on which engine they
were measured. Cells that need no engine run normally."""

from .cells import Cells, Missing, NeedsEngine, engine_required, register, registered
from .recordings import COMMANDS, RUN, Recording, recordings

__all__ = ["COMMANDS", "RUN", "Cells", "Missing", "NeedsEngine", "Recording", "engine_required", "recordings",
           "register", "registered"]
