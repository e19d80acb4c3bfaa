"""What a lesson's notebook imports: `from helpers.lesson import *`.

Every name here does its work in another module; these only put them together for a
reader who sees one short cell at a time.
"""

from ..errors import BaseUnavailable, BuildFailed, CourseError
from ..maintenance.doctor import doctor
from ..units import ratio, seconds, share, size
from ..views.lesson import say
from ..widgets.ask import predict
from . import building, kernel, looking, reviewing, services, session, shipping, terminal
from .building import *
from .drawing import charts
from .looking import *
from .reviewing import *
from .services import *
from .session import *
from .session import APPS as APPS
from .shipping import *
from .terminal import *

__all__ = ["BaseUnavailable", "BuildFailed", "CourseError", "charts", "doctor", "predict", "ratio", "say",
           "seconds", "share", "size", *building.__all__, *looking.__all__,
           *reviewing.__all__, *services.__all__, *session.__all__, *shipping.__all__, *terminal.__all__]

kernel.load()    # the one line of a notebook that loads the course is `from helpers.lesson import *`
