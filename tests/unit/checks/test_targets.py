"""What is asked of a target besides its image: the same program, tests that are run."""

import pytest

from helpers.checks import rebuilds
from helpers.checks.exercise import Change
from helpers.checks.placeholders import Values
from helpers.errors import BuildFailed, BuildStopped

VALUES = Values(a=12, b=34)
SOURCE = {"sum.c": b"return a + b;\n", "main.c": b"int main;\n"}


@pytest.mark.parametrize("ours, theirs, said", [
    (("/app", "1"), ("/app", "1"), ""),
    (("/app", "1"), ("/bin/app", "1"), ""),             # where it lies is the target's own affair
    (("/app", "1"), ("/app", "2"), "starts /app, whose bytes are not those"),
    (("/app", "1"), None, "starts no program"),
    (None, ("/app", "1"), "bytes are not those"),
])
def test_a_target_starts_the_same_program(monkeypatch, ours, theirs, said):
    monkeypatch.setattr(rebuilds, "_program", lambda image, engine: {"ours": ours, "theirs": theirs}[image])
    found = rebuilds.same("debug", "ours", "theirs", 8, engine=None)
    assert [fail.line for fail in found] == ([8] if said else [])
    assert not said or said in found[0].message


def breaks(builds, *changes):
    """The messages of the rule; `builds`: what a build of that sum.c does."""
    def build(source):
        assert source["main.c"] == SOURCE["main.c"]
        builds(source["sum.c"].decode().strip())

    found = list(rebuilds.breaks("test", changes, SOURCE, lambda: VALUES, build, 5))
    assert {fail.line for fail in found} <= {5}
    return [fail.message for fail in found]


BROKEN = Change("sum.c", "a + b", "a - b")


def runs_tests(text):
    if text == "return a - b;":
        raise BuildFailed("A test failed.")


def hangs(text):
    if text == "return a - b;":
        raise BuildStopped("The build was stopped in line 3: RUN --mount=type=cache,target=/c ./tests", bound="time")


@pytest.mark.parametrize("builds, count", [(runs_tests, 0), (lambda text: None, 1), (hangs, 1)])
def test_a_target_tells_good_source_from_bad(builds, count):
    assert len(breaks(builds, BROKEN)) == count


def test_a_target_that_is_stopped_is_reported_without_the_mounts_of_the_check():
    message, = breaks(hangs, BROKEN)
    assert "took too long, and was stopped" in message and "--mount" not in message


def test_every_change_is_tried_and_reported():
    first, second = breaks(lambda text: None, BROKEN, Change("sum.c", "return", "{b};"))
    assert "'a + b' changed to 'a - b' in sum.c" in first and "'return' changed to '34;'" in second
