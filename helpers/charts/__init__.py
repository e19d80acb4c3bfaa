"""Pictures of what was measured, each with its finding, its source and alt text.

    >>> from helpers import charts
    >>> charts.sizes([one, two])          # how large are they, and what of?
    >>> charts.layers(one)                # which instruction brought how much?
    >>> charts.stages(result)             # which stage takes what from which?
    >>> charts.tools([found, other])      # what is within an intruder's reach?
    >>> charts.surface([found, other])    # how much is there to attack?
    >>> charts.tries({"one": done})       # what did an intruder manage?
    >>> charts.waste(found)               # what is shipped that nobody sees?
    >>> charts.kitchen(rooms)             # what crosses from the builder, to scale?
    >>> charts.findings(report)           # which line brings what, and what is wrong there?
"""

from .attempts import tries
from .contents import surface, tools, waste
from .findings import findings
from .graph import stages
from .kitchen import kitchen
from .sizes import layers, sizes
from .style import Chart

__all__ = ["Chart", "findings", "kitchen", "layers", "sizes", "stages", "surface", "tools", "tries", "waste"]
