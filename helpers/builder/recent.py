"""What this process has just built and run: a notebook's magics and the commands below its cells are about that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import BuildFailed


@dataclass
class Recent:
    """The last build, as its BuildResult or its failure, and the last one that failed.

    ended   called after each build, with the request as it was made, the `Prepared` and the failure, None for success
    ran     called after each `Snapshot.run`, with the snapshot, the command and the `Finished`
    """

    last: Any = None
    failure: BuildFailed | None = None
    ended: Callable[..., None] = lambda *_: None
    ran: Callable[..., None] = lambda *_: None


recent = Recent()
