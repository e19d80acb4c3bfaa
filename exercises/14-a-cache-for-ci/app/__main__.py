"""Says how high the water stands at an hour of the year, from the table beside it."""

import sys

from tides import EDITION, HEIGHTS

hour = int(sys.argv[1])
print(f"Hour {hour}: {HEIGHTS[hour]} cm. Edition {EDITION}.")
