"""Exercises on the lowest rung that carries them, in a session without privileges.

A part of what `make exercises RUNG=...` runs, so that CI stays within its time: what the text alone decides
is the same on every engine and is left out, and so is most of what only the image shows.
"""

import pytest

from ..engine.conftest import engine   # noqa: F401
from .rungs import run, session

# What each is asked, as pytest's -k has it.
SMALL = "(starter_fails or sample or small-mount or canned-page or rewritten)"
ONE_ID = "(starter_fails or sample or with-its-libraries or loader-forgotten or not-stripped or debug-says-nothing)"


@pytest.mark.parametrize("rung, name, only, least", [
    ("small", "01-split-the-stage", SMALL, 5), ("podman-one-id", "10-strip-the-binary", ONE_ID, 6)])
def test_verdicts_are_the_same_on_a_lower_rung(rung, name, only, least, engine):
    with session(engine, rung, [name]) as (pod, environment):
        outcomes = run(pod, environment, [name], only)
    assert [each for each in outcomes if each.ended != "passed"] == []
    assert len(outcomes) >= least
