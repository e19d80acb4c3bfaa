"""The recorded results of a lesson, for a kernel that has no engine to measure with.

A lesson's notebook is kept with the outputs of a real run. Where a cell needs an engine and there is none, or needs
what the engine here cannot do, those outputs are shown in its place, each in a frame that says when and on what engine
it was measured. Cells that need no engine run as ever."""

from .cells import Cells, Missing, NeedsEngine, engine_required, register, registered
from .recordings import COMMANDS, RUN, Recording, recordings

__all__ = ["COMMANDS", "RUN", "Cells", "Missing", "NeedsEngine", "Recording", "engine_required", "recordings",
           "register", "registered"]
