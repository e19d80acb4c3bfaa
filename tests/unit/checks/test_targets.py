"""What is asked of a target besides its image: the same program, tests that are run."""

from types import SimpleNamespace

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks import rebuilds
from helpers.checks.exercise import Change
from helpers.checks.placeholders import Values
from helpers.errors import BuildFailed, BuildStopped
from tests import elfs

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


FOR_BOTH = "FROM --platform=$BUILDPLATFORM go AS b\nRUN make\nFROM b AS c\nRUN make\nFROM base\nCOPY --from=c /app /app\n"


def elsewhere(monkeypatch, text, program, build=lambda **_: SimpleNamespace(image="x")):
    """The fails of the rule, of a machine that is an amd64."""
    monkeypatch.setattr(rebuilds, "platform_args", lambda: {"BUILDPLATFORM": "linux/amd64"})
    monkeypatch.setattr("helpers.dockerfile.stages.platform_args", lambda: {"BUILDPLATFORM": "linux/amd64"})
    monkeypatch.setattr(rebuilds, "_program", lambda image, engine: program)
    platforms = "linux/amd64", "linux/arm64"
    return list(rebuilds.elsewhere(platforms, dockerfiles.parse(text), build, lambda error: f"{error.what}", engine=None))


@pytest.mark.parametrize("program, said", [
    (("/app", elfs.make(machine=183)), None),
    (("/app", elfs.make()), "starts /app, a program for x86-64"),
    (("/app", b"#!/bin/sh\n"), "starts /app, which is no machine code"),
    (None, "starts nothing, which"),
])
def test_the_program_for_another_platform_is_one_for_it(monkeypatch, program, said):
    built = []
    fails = elsewhere(monkeypatch, FOR_BOTH, program, lambda **options: built.append(options) or SimpleNamespace(image="x"))
    assert [said in fail.message for fail in fails] == ([True] if said else [])
    # The last base need not be there for that platform, and this machine's own has been built.
    assert built == [{"text": FOR_BOTH.replace("FROM base", "FROM --platform=$BUILDPLATFORM base"), "platform": "linux/arm64"}]


@pytest.mark.parametrize("text, lines", [
    (FOR_BOTH.replace("--platform=$BUILDPLATFORM ", ""), [1]),     # of two stages with commands, the one with the base
    (FOR_BOTH.replace("$BUILDPLATFORM", "linux/arm64"), [1]),
    ("FROM a AS unused\nRUN b\nFROM a\nRUN c\n", [3]),
])
def test_no_command_may_need_an_emulator(monkeypatch, text, lines):
    fails = elsewhere(monkeypatch, text, None, build=None)     # nothing is built
    assert [fail.line for fail in fails] == lines and "--platform=$BUILDPLATFORM" in fails[0].message


def test_a_build_for_another_platform_that_fails_says_why(monkeypatch):
    def build(**_):
        raise BuildFailed("No such base.", line=4)

    fail, = elsewhere(monkeypatch, FOR_BOTH, None, build)
    assert (fail.line, fail.message) == (4, "For linux/arm64 the build failed: No such base.")
