"""Exercises on the lowest rung that carries them, in a session without privileges.

A part of what `make exercises RUNG=...` runs, so that CI stays within its time: what the text alone decides
is the same on every engine and is left out, and so is most of what only the image shows.
"""

import pytest

from ..engine.conftest import engine   # noqa: F401
from .rungs import run, session

pytestmark = pytest.mark.nightly   # `make test` has tests/sandbox, which builds in such a session

# What each is asked, as pytest's -k has it, and the bases that these submissions stand on.
SMALL = "(starter_fails or sample or small-mount or canned-page)"
ON_SMALL = ("golang:1.22", "gcr.io/distroless/base-debian12")
ONE_ID = "(starter_fails or sample or loader-forgotten or not-stripped or debug-says-nothing)"
ON_ONE_ID = ("gcc:12",)


@pytest.mark.parametrize("rung, name, only, bases, least", [
    ("small", "01-split-the-stage", SMALL, ON_SMALL, 4), ("podman-one-id", "10-strip-the-binary", ONE_ID, ON_ONE_ID, 5)])
def test_verdicts_are_the_same_on_a_lower_rung(rung, name, only, bases, least, engine):
    with session(engine, rung, [name], bases) as (pod, environment):
        outcomes = run(pod, environment, [name], only)
    assert [each for each in outcomes if each.ended != "passed"] == []
    assert len(outcomes) >= least
