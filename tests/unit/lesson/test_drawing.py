"""What a lesson draws with is there, and costs nothing before the first chart."""

import subprocess
import sys


def test_charts_are_imported_with_the_first_one():
    code = ("import sys; from helpers.lesson import *; before = 'matplotlib' in sys.modules\n"
            "import helpers.charts as real\n"
            "print(before, charts.sizes is real.sizes, charts.Chart is real.Chart, 'layers' in dir(charts))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False True True True\n", done.stderr
