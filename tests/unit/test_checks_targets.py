"""What is asked of a target beside its image: the same program, a shell, tests that are run."""

from types import SimpleNamespace

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks import targets
from helpers.checks.exercise import Change, Target
from helpers.checks.placeholders import Values
from helpers.container import Ran
from helpers.errors import BuildFailed, BuildStopped, CourseError

READ = dockerfiles.parse("""FROM gcc AS build
COPY . .
RUN make

FROM build AS test
RUN ./tests

FROM debian AS debug
COPY --from=build /app /app

FROM scratch
COPY --from=build /app /app
""")
VALUES = Values(a=12, b=34)
SOURCE = {"sum.c": b"return a + b;\n", "main.c": b"int main;\n"}


@pytest.mark.parametrize("ours, theirs, said", [
    (("/app", "1"), ("/app", "1"), ""),
    (("/app", "1"), ("/bin/app", "1"), ""),             # where it lies is the target's own affair
    (("/app", "1"), ("/app", "2"), "starts /app, which has other bytes"),
    (("/app", "1"), None, "starts no program"),
    (None, ("/app", "1"), "other bytes"),
])
def test_a_target_starts_the_same_program(monkeypatch, ours, theirs, said):
    monkeypatch.setattr(targets, "_program", lambda image, engine: {"ours": ours, "theirs": theirs}[image])
    found = targets.same("debug", "ours", "theirs", READ, engine=None)
    assert [fail.line for fail in found] == ([8] if said else [])
    assert not said or said in found[0].message


@pytest.mark.parametrize("answer, said", [
    (Ran("408\n", 0, 0.1), ""),
    (Ran("portions GUESTS GRAMS\n", 2, 0.1), "exit code 2"),
    (Ran("408\n", 1, 0.1), "exit code 1"),
    (Ran("12 * 34\n", 0, 0.1), "12 * 34"),             # it prints what it is asked, and reckons nothing
    (CourseError("x cannot run sh."), "cannot run sh"),
])
def test_a_shell_opens_in_a_target(monkeypatch, answer, said):
    asked = []

    def run(image, command, *, entrypoint, sandbox, **rest):
        asked.append((image, *entrypoint, *command, sandbox.capabilities))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(targets.container, "run", run)
    monkeypatch.setattr(targets.Bounds, "of", lambda *rest: None)
    found = targets.shell("debug", "image", VALUES, READ, engine=None)
    assert asked == [("image", "sh", "-c", "echo $((12 * 34))", ())]
    assert [fail.line for fail in found] == ([8] if said else [])
    assert not said or said in found[0].message


def tells(builds, **changes):
    """(rule, message) of each fail; `builds`: what a build of that sum.c does."""
    def build(source):
        assert source["main.c"] == SOURCE["main.c"]
        builds(source["sum.c"].decode().strip())

    asked = SimpleNamespace(targets={"test": Target(**changes)})
    return [(rule, fail.message) for rule, fail in targets.tells("test", asked, SOURCE, lambda: VALUES, build, READ)]


BROKEN, OTHERWISE = Change("sum.c", "a + b", "a - b"), Change("sum.c", "a + b", "b + {a} + a - {a}")


def runs_tests(text):
    if text == "return a - b;":
        raise BuildFailed("A test failed.")


def looks_for_words(text):
    if text != "return a + b;":
        raise BuildFailed("A word was not found.")


def hangs(text):
    if text == "return a - b;":
        raise BuildStopped("The build took longer than 180 s.", bound="time")


@pytest.mark.parametrize("builds, rules", [
    (runs_tests, []), (lambda text: None, ["breaks"]), (looks_for_words, ["keeps"]), (hangs, ["breaks"]),
])
def test_a_target_tells_good_source_from_bad(builds, rules):
    assert [rule for rule, _ in tells(builds, breaks=(BROKEN,), keeps=(OTHERWISE,))] == rules


def test_every_change_is_tried_and_told():
    (_, first), (_, second) = tells(lambda text: None, breaks=(BROKEN, Change("sum.c", "return", "{b};")))
    assert "'a + b' turned into 'a - b' in sum.c" in first and "'return' turned into '34;'" in second
