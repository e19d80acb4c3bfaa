"""Findings on what the Dockerfile says: names, order, users, tags, tests."""

from dataclasses import replace

import pytest

from helpers.builder import Step
from helpers.image import Start
from helpers.report.context import Project
from tests.unit.cases import case, project
from tests.unit.report.projects import APP, EVERYTHING, GOOD, PINNED, REQUIRES, SINGLE, built, found, lines, one

UNSET = "ARG V=1\n" + GOOD.replace("RUN go build -o app", "RUN go build -o app-$V")


@pytest.mark.parametrize("text, rule, line", [
    (GOOD.replace("--from=builder", "--from=builer"), "similar-name", 7),
    ("FROM a AS builder\n" + GOOD, "duplicate-stage", 2),
    (GOOD.replace("FROM base:1", "FROM BUILDER"), "stage-name-case", 6),
    (GOOD.replace("COPY . .", "COPY ../x ."), "outside-context", 3),
    (GOOD.replace("RUN go", "RUN --mount=type=cache,target=/src/app go"), "cache-mount-copy", 7),
    (GOOD.replace("FROM base:1", "FROM later AS last") + "FROM a AS later\nFROM last\n", "later-stage", 6),
    (GOOD.replace("golang:1.22", "python:3.12").replace("RUN go build -o app", "RUN python -m venv app").replace(
        "base:1", "python:3.11"), "venv-python", 7),
    (UNSET, "unset-argument", 5)])
def test_a_problem_of_the_text_is_a_finding(text, rule, line):
    only = one(built(text), rule)
    breaks = rule in ("cache-mount-copy", "venv-python", "unset-argument")
    assert (only.line, only.severity) == (line, "medium" if breaks else "low") and not only.what.startswith("Line")


def test_an_argument_is_looked_for_in_the_stages_that_are_built_and_in_the_image():
    unused = UNSET.replace("app-$V", "app").replace("\nFROM base:1", "\nFROM x AS unused\nRUN echo $V\n\nFROM base:1")
    text = "ARG V=1\n" + GOOD.replace("USER", "LABEL v=$V\nUSER")
    assert found(built(unused), "unset-argument") == [] and found(built(text), "unset-argument")
    assert found(built(text, start=Start(("/app",), {"V": "2"}, user="1")), "unset-argument") == []


def test_only_the_legacy_builder_loses_capabilities():
    made = built(GOOD.replace("-o app", "-o app && setcap cap_chown=ep app"))
    assert found(made, "lost-capabilities") == []
    assert one(replace(made, builder="legacy"), "lost-capabilities").line == 7


@pytest.mark.parametrize("name, remedy", [("", "AS builder"), (" AS maker", "--from=maker")])
def test_a_stage_called_by_its_number(name, remedy):
    only = one(built(GOOD.replace(" AS builder", name).replace("--from=builder", "--from=0")), "stage-number")
    assert (only.line, only.also, only.severity) == (7, (1,), "low") and remedy in only.remedy
    assert found(built(GOOD.replace("--from=builder", "--from=busybox:1")), "stage-number") == []


TESTED = GOOD.replace("\nFROM base:1", "\nFROM builder AS {name}\nRUN {run}\n\nFROM base:1")


@pytest.mark.parametrize("name, run", [
    ("check", "go test ./..."), ("check", "cd x && cargo test"), ("test", "./whatever"), ("unit-tests", "./whatever")])
def test_tests_that_the_build_skips(name, run):
    only = one(built(TESTED.format(name=name, run=run)), "unused-tests")
    assert (only.line, only.severity) == (6, "medium") and "skips" in only.why
    assert only.also == ((7,) if run != "./whatever" else ()) and (run in only.what) == (run != "./whatever")
    assert only.what.startswith(f"The built stage, stage-2, does not depend on the stage {name}")


def test_of_stages_that_need_each_other_only_the_last_is_reported():
    text = GOOD.replace("\nFROM base:1", "\nFROM builder AS test\nRUN go test ./...\n\nFROM scratch AS test-coverage\n"
                        "COPY --from=test /coverage /\n\nFROM builder AS lint\nRUN go vet\n\nFROM base:1")
    only = one(built(text), "unused-tests")
    assert (only.line, only.also) == (9, (7,))
    assert "does not depend on the stage test-coverage (test: RUN go test ./...)" in only.what


def test_a_target_is_offered_only_by_name():
    text = GOOD.replace("\nFROM base:1", "\nFROM builder\nRUN go test\n\nFROM base:1")
    remedy = one(built(text), "unused-tests").remedy
    assert "Give the stage in line 6 a unique name" in remedy and "stage-1" not in remedy


@pytest.mark.parametrize("text, target", [
    (TESTED.format(name="package", run="mvn package -DskipTests"), None),
    (TESTED.format(name="latest", run="./contest"), None),
    (TESTED.format(name="test", run="go test").replace("--from=builder /src/app", "--from=test /src/app"), None),   # it is used
    ('FROM a AS app\nCMD ["/app"]\nFROM a AS tests\nRUN go test\n', "app")])                                       # it is below
def test_when_no_test_is_skipped(text, target):
    assert found(built(text, target=target), "unused-tests") == []


@pytest.mark.parametrize("line, user, reported", [
    ("", "", 6), ("USER root\n", "root", 8), ("USER 0:0\n", "0:0", 8), ("USER 65532\nUSER root\n", "root", 9)])
def test_a_program_that_runs_as_root(line, user, reported):
    only = one(built(GOOD.replace("USER 65532\n", line), start=Start(("/app",), user=user)), "root-user")
    assert (only.line, only.severity) == (reported, "medium")


@pytest.mark.parametrize("start", [
    Start(("/app",), user="65532"), Start(("/app",), user="nonroot"), Start(("/app",), user="www:root"), Start(())])
def test_when_no_program_runs_as_root(start):
    assert found(built(GOOD, start=start), "root-user") == []


ORDER = GOOD.replace("RUN go build -o app", "RUN {run}")
REPLACED = "module a\n\nrequire example.org/b v0.0.0\n\nreplace example.org/b => ./b\n"
POM = "<project><dependencies><dependency/></dependencies></project>"


@pytest.mark.parametrize("run, manifests", [
    ("npm ci", {}), ("yarn", {}), ("yarn install --frozen-lockfile", {}), ("pnpm i", {}), ("go mod download", {}),
    ("pip install -r requirements.txt", {}), ("uv sync", {}), ("apt-get update && apt-get install -y gcc", {}),
    ("apk add gcc", {}), ("bundle install", {}), ("dotnet restore", {}), ("mvn dependency:go-offline", {}),
    ("go build -o app", {"go.mod": REQUIRES}), ("mvn package", {"pom.xml": POM}),
    ("cargo build --release", {"Cargo.toml": '[dependencies]\nserde = "1"\n'})])
def test_the_source_is_copied_before_dependencies_are_downloaded(run, manifests):
    only = one(built(ORDER.format(run=run), project=Project({}, "", manifests)), "cache-order")
    assert (only.line, only.also, only.severity) == (3, (4,), "medium")
    system = run.startswith("ap")
    assert ("Put line 4 above" in only.remedy) == system and ("name the dependencies" in only.remedy) != system
    assert "this time" not in only.what


@pytest.mark.parametrize("line, took, reported", [
    (4, 12.0, "It took 12.0 s this time."), (4, 1.0, "It took 1.0 s this time."), (4, 0.9, None), (3, 12.0, None)])
def test_what_the_order_cost_this_time(line, took, reported):
    steps = (Step("builder", "COPY . .", 2, False, 0, 50), Step("builder", "RUN npm ci", line, False, 1.0, 1.0 + took))
    only = one(built(ORDER.format(run="npm ci"), steps=steps), "cache-order")
    assert reported in only.what if reported else "this time" not in only.what


@pytest.mark.parametrize("text", [
    ORDER.format(run='true\nLABEL usage="pip install me"'),
    ORDER.format(run="go build -o app"), ORDER.format(run="npm run build"), ORDER.format(run="echo yarn is fine"),
    ORDER.format(run="--mount=type=cache,target=/root/.npm npm ci"),
    ORDER.format(run="npm ci").replace("COPY . .", "COPY package.json ."),
    # Downloaded before the copy, and again after it.
    ORDER.format(run="npm ci && npm run build").replace("COPY . .", "COPY package*.json .\nRUN npm ci\nCOPY . ."),
    GOOD.replace("USER", "RUN apt-get install x\nUSER"),       # another stage, without a copy of the context
])
@pytest.mark.parametrize("files, manifest", [({}, ""), ({}, "module a\n"), ({}, REPLACED),
                                             ({"vendor/modules.txt": 10}, REQUIRES)])
def test_when_the_order_is_good(text, files, manifest):
    assert found(built(text, project=Project(files, "", {"go.mod": manifest})), "cache-order") == []


@pytest.mark.parametrize("line, reported", [
    ("FROM base", [6]), ("FROM base:latest", [6]), ("FROM gcr.io/distroless/static", [6]),
    ("FROM base:1\nCOPY --from=other /a /a\nRUN --mount=from=more:latest,target=/x true", [7, 8]),
    ("FROM base:1", []), ("FROM scratch", []), ("FROM builder", []), ("FROM base@sha256:" + "0" * 64, []),
    ("FROM base:latest@sha256:" + "0" * 64, []), ("FROM other AS unused\nFROM base:1", []),
    ("FROM NoName", []),     # no reference: a matter for the engine
])
def test_a_tag_that_moves(line, reported):
    moving = found(built(GOOD.replace("FROM base:1", line)), "moving-tag")
    assert [(each.line, each.severity) for each in moving] == [(number, "low") for number in reported]


@pytest.mark.parametrize("text, reported", [
    (GOOD.replace("USER", "COPY --from=base:1 /a /a\nUSER"), [(1, (6, 8))]),      # one finding for all
    (PINNED, []), (PINNED.replace("USER", "RUN --mount=from=more:2,target=/x true\nUSER"), [(8, ())]),
    (GOOD.replace(":1.22", ":latest").replace("base:1", "base"), []),      # reported by moving-tag
    (PINNED.replace("FROM base", "FROM other:2 AS unused\nFROM base"), []),
    (PINNED.replace(f"base:1@sha256:{'1' * 64}", "scratch"), [])])
def test_images_without_a_digest(text, reported):
    assert [(each.line, each.also) for each in found(built(text), "no-digest")] == reported


def test_images_without_a_digest_are_listed():
    only = one(built(GOOD), "no-digest")
    assert only.what == "golang:1.22 and base:1 are named by their tags alone." and only.severity == "low"


@pytest.mark.parametrize("ignore, words",
                         [("", "there is no .dockerignore"), (".dockerignore", "does not leave it out")])
def test_what_should_stay_out_of_the_context(ignore, words):
    files = {"main.go": 10, ".git/objects/a": 5_000, "web/node_modules/a/b.js": 7_000}
    only = one(built(GOOD, project=project(files, ignore)), "no-dockerignore")
    assert (only.line, only.saves, only.severity) == (3, None, "medium")
    assert words in only.what and "node_modules (7.00 kB) and .git (5.00 kB)" in only.what
    assert only.remedy == "Write .dockerignore: **/node_modules, **/.git."


@pytest.mark.parametrize("text, own, line, also", [
    (GOOD.replace("RUN go build", "COPY . /more\nRUN go build"), [], 3, (4,)),
    (GOOD.replace("USER", "COPY . /all\nUSER"), [("COPY . /all", [])], 8, (3,))])     # this copy ships
def test_of_two_copies_the_first_is_reported_unless_a_later_one_ships(text, own, line, also):
    only = one(built(text, own=[APP, *own], project=project({".git/a": 5})), "no-dockerignore")
    assert (only.line, only.also, only.saves) == (line, also, None)


def test_a_folder_from_another_stage_is_not_from_the_context():
    made = case(EVERYTHING, own=[("COPY /src /srv", [("srv/.git/a", b"x" * 5_000)])], project=project({".git/a": 5_000}))
    assert one(made, "no-dockerignore").saves is None
    assert "version control (5.00 kB)" in one(made, "copied-folder").what


def test_what_should_stay_out_of_the_context_and_ships():
    made = case(SINGLE, own=[("COPY . /src", [("src/.git/a", b"x" * 5_000), ("src/main.go", b"y")]),
                             ("RUN make", APP[1])], project=project({".git/a": 5_000, ".venv/b": 9}))
    only = one(made, "no-dockerignore")
    assert (only.line, only.saves, only.severity) == (2, 5_000, "medium")
    assert "version control" not in one(made, "copied-folder").what    # counted once


@pytest.mark.parametrize("text, files", [
    (GOOD, {"main.go": 1, ".gitignore": 2, "node_modules.txt": 3}), (GOOD, {}),
    (GOOD.replace("COPY . .", "COPY main.go ."), {".git/a": 5})])
def test_when_nothing_has_to_stay_out_of_the_context(text, files):
    assert lines(built(text, project=project(files)), "no-dockerignore") == []
