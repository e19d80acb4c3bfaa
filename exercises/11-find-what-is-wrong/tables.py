"""Makes the table of tides: the height of the water for every minute of ten years.

Usage: tables.py FILE. The file has one number a minute, in centimetres, two bytes each.
"""

import math
import sys
from array import array

MINUTES = 10 * 365 * 24 * 60
TIDE, MOON = 745, 21_262   # minutes from one high water to the next, and from spring to spring

day = [math.sin(2 * math.pi * minute / TIDE) for minute in range(TIDE)]
month = [100 + 40 * math.cos(2 * math.pi * minute / MOON) for minute in range(MOON)]
heights = array("h", (int(month[minute % MOON] * (1 + day[minute % TIDE])) for minute in range(MINUTES)))
with open(sys.argv[1], "wb") as file:
    heights.tofile(file)
