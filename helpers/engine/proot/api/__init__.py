"""The part of Docker's Engine API that the course uses, answered by this engine.

Source of names and shapes: Docker's "Engine API v1.41 reference". Whatever is not here
is answered with 501 and a sentence.
"""

from .builds import Builds
from .containers import OfContainers
from .images import OfImages
from .itself import Itself
from .routes import CourseEngine


class Api(Itself, OfImages, Builds, OfContainers):
    """One request for anything of it. `engine` is set on a subclass."""


__all__ = ["Api", "CourseEngine"]
