"""Pictures of what was measured, each with its finding, its source and alt text.

    >>> from helpers import charts
    >>> charts.sizes([one, two])          # how large are they, and what of?
    >>> charts.layers(one)                # which instruction brought how much?
    >>> charts.stages(result)             # which stage takes what from which?
    >>> charts.timeline(result)           # what ran when, and what at once?
"""

from .graph import stages
from .sizes import layers, sizes
from .style import Chart
from .timeline import timeline

__all__ = ["Chart", "layers", "sizes", "stages", "timeline"]
