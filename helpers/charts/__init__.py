"""Pictures of what was measured, each with its finding, its source and alt text.

    >>> from helpers import charts
    >>> charts.sizes([one, two])          # how large are they, and what of?
    >>> charts.layers(one)                # which instruction brought how much?
    >>> charts.stages(result)             # which stage takes what from which?
    >>> charts.tools([found, other])      # what is within an intruder's reach?
    >>> charts.surface([found, other])    # how much is there to attack?
    >>> charts.tries({"one": done})       # what did an intruder manage?
    >>> charts.crossings({"FROM builder": crossed})   # what reaches a stage, and on which way?
    >>> charts.works({"scratch": worked}) # what works on which base?
    >>> charts.waste(found)               # what is shipped that nobody sees?
    >>> charts.edits({"this": built})     # what has to run again after an edit?
    >>> charts.timeline(result)           # what ran when, and what at once?
    >>> charts.reduction([a, b, c, d])    # base or stages: what saved how much?
    >>> charts.languages({"Go": (one, two)})  # how large is each language, both ways?
    >>> charts.left_behind({"Go": (found, other)})   # which tools are left of each?
    >>> charts.trips(trips, [one, two])   # what does a push or a pull cost?
    >>> charts.runs(compared, names)      # is one faster? every run is drawn
    >>> charts.twins(pairs, "/app/app")   # what is the same in two builds?
    >>> charts.kitchen(rooms)             # what crosses from the builder, to scale?
    >>> charts.findings(report)           # which line brings what, and what is wrong there?
"""

from .contents import surface, tools, waste
from .findings import findings
from .graph import stages
from .grids import crossings, left_behind, tries, twins, works
from .incremental import edits
from .kitchen import kitchen
from .sizes import languages, layers, reduction, sizes
from .style import Chart
from .timeline import timeline
from .transfers import runs, trips

__all__ = ["Chart", "crossings", "edits", "findings", "kitchen", "languages", "layers", "left_behind", "reduction",
           "runs", "sizes", "stages", "surface", "timeline", "tools", "tries", "trips", "twins", "waste", "works"]
