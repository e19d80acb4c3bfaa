"""Build an image from a Dockerfile, and know what every stage and step did.

    >>> from helpers.builder import build, ensure_bases
    >>> result = build("notebooks/apps/go-hello", tag="go-hello:multi")
    >>> [(stage.name, stage.status) for stage in result.stages]
    [('builder', 'built'), ('stage-1', 'built')]
"""

from .building import build, ensure_bases
from .crossings import Room, Rooms
from .events import Event
from .line_by_line import Line, Lines
from .prepared import Prepared
from .progress import Progress, StageReport, in_order
from .recent import recent
from .request import CONTEXT_LIMIT, BuildRequest, command_line, heredoc, variable
from .result import TITLES, BuildResult
from .snapshot import Shell, Snapshot
from .snapshots import Snapshots
from .steps import Step, covered, dependencies, overlap, spans, together, work

__all__ = [
    "CONTEXT_LIMIT", "TITLES", "BuildRequest", "BuildResult", "Event", "Line", "Lines", "Prepared", "Progress",
    "Room", "Rooms", "Shell", "Snapshot", "Snapshots", "StageReport", "Step", "build", "command_line", "covered",
    "dependencies", "ensure_bases", "heredoc", "in_order", "overlap", "recent", "spans", "together", "variable", "work"]
