"""Exercises: check.toml, the rules of the text, random values, hints, verdicts, notebooks."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from helpers import dockerfile as dockerfiles
from helpers.builder import Progress
from helpers.builder.events import StepSeen
from helpers.checks import Fail, Verdict, check, dockerfile_rules, find, hints, names, notebook, read
from helpers.checks.building import LearnersProgress, with_mounts, without_mounts
from helpers.checks.exercise import Edit
from helpers.checks.globs import matches
from helpers.checks.goals import goals
from helpers.checks.hints import next_hint
from helpers.checks.placeholders import Values
from helpers.checks.rebuilds import missed, rebuilt
from helpers.checks.submission import changed_files
from helpers.checks.verdict import RULES, Findings, meaning
from helpers.errors import ExerciseError
from helpers.views.exercises import verdict_view

CHECK = """title = "A thing"
minutes = 5
context = ["main.go", "lib/**"]
may_change = [".dockerignore"]

[build]
bases = ["golang:1.22", "scratch"]
secrets = ["token"]

[proof]
file = "main.go"
word = "unstamped"

[stages]
least = 2
named = ["test"]
final_bases = ["scratch"]

[[run]]
output = ["{proof}"]
"""


@pytest.fixture
def folder(tmp_path):
    """An exercise by hand."""
    place = tmp_path / "99-thing"
    (place / "lib").mkdir(parents=True)
    (place / "solution").mkdir()
    (place / "main.go").write_text('const stamp = "unstamped"\n')
    (place / "lib" / "a.go").write_text("package lib\n")
    (place / "solution" / "main.go").write_text("nothing\n")
    (place / "Dockerfile").write_text("FROM golang:1.22\nCOPY . .\n")
    (place / "task.md").write_text("# Do it\n\n5 minutes.\n\n<details><summary>Hint 1</summary>\n\nFirst `a`.\n\n</details>\n\n"
                                   "<details><summary>Hint 2</summary>\nSecond.\n</details>\n")
    (place / "check.toml").write_text(CHECK)
    return place


def changed(folder, old, new):
    text = (folder / "check.toml").read_text()
    assert old in text
    (folder / "check.toml").write_text(text.replace(old, new, 1))
    return folder


def test_an_exercise_is_what_its_folder_says(folder):
    exercise = find(folder)
    assert (exercise.name, exercise.minutes, exercise.build.bases) == ("99-thing", 5, ("golang:1.22", "scratch"))
    assert exercise.build.seconds == 180 and exercise.image.starter is None
    assert list(exercise.source()) == ["lib/a.go", "main.go"]


def test_only_the_source_is_sent_even_if_every_file_matches(folder):
    changed(folder, '["main.go", "lib/**"]', '["**"]')
    (folder / "work").mkdir()
    (folder / "work" / "x.go").write_text("mine")
    (folder / "99-thing.ipynb").write_text("{}")
    (folder / "link.go").symlink_to("check.toml")
    assert list(find(folder).source()) == ["lib/a.go", "main.go"]


@pytest.mark.parametrize("old, new, line, said", [
    ("minutes = 5", "minuets = 5", 2, "minuets"),
    ("minutes = 5", 'minutes = "5"', 2, "expected an integer"),
    ("minutes = 5", "minutes = true", 2, "expected an integer"),
    ("least = 2", "last = 2", 15, "there is no key 'last'"),
    ('named = ["test"]', "named = 'test'", 16, "expected a list"),
    ('named = ["test"]', "named = [3]", 16, "expected a string"),
    ('word = "unstamped"', 'word = "elsewhere"', 12, "has to occur exactly once"),
    ('context = [', 'platforms = ["linux/amd64", "linux/6502"]\ncontext = [', 3, "'linux/6502' is none of linux/amd64, linux/arm64"),
    ('output = ["{proof}"]', 'output = ["x"]', 10, "asks for {proof}"),
    ('"lib/**"]', '"nothing/**"]', 3, "no file in the folder"),
    ("minutes = 5\n", "", None, "'minutes' is missing"), ("minutes = 5", "minutes = ", 2, "Invalid value"),
])
def test_a_mistake_in_check_toml_is_reported_with_its_line(folder, old, new, line, said):
    changed(folder, old, new)
    with pytest.raises(ExerciseError) as caught:
        read(folder)
    assert caught.value.line == line
    assert said in str(caught.value)


def test_an_exercise_is_found_by_the_beginning_of_its_name():
    assert find("01").name == "01-split-the-stage"
    with pytest.raises(ExerciseError) as caught:
        find("zz")
    assert "01-split-the-stage" in caught.value.remedy


@pytest.mark.parametrize("name", names())
def test_an_exercise_is_complete(name):
    exercise = find(name)
    assert exercise.title in exercise.task.splitlines()[0]
    assert f"{exercise.minutes} minutes" in exercise.task
    assert hints(exercise)
    assert (exercise.folder / "solution" / "Dockerfile").is_file()
    assert exercise.work.parent.is_dir()      # JupyterLab saves into a folder that is there, and makes none
    assert not any("work/" in path for path in exercise.source())
    values = Values(proof="p", secrets=dict.fromkeys(exercise.build.secrets, "s"))
    for part in exercise.parts:
        for text in [text for each in part.run for text in (*each.output, *each.not_output, *(each.arguments or ()))]:
            values.fill(text)
        for each in part.serve.requests if part.serve else ():
            for text in (each.path, *each.contains, *each.lacks):
                values.fill(text)


@pytest.mark.parametrize("name", names())
def test_a_notebook_is_the_one_made_from_its_folder(name):
    exercise = find(name)
    kept = json.loads(notebook.path(exercise).read_text())
    for cell in kept["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    made = notebook.notebook(exercise)
    assert kept == made
    nbformat.validate(made)
    text = "".join("".join(cell["source"]) for cell in made["cells"])
    assert (f"%dockerfile {name} --target" in text) == bool(exercise.targets)


def kept(name):
    """The code cells of an exercise's notebook, as it is kept."""
    read = json.loads(notebook.path(find(name)).read_text())
    return [cell for cell in read["cells"] if cell["cell_type"] == "code"]


def verdict_cell(cells):
    return next(cell for cell in cells if cell["source"][0].startswith("%check"))


def tags(cell):
    return cell["metadata"].get("tags", ())


@pytest.mark.parametrize("name", names())
def test_a_notebook_is_kept_with_the_outputs_of_the_starter(name):
    cells = kept(name)
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert all(cell["outputs"] and len(cell["source"]) <= 15 for cell in cells)
    for cell in cells:
        printed, raised = cell["source"][0].startswith(("%%in_step", "%%writefile")), "raises-exception" in tags(cell)
        for output in cell["outputs"]:
            assert output["output_type"] in ("execute_result", "display_data", *["stream"] * printed, *["error"] * raised)
            if "data" in output:
                assert output["data"].keys() == {"text/plain", "text/html"}            # no widget
    text = json.dumps(outputs).replace("<wbr>", "")
    assert str(Path(__file__).resolve().parents[3]) not in text and not re.search(r"/tmp/|/root/(?!\.npmrc\b)", text)
    judged, = verdict_cell(cells)["outputs"]
    said = "".join(judged["data"]["text/plain"])
    assert said.startswith(f"Not yet: {name}.")
    assert not re.search(r"✘ (.*: )?(time|disk):", said), "the verdict shows a build that was stopped"


@pytest.mark.parametrize("name", names())
def test_a_verdict_that_needs_no_build_is_kept_as_it_is_now(name, tmp_path, monkeypatch):
    exercise, cell = find(name), verdict_cell(kept(name))
    if not notebook.starter_fails_unbuilt(exercise):
        assert cell["metadata"]["tags"] == ["nbval-ignore-output"]
        return
    assert "tags" not in cell["metadata"]
    monkeypatch.setenv("MULTISTAGE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "work" / "Dockerfile"
    place.parent.mkdir()
    place.write_text(exercise.starter.read_text().rstrip("\n") + "\n")
    verdict = replace(check(exercise, place), hint=next_hint(exercise, 0))
    assert "".join(cell["outputs"][0]["data"]["text/plain"]) == str(verdict)
    assert "".join(cell["outputs"][0]["data"]["text/html"]) == verdict_view(verdict)


def test_outputs_stay_while_the_cells_do(folder):
    exercise = find(folder)
    made = json.loads(notebook.write(exercise).read_text())
    for number, cell in enumerate(each for each in made["cells"] if each["cell_type"] == "code"):
        cell.update(execution_count=number + 1, outputs=[{"output_type": "stream", "name": "stdout", "text": ["kept"]}])
    notebook.path(exercise).write_text(json.dumps(made))
    exercise.folder.joinpath("task.md").write_text(exercise.task + "\nMore of it.\n")
    for starter, counts in ((exercise.starter.read_text(), [1, 2, 3, 4, 5]), ("FROM scratch\n", [None] * 5)):
        exercise.starter.write_text(starter)      # outputs of another starter are not kept
        cells = json.loads(notebook.write(exercise).read_text())["cells"]
        code = [each for each in cells if each["cell_type"] == "code"]
        assert [each["execution_count"] for each in code] == counts
        assert [bool(each["outputs"]) for each in code] == [count is not None for count in counts]


def test_a_long_starter_is_shown_and_edited_as_a_file(folder):
    exercise = find(folder)
    exercise.starter.write_text("".join(f"FROM scratch AS stage{n}\n" for n in range(15)))
    made = json.loads(notebook.write(exercise).read_text())
    text, cell = next((text, cell) for text, cell in pairwise(made["cells"]) if text["source"][0] == "## Your Dockerfile\n")
    assert cell["source"] == [f"%dockerfile {exercise.name}"] and "FROM scratch AS stage14\n" in text["source"]
    cell.update(execution_count=1)
    notebook.path(exercise).write_text(json.dumps(made))
    exercise.starter.write_text(exercise.starter.read_text() + "FROM scratch\n")    # the code cells are the same
    assert {cell.get("execution_count") for cell in json.loads(notebook.write(exercise).read_text())["cells"]} == {None}


def rules(folder, text):
    found = Findings()
    exercise = read(folder)
    dockerfile_rules.judge(exercise, text, tuple(exercise.source()), found)
    return found


GOOD = """FROM golang:1.22 AS test
COPY . .
RUN --mount=type=secret,id=token go build -o /app

FROM scratch
COPY --from=test /app /app
"""


def test_a_good_text_has_no_fails(folder):
    found = rules(folder, GOOD)
    assert found.fails == []
    assert found.holds == ["syntax", "bases", "downloads", "context", "single-stage", "stages", "final-base", "unused-stage",
                           "secret-mount"]


@pytest.mark.parametrize("old, new, rule, line", [
    ("FROM scratch", "FORM scratch", "syntax", 5),
    ("FROM golang", "# syntax=some/reader\nFROM golang", "bases", 1),
    ("FROM golang", "# escape=\\\n# SYNTAX = some/reader\nFROM golang", "bases", 2),
    ("FROM scratch", "FROM alpine", "bases", 5),
    ("--from=test", "--from=some/image", "bases", 6),
    ("--mount=type=secret,id=token", "--mount=from=some/image,target=/x --mount=type=secret,id=token", "bases", 3),
    ("COPY . .", "COPY . .\nADD https://example.org/app /app", "downloads", 3),
    ("COPY . .", "COPY . .\nADD git@example.org:a/b.git /app", "downloads", 3),
    ("COPY . .", "ARG U\nADD ${U} /app", "downloads", 3),
    ("COPY . .", "COPY check.toml .", "context", 2),
    ("COPY . .", "COPY solution/ .", "context", 2),
    ("COPY . .", "COPY ../app .", "context", 2),
    ("COPY . .", 'COPY ["./app", "/app"]', "context", 2),
    ("COPY . .", "COPY . .\nRUN --mount=type=bind,source=check.toml,target=/c cat /c", "context", 3),
    (" AS test", " AS build", "bases", 6),        # --from=test is an image's name then
    ("FROM scratch", "FROM golang:1.22", "final-base", 5),
    ("FROM scratch", "FROM golang:1.22 AS extra\nFROM scratch", "unused-stage", 5),
    ("--mount=type=secret,id=token ", "", "secret-mount", None),
])
def test_a_fail_of_the_text_has_its_line(folder, old, new, rule, line):
    assert old in GOOD
    found = rules(folder, GOOD.replace(old, new, 1))
    assert (found.fails[0].rule, found.fails[0].line) == (rule, line), found.fails


@pytest.mark.parametrize("text, rule", [
    ("FROM golang:1.22 AS test\nCOPY . .\nRUN --mount=type=secret,id=token go build && rm -rf /usr/local/go\n", "single-stage"),
    ("FROM scratch\n" * 20_000, "syntax")])     # too long to be read
def test_a_fail_is_reported_without_what_follows_from_it(folder, text, rule):
    assert [fail.rule for fail in rules(folder, text).fails] == [rule]


@pytest.mark.parametrize("text", [
    *(GOOD.replace("COPY . .", f"COPY {source} /x/")
      for source in ("main.go", "./main.go", "/main.go", "lib", "lib/", "*.go", "lib/*.go", ".")),
    GOOD.replace("golang:1.22", "docker.io/library/golang:1.22"),       # Docker Hub's long name
    GOOD + "# syntax=x\n", "# hello\n# syntax=x\n" + GOOD])            # a later comment names no other reader
def test_the_same_in_another_spelling_has_no_fails(folder, text):
    assert rules(folder, text).fails == []


def test_only_files_that_may_be_changed_are_submitted(folder):
    exercise = find(folder)
    (folder / "work").mkdir()
    for name in ("Dockerfile", ".dockerignore", "main.go"):
        (folder / "work" / name).write_text("mine")
    assert changed_files(exercise, exercise.work) == {".dockerignore": b"mine"}
    assert changed_files(exercise, exercise.starter) == {}
    (folder / "work" / "Other").write_text("FROM scratch")
    assert changed_files(exercise, folder / "work" / "Other") == {}


def test_each_run_gets_a_cache_and_lines_stay():
    text = ("FROM golang:1.22\nRUN go build \\\n  -o /app\nRUN <<EOF\ngo vet\nEOF\n"
            "RUN --mount=type=cache,target=/c true\nCMD [\"RUN\"]\n")
    lent = with_mounts(dockerfiles.parse(text), ["/c"])
    lines = lent.splitlines()
    assert len(lines) == len(text.splitlines())
    assert lines[1] == "RUN --mount=type=cache,id=multistage-check-c,target=/c go build \\"
    assert lines[3].endswith(",target=/c <<EOF") and lines[6] == text.splitlines()[6]
    assert dockerfiles.parse(lent).stages[0].instructions[2].heredocs == ("go vet\n",)
    assert without_mounts(lent, ["/c"]) == text


def test_a_run_with_a_secret_or_each_run_gets_a_new_mount_to_run_again():
    text = "FROM golang:1.22\nRUN --mount=type=secret,id=token sh sign.sh\nCOPY . .\nRUN go build\n"
    mounted = with_mounts(dockerfiles.parse(text), ["/c"], "w1", every=True)
    new = "--mount=type=secret,id=multistage-check-w1"
    lines = mounted.splitlines()
    assert new in lines[1] and lines[1].endswith("--mount=type=secret,id=token sh sign.sh")
    assert lines[2] == "COPY . ." and new in lines[3]
    assert without_mounts(mounted, ["/c"], "w1") == text
    lines = with_mounts(dockerfiles.parse(text), [], "w1").splitlines()
    assert new in lines[1] and new not in lines[3]
    assert with_mounts(dockerfiles.parse(GOOD), []) == GOOD     # nothing where nothing is asked


def test_values_are_filled_in():
    values = Values(proof="pp", secrets={"t": "s"}, word="abc", a=12, b=3)
    assert values.fill("{word}{word} {a+b} {a*b} {proof} {secret.t} {{x}}") == \
        "abcabc 15 36 pp s {x}"
    assert values.fill("{secret.t.sha256}").startswith("043a718774c572bd")
    with pytest.raises(ValueError, match="{nobody}"):
        values.fill("{nobody}")
    assert len({Values().word for _ in range(20)}) == 20
    assert len({(Values().a, Values().b) for _ in range(20)}) > 1


@pytest.mark.parametrize("path, pattern, fits", [
    ("/app/src/main.go", "**/*.go", True), ("main.go", "**/*.go", True), ("a/b.go", "*.go", False),
    ("/app/server", "/app/server", True), ("/app/x/server", "/app/*", False), ("web/a/b.js", "web/**", True),
    ("/a.c", "/a?c", True), ("/abc", "/a.c", False), ("/usr/lib/x", "lib/**", False), ("/a[b]", "/a[b]", True)])
def test_patterns(path, pattern, fits):
    assert matches(path, pattern) is fits


def test_a_verdict_has_the_first_cause_first():
    verdict = Verdict("x", "Dockerfile", ("syntax",), (Fail("size", "Too big.", 7), Fail("test: output", "Wrong.")), hint="h")
    text = str(verdict)
    assert not verdict.passed and text.index("Line 7: Too big.") < text.index("Wrong.")
    facts = verdict.facts()
    assert (facts["passed"], facts["hint"], facts["fails"][0]) == \
        (False, "h", {"rule": "size", "message": "Too big.", "line": 7})
    assert Verdict("x", "Dockerfile", ("syntax",), ()).facts()["hint"] is None


def test_a_verdict_lists_what_a_fail_left_unchecked(folder):
    verdict = check(find(folder), text="FROM golang:1.22 AS test\nRUN --mount=type=secret,id=token true\n")
    assert verdict.unchecked == ("final-base", "secret", "output") == tuple(verdict.facts()["unchecked"])
    for shown in (str(verdict), verdict_view(verdict)):
        assert "2 of 6 goals met, 1 thing to fix, 3 not checked yet." in shown
        assert "Stopped at step 1 of 4, the text." in shown and shown.count("It prints what it should.") == 1
    assert verdict.facts()["goals"] == {"met": ["stages", "secret-mount"], "of": 6}
    whole = replace(verdict, holds=(*verdict.holds, *verdict.unchecked), stopped="")
    assert all("Stopped" not in shown and "ot checked yet" not in shown for shown in (str(whole), verdict_view(whole)))


def test_rules_of_every_exercise_are_no_goals(folder):
    assert goals(find(folder)) == {"the text": ("single-stage", "stages", "final-base", "secret-mount"), "the build": (),
                                   "what is in the image": ("secret",), "how it runs": ("output",)}
    verdict = check(find(folder), text="FROM golang:1.22\n")
    assert {"syntax", "bases", "context"} <= {*verdict.ground} and not {*verdict.ground} & {*verdict.met}


def test_a_goal_that_holds_in_the_image_and_fails_in_a_container_is_not_met():
    verdict = Verdict("x", "Dockerfile", ("user",), (Fail("user", "Its processes run as root."),),
                      goals=("user", "size"))
    assert (verdict.met, verdict.unchecked) == ((), ("size",))


def test_every_rule_has_a_meaning_also_one_of_a_target():
    assert meaning("test: builds") == "Target test: It builds."
    assert all(meaning(rule).endswith(".") for rule in RULES)


def test_the_guide_names_every_rule_and_lists_every_exercise():
    guide = (Path(__file__).resolve().parents[3] / "exercises" / "README.md").read_text()
    assert [rule for rule in RULES if f"`{rule}`" not in guide and f": {rule}`" not in guide] == []
    listed = re.findall(r"^\| \[(\d+) (.+)\]\((.+)/(.+)\.ipynb\) \| .+ \| (\d+) \|$", guide, re.M)
    there = [find(name) for name in names()]
    assert listed == [(each.name[:2], each.title, each.name, each.name, str(each.minutes)) for each in there]


def test_control_characters_of_a_build_are_escaped():
    found = Findings("test")
    assert not found.judge("builds", [Fail("builds", "It printed: \x1b[2J\rPassed: all\nrules hold.")])
    assert found.fails == [Fail("test: builds", "It printed: \\x1b[2J Passed: all rules hold.")] and found.failed("builds")


BUILT = SimpleNamespace(steps=[
    SimpleNamespace(instruction="RUN npm ci", cached=False, line=4, stage="build"),
    SimpleNamespace(instruction="RUN npm run build", cached=True, line=6, stage="build")])


@pytest.mark.parametrize("edit, lines", [
    (Edit("a.js", "x", cached=("npm ci",)), [4]), (Edit("a.js", "x", again=("run build",)), [6]),
    (Edit("a.js", "x", cached=("run build",), again=("npm ci",)), []), (Edit("a.js", "x", cached=("pip",)), [None])])
def test_steps_that_ran_again_or_did_not_are_reported(edit, lines):
    assert [line for line, _ in missed(edit, BUILT)] == lines


def test_a_step_is_reported_once_for_several_edits():
    edits = [Edit(file, "x", cached=("npm ci",), again=("run build",)) for file in ("a.js", "b.js", "c.js")]
    source = dict.fromkeys(("a.js", "b.js", "c.js"), b"")
    fails = list(rebuilt(edits, source, Values, lambda _: BUILT, str))
    assert [(fail.line, str(fail).split(". ")[0]) for fail in fails] == [
        (4, "Line 4: After a change in a.js, b.js or c.js, this step ran again without need"),
        (6, "Line 6: After a change in a.js, b.js or c.js, this step did not run again: it does not see the change")]


def test_a_build_is_shown_without_the_mounts_of_the_check():
    text = "FROM golang:1.22\nRUN --mount=type=secret,id=token go build\n"
    read = dockerfiles.parse(with_mounts(dockerfiles.parse(text), ["/c"], "w1"))
    progress = Progress(read, None, "buildkit")
    progress.add(StepSeen("k", f"[2/2] RUN {read.stages[0].instructions[1].value}"))
    assert "multistage-check" in str(progress.steps())
    shown = LearnersProgress(progress, ["/c"], "w1")
    assert [step.instruction for step in shown.steps()] == ["RUN --mount=type=secret,id=token go build"]
    assert shown.failure == "" and "multistage-check" not in str(shown.stages())


def test_hints_are_the_folds_of_the_task(folder):
    exercise = find(folder)
    assert hints(exercise) == ("First `a`.", "Second.")
    assert "Hint 2 of 2" in next_hint(exercise, 1) and next_hint(exercise, 2) == ""
    cells = notebook.notebook(exercise)["cells"]
    assert "First" not in json.dumps(cells) and ["%hint 99-thing --button"] in [each["source"] for each in cells]
