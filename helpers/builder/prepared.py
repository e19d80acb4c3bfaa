"""A build that can be sent: what was asked, and what was found out about it."""

from dataclasses import dataclass

from ..bases import ResolvedBase
from ..dockerfile import Dockerfile
from ..engine import Engine
from .context import Context
from .exports import Exports
from .request import BuildRequest
from .secrets import HandedOver


@dataclass(frozen=True)
class Prepared:
    """What `building.prepare` makes of a request."""

    request: BuildRequest                # as it is sent: its builder chosen, its secrets complete
    engine: Engine
    context: Context                     # scanned, with the Dockerfile's text that is sent
    read: Dockerfile                     # the Dockerfile as it was written
    bases: tuple[ResolvedBase, ...]      # its base images, all in the engine
    handed_over: tuple[HandedOver, ...]  # what of this machine the build is given
    exports: Exports                     # what is asked for besides an image
    mark: str                            # by which its processes are known, '' for none
