"""A build that is ready to be sent."""

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

    request: BuildRequest                # with its builder chosen and its secrets complete
    engine: Engine
    context: Context                     # with the Dockerfile's text to be sent
    read: Dockerfile                     # the Dockerfile as written
    bases: tuple[ResolvedBase, ...]      # all present in the engine
    handed_over: tuple[HandedOver, ...]
    exports: Exports
    mark: str                            # in the environment of its processes, '' for none
