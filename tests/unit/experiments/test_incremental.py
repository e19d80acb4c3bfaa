"""Copies of an application, edited, and which steps a build ran again."""

import os
import stat
from pathlib import Path

import pytest

from helpers import dockerfile, lesson
from helpers.builder import BuildResult, Step
from helpers.errors import CourseError
from helpers.experiments import incremental

FILES = {"main.go": b"world, world", "greet/greet.go": b"Hello", "a/folder/far/down": b""}


def test_files_are_read_at_any_depth_and_links_left_out(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"\x00\xff")
    (tmp_path / ".hidden").write_bytes(b"")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "to a file").symlink_to(".hidden")
    assert incremental.files(tmp_path) == {".hidden": b"", "a/b/c": b"\x00\xff"}


def test_what_is_written_is_what_was_read_and_can_be_run(tmp_path):
    incremental.write(FILES, tmp_path)
    assert incremental.files(tmp_path) == FILES
    # The same modes whatever the umask: they are part of what the cache compares.
    assert {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in FILES} == {0o755}


def test_a_lesson_s_folder_has_folders_in_it():
    place = Path(lesson.folder({"a/b": b"1", "c": b"2"}))
    assert (place / "a" / "b").read_bytes() == b"1" and (place / "c").read_bytes() == b"2"


def test_a_lesson_reads_an_application_without_touching_it():
    found = lesson.files("greeter")
    assert found["greet/greet.go"] == (lesson.APPS / "greeter" / "greet" / "greet.go").read_bytes()
    assert {"main.go", "main_test.go", "go.mod", ".dockerignore"} < set(found)


def test_an_edit_changes_one_word_of_one_file_each_time_otherwise():
    once, again = (incremental.edited(FILES, ("main.go", "world")) for _ in range(2))
    assert once["main.go"].startswith(b"world ") and once["main.go"].endswith(b", world")
    assert once["main.go"] != again["main.go"] != FILES["main.go"]
    assert once["greet/greet.go"] == b"Hello" and FILES["main.go"] == b"world, world"


    same = incremental.edited(FILES, None)
    assert same == FILES and same is not FILES


@pytest.fixture
def builds(monkeypatch):
    """Calls of `build`, each with the files that were in its folder then."""
    calls = []

    def build(folder, **words):
        calls.append((words, incremental.files(folder), Path(folder)))
        return len(calls)
    monkeypatch.setattr(incremental, "build", build)
    return calls


@pytest.mark.parametrize("edit, words", [(("other.go", "world"), "no file other.go"),
                                         (("main.go", "moon"), "no 'moon'")])
def test_an_edit_that_cannot_be_made_is_reported_before_anything_is_built(builds, edit, words):
    with pytest.raises(CourseError, match=words) as refused:
        incremental.rebuild(FILES, {"nothing": None, "source": edit})
    assert "main.go" in refused.value.remedy and builds == []


def test_the_files_are_built_as_they_are_and_after_each_edit(builds):
    done = incremental.rebuild(FILES, {"nothing": None, "source": ("main.go", "world")}, "Dockerfile.x", tag="a:b")
    assert done == {"nothing": 2, "source": 3}
    words, seen, folders = zip(*builds)
    assert [each["dockerfile"] for each in words] == ["Dockerfile.x"] * 3
    assert [each["tag"] for each in words] == ["a:b-0", "a:b-1", "a:b-2"]
    assert seen[0] == seen[1] == FILES and seen[2]["main.go"] != FILES["main.go"]
    assert len(set(folders)) == 3 and not any(folder.exists() for folder in folders)


def test_without_a_tag_no_image_is_named(builds):
    incremental.rebuild(FILES, {"nothing": None})
    assert [words["tag"] for words, *_ in builds] == ["", ""]


def test_the_folder_goes_when_a_build_fails(monkeypatch):
    seen = []

    def build(folder, **_):
        seen.append(Path(folder))
        raise ZeroDivisionError
    monkeypatch.setattr(incremental, "build", build)
    with pytest.raises(ZeroDivisionError):
        incremental.rebuild(FILES, {})
    assert seen and not seen[0].exists()


TEXT = """\
FROM golang AS builder
WORKDIR /app
COPY . .
RUN go \\
    build

FROM builder AS test
RUN go test

FROM scratch
COPY --from=builder /app /
CMD ["/app"]
"""


def result(*steps: Step, target=None) -> BuildResult:
    return BuildResult("sha256:x", "t", "buildkit", 1.0, (), steps, (), target, dockerfile.parse(TEXT), None)


def step(line: int, cached=False, started=0.0, completed=0.0, stage="builder") -> Step:
    return Step(stage, f"step of line {line}", line, cached, started, completed)


def test_steps_are_those_of_the_stages_that_were_needed_in_the_order_of_the_file():
    told = [step(11, stage="stage-2"), step(4), step(1), step(3), step(2), Step("", "load", None, False, 0, 1)]
    assert [each.line for each in incremental.steps(result(*told))] == [2, 3, 4, 11]
    assert [each.line for each in incremental.steps(result(*told, target="test"))] == [2, 3, 4, 8]


def test_a_step_that_was_not_told_was_taken_from_the_cache():
    missing, = incremental.steps(result(step(2), step(3), step(11)))[2:3]
    assert (missing.cached, missing.line, missing.stage, missing.seconds) == (True, 4, "builder", 0.0)
    assert missing.instruction.split() == ["RUN", "go", "build"]


def test_what_ran_again_and_for_how_long():
    done = result(step(2, cached=True), step(3, started=1, completed=1.5), step(4, started=1.5, completed=4),
                  step(11, cached=True))
    assert [each.line for each in incremental.executed_steps(done)] == [3, 4]
    assert incremental.step_seconds(done) == 3.0
    assert incremental.executed_steps(result()) == [] and incremental.step_seconds(result()) == 0.0


APP = lesson.APPS / "greeter"


def lines(name: str) -> list[str]:
    return (APP / name).read_text().splitlines()


def test_one_word_ties_the_artifact_to_its_tests():
    changed = [pair for pair in zip(lines("Dockerfile.test-stage"), lines("Dockerfile.tested"), strict=True)
               if pair[0] != pair[1]]
    assert changed == [("COPY --from=builder /app/app /app/app", "COPY --from=test /app/app /app/app")]
    for name, needed in (("test-stage", {"builder", "stage-2"}), ("tested", {"builder", "test", "stage-2"})):
        assert dockerfile.parse((APP / f"Dockerfile.{name}").read_text()).needed() == needed


def test_the_two_orders_have_the_same_steps_but_for_the_order():
    good, bad = set(lines("Dockerfile")), set(lines("Dockerfile.everything-first"))
    assert bad < good and good - bad == {"COPY go.mod ./", "COPY greet greet", "RUN go build example.org/greet"}


def test_the_number_and_the_name_lead_to_different_stages():
    numbers, names = (dockerfile.parse((APP / f"Dockerfile.{each}").read_text()) for each in ("numbers", "names"))
    assert numbers.needed() == {"stage-0", "stage-2"} and names.needed() == {"builder", "stage-2"}
    assert [stage.instructions[-1].value for stage in numbers.stages[:2]] == [
        stage.instructions[-1].value for stage in names.stages[:2]]


@pytest.mark.parametrize("path", sorted(APP.glob("Dockerfile*")), ids=lambda path: path.name)
def test_no_dockerfile_of_the_application_is_part_of_what_it_builds(path):
    from helpers.builder.context import Context

    sent = {entry.path for entry in Context.scan(APP, path.name).entries}
    assert not any("Dockerfile" in name for name in sent - {path.name})
