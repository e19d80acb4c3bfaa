"""Makes the table of tides, a module of Python: the height of the water at every hour of a year, in centimetres.

Usage: table.py FILE. In a real project this is the step that takes long.
"""

import math
import pathlib
import sys

EDITION = "unstamped"
TIDE = 12.42   # hours from one high water to the next

heights = [round(100 + 100 * math.sin(2 * math.pi * hour / TIDE)) for hour in range(365 * 24)]
file = pathlib.Path(sys.argv[1])
file.parent.mkdir(exist_ok=True)
file.write_text(f"EDITION = {EDITION!r}\nHEIGHTS = {heights}\n")
