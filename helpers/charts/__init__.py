"""Pictures of what was measured, each with its finding, its source and alt text.

    >>> from helpers import charts
    >>> charts.sizes([one, two])          # how large are they, and what of?
    >>> charts.layers(one)                # which instruction brought how much?
    >>> charts.stages(result)             # which stage takes what from which?
    >>> charts.tools([found, other])      # what is within an intruder's reach?
    >>> charts.surface([found, other])    # how much is there to attack?
    >>> charts.tries({"one": done})       # what did an intruder manage?
    >>> charts.waste(found)               # what is shipped that nobody sees?
    >>> charts.edits({"this": built})     # what has to run again after an edit?
"""

from .attempts import tries
from .contents import surface, tools, waste
from .edits import edits
from .graph import stages
from .sizes import layers, sizes
from .style import Chart

__all__ = ["Chart", "edits", "layers", "sizes", "stages", "surface", "tools", "tries", "waste"]
