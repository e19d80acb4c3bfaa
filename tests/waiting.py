"""What tests wait for: a condition, and the processes of this machine by their command lines; and what it lacks."""

import os
import time
from pathlib import Path

import pytest


def lacks(why):
    """Skip the test; where MULTISTAGE_REQUIRE_ENGINE=1 says that nothing may be skipped, fail it."""
    (pytest.fail if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1" else pytest.skip)(why)


def until(condition, seconds=30):
    """What `condition` returns once it is true, or after that time."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return met


def commands():
    """The words of every process."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield entry.read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
        except OSError:    # it has ended since
            continue


def running(text):
    """The command lines that have a text in them."""
    return [line for line in map(" ".join, commands()) if text in line]
