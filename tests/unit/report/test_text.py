"""Findings on what the Dockerfile says: names, order, users, tags, tests, secrets."""

from dataclasses import replace

import pytest

from helpers.builder import Step
from helpers.image import Start
from helpers.report.context import Project
from tests.unit.cases import case, project
from tests.unit.report.projects import APP, EVERYTHING, GOOD, PINNED, REQUIRES, SINGLE, found, one


def test_an_argument_out_of_its_scope_is_a_finding_of_the_stages_that_are_built():
    text = "ARG V=1\n" + GOOD.replace("RUN go build", "RUN V=$V go build") + "\n"
    assert found(case(text, own=[APP]), "unset-argument") == []      # set by the command itself
    text = "ARG V=1\n" + GOOD.replace("RUN go build -o app", "RUN go build -o app-$V")
    only = one(case(text, own=[APP]), "unset-argument")
    assert (only.line, only.severity) == (5, "medium") and only.what.startswith("$V has no value here")
    assert found(case(text.replace("\nFROM base:1", "\nFROM x AS unused\nRUN echo $V\n\nFROM base:1").replace("app-$V",
                                                                                                              "app"),
                      own=[APP]), "unset-argument") == []


def test_a_variable_of_the_image_is_none_that_has_no_value():
    text = "ARG V=1\n" + GOOD.replace("USER", "LABEL v=$V\nUSER")
    assert found(case(text, own=[APP]), "unset-argument")
    assert found(case(text, own=[APP], start=Start(("/app",), {"V": "2"}, user="1")), "unset-argument") == []


@pytest.mark.parametrize("text, rule, line", [
    (GOOD.replace("--from=builder", "--from=builer"), "similar-name", 7),
    ("FROM a AS builder\n" + GOOD, "duplicate-stage", 2),
    (GOOD.replace("FROM base:1", "FROM BUILDER"), "stage-name-case", 6),
    (GOOD.replace("COPY . .", "COPY ../x ."), "outside-context", 3),
    (GOOD.replace("RUN go", "RUN --mount=type=cache,target=/src/app go"), "cache-mount-copy", 7),
    (GOOD.replace("FROM base:1", "FROM later AS last") + "FROM a AS later\nFROM last\n", "later-stage", 6),
    (GOOD.replace("golang:1.22", "python:3.12").replace("RUN go build -o app", "RUN python -m venv app").replace(
        "base:1", "python:3.11"), "venv-python", 7),
])
def test_what_builders_read_otherwise_is_a_finding(text, rule, line):
    assert one(case(text, own=[APP]), rule).line == line


def test_capabilities_are_lost_in_a_build_of_the_legacy_builder_alone():
    built = case(GOOD.replace("-o app", "-o app && setcap cap_chown=ep app"), own=[APP])
    assert found(built, "lost-capabilities") == []
    assert one(replace(built, builder="legacy"), "lost-capabilities").line == 7


@pytest.mark.parametrize("name, remedy", [("", "AS builder"), (" AS maker", "--from=maker")])
def test_a_number_instead_of_a_name(name, remedy):
    text = GOOD.replace(" AS builder", name).replace("--from=builder", "--from=0")
    only = one(case(text, own=[APP]), "stage-number")
    assert (only.line, only.also, only.severity) == (7, (1,), "low")
    assert remedy in only.remedy


def test_an_image_whose_name_is_no_number():
    assert found(case(GOOD.replace("--from=builder", "--from=busybox:1"), own=[APP]), "stage-number") == []


TESTED = GOOD.replace("\nFROM base:1", "\nFROM builder AS {name}\nRUN {run}\n\nFROM base:1")


@pytest.mark.parametrize("name, run", [
    ("check", "go test ./..."), ("check", "npm run test"), ("check", "python3 -m pytest -q"),
    ("check", "mvn -q verify"),
    ("test", "./whatever"), ("unit-tests", "./whatever"), ("check", "cd x && cargo test"), ("check", "ctest")])
def test_tests_that_nothing_asks_for(name, run):
    only = one(case(TESTED.format(name=name, run=run), own=[APP]), "unused-tests")
    assert (only.line, only.severity) == (6, "medium") and name in only.what and "skips" in only.why
    assert only.also == ((7,) if run != "./whatever" else ()) and (run in only.what) == (run != "./whatever")
    assert only.what.startswith(f"The built stage, stage-2, does not depend on the stage {name}")


def test_of_stages_that_need_one_another_the_last_is_named_once():
    text = GOOD.replace("\nFROM base:1", "\nFROM builder AS test\nRUN go test ./...\n\nFROM scratch AS test-coverage\n"
                        "COPY --from=test /coverage /\n\nFROM builder AS lint\nRUN go vet\n\nFROM base:1")
    only = one(case(text, own=[APP]), "unused-tests")
    assert (only.line, only.also) == (9, (7,))
    assert "does not depend on the stage test-coverage (test: RUN go test ./...)" in only.what


def test_only_a_name_is_offered_as_a_target():
    text = GOOD.replace("\nFROM base:1", "\nFROM builder\nRUN go test\n\nFROM base:1")
    remedy = one(case(text, own=[APP]), "unused-tests").remedy
    assert "Give the stage in line 6 a unique name" in remedy and "stage-1" not in remedy


@pytest.mark.parametrize("text", [
    TESTED.format(name="package", run="mvn package -DskipTests"), TESTED.format(name="tools", run="apk add bats"),
    TESTED.format(name="docs", run="make docs"), TESTED.format(name="latest", run="./contest"),
    # The artifact depends on it.
    TESTED.format(name="test", run="go test").replace("--from=builder /src/app", "--from=test /src/app")])
def test_when_no_test_is_unused(text):
    assert found(case(text, own=[APP]), "unused-tests") == []


def test_stages_after_the_target_are_not_judged():
    text = 'FROM a AS app\nCMD ["/app"]\nFROM a AS tests\nRUN go test\n'
    assert found(case(text, target="app"), "unused-tests") == []


@pytest.mark.parametrize("line, user, reported", [
    ("", "", 6), ("USER root\n", "root", 8), ("USER 0:0\n", "0:0", 8), ("USER 65532\nUSER root\n", "root", 9)])
def test_root_as_the_user(line, user, reported):
    made = case(GOOD.replace("USER 65532\n", line), own=[APP], start=Start(("/app",), user=user))
    only = one(made, "root-user")
    assert (only.line, only.severity) == (reported, "medium")


@pytest.mark.parametrize("start", [
    Start(("/app",), user="65532"), Start(("/app",), user="nonroot"), Start(("/app",), user="www:root"), Start(())])
def test_when_root_is_not_the_user(start):
    assert found(case(GOOD, own=[APP], start=start), "root-user") == []


ORDER = GOOD.replace("RUN go build -o app", "RUN {run}")

REPLACED = "module a\n\nrequire example.org/b v0.0.0\n\nreplace example.org/b => ./b\n"

POM = "<project><dependencies><dependency/></dependencies></project>"


@pytest.mark.parametrize("run, manifests", [
    ("npm ci", {}), ("yarn", {}), ("yarn install --frozen-lockfile", {}), ("pnpm i", {}), ("go mod download", {}),
    ("pip install -r requirements.txt", {}), ("uv sync", {}), ("apt-get update && apt-get install -y gcc", {}),
    ("apk add gcc", {}), ("bundle install", {}), ("dotnet restore", {}), ("mvn dependency:go-offline", {}),
    ("go build -o app", {"go.mod": REQUIRES}), ("mvn package", {"pom.xml": POM}),
    ("cargo build --release", {"Cargo.toml": '[dependencies]\nserde = "1"\n'})])
def test_the_source_is_copied_before_dependencies_are_fetched(run, manifests):
    only = one(case(ORDER.format(run=run), own=[APP], project=Project({}, "", manifests)), "cache-order")
    assert (only.line, only.also, only.severity) == (3, (4,), "medium")
    system = run.startswith("ap")
    assert ("Put line 4 above" in only.remedy) == system and ("name the dependencies" in only.remedy) != system
    assert "this time" not in only.what


@pytest.mark.parametrize("line, took, reported", [
    (4, 12.0, "It took 12.0 s this time."), (4, 1.0, "It took 1.0 s this time."), (4, 0.9, None), (3, 12.0, None)])
def test_what_the_order_cost_this_time(line, took, reported):
    steps = (Step("builder", "COPY . .", 2, False, 0, 50), Step("builder", "RUN npm ci", line, False, 1.0, 1.0 + took))
    only = one(case(ORDER.format(run="npm ci"), own=[APP], steps=steps), "cache-order")
    assert (reported or "this time") in only.what if reported else "this time" not in only.what


@pytest.mark.parametrize("text", [
    ORDER.format(run='true\nLABEL usage="pip install me"'),
    ORDER.format(run="go build -o app"), ORDER.format(run="npm run build"), ORDER.format(run="echo yarn is fine"),
    ORDER.format(run="--mount=type=cache,target=/root/.npm npm ci"),
    ORDER.format(run="npm ci").replace("COPY . .", "COPY package.json ."),
    # Fetched before the copy, and once more after it.
    ORDER.format(run="npm ci && npm run build").replace("COPY . .", "COPY package*.json .\nRUN npm ci\nCOPY . ."),
    GOOD.replace("USER", "RUN apt-get install x\nUSER"),       # another stage, without a copy of the context
])
@pytest.mark.parametrize("manifest", ["", "module a\n", REPLACED])
def test_when_the_order_is_good(text, manifest):
    made = case(text, own=[APP], project=Project({}, "", {"go.mod": manifest}))
    assert found(made, "cache-order") == []


def test_vendored_modules_are_not_fetched():
    files = {"vendor/modules.txt": 10}
    made = case(GOOD, own=[APP], project=Project(files, "", {"go.mod": REQUIRES}))
    assert found(made, "cache-order") == []


@pytest.mark.parametrize("line, reported", [
    ("FROM base", 6), ("FROM base:latest", 6), ("FROM gcr.io/distroless/static", 6)])
def test_a_tag_that_moves(line, reported):
    only = one(case(GOOD.replace("FROM base:1", line), own=[APP]), "moving-tag")
    assert (only.line, only.severity) == (reported, "low")


def test_a_moving_tag_in_a_copy_and_in_a_mount():
    text = GOOD.replace("USER", "COPY --from=other /a /a\nRUN --mount=from=more:latest,target=/x true\nUSER")
    assert [each.line for each in found(case(text, own=[APP]), "moving-tag")] == [8, 9]


@pytest.mark.parametrize("line", [
    "FROM base:1", "FROM scratch", "FROM builder", "FROM base@sha256:" + "0" * 64,
    "FROM base:latest@sha256:" + "0" * 64, "FROM other AS unused\nFROM base:1",
    "FROM NoName",     # no reference at all: the engine's affair
])
def test_tags_that_do_not_move(line):
    assert found(case(GOOD.replace("FROM base:1", line), own=[APP]), "moving-tag") == []


def test_images_named_by_a_tag_alone_are_one_finding():
    only = one(case(GOOD.replace("USER", "COPY --from=base:1 /a /a\nUSER"), own=[APP]), "no-digest")
    assert (only.line, only.also, only.severity) == (1, (6, 8), "low")
    assert only.what == "golang:1.22 and base:1 are named by their tags alone." and "@sha256:" in only.remedy


@pytest.mark.parametrize("text, lines", [
    (PINNED, []), (PINNED.replace("USER", "RUN --mount=from=more:2,target=/x true\nUSER"), [8]),
    (GOOD.replace(":1.22", ":latest").replace("base:1", "base"), []),      # said by moving-tag
    (PINNED.replace("FROM base", "FROM other:2 AS unused\nFROM base"), []),
    (PINNED.replace(f"base:1@sha256:{'1' * 64}", "scratch"), []),
])
def test_images_that_are_pinned_or_have_another_finding(text, lines):
    assert [each.line for each in found(case(text, own=[APP]), "no-digest")] == lines


@pytest.mark.parametrize("ignore, words",
                         [("", "there is no .dockerignore"), (".dockerignore", "does not leave it out")])
def test_what_should_stay_out_of_the_context(ignore, words):
    files = {"main.go": 10, ".git/objects/a": 5_000, "web/node_modules/a/b.js": 7_000}
    only = one(case(GOOD, own=[APP], project=project(files, ignore)), "no-dockerignore")
    assert (only.line, only.saves, only.severity) == (3, None, "medium")
    assert words in only.what and "node_modules (7.00 kB) and .git (5.00 kB)" in only.what
    assert only.remedy == "Write .dockerignore: **/node_modules, **/.git."


def test_of_two_copies_the_first_is_named_unless_a_later_one_is_shipped():
    text = GOOD.replace("RUN go build", "COPY . /more\nRUN go build")
    only = one(case(text, own=[APP], project=project({".git/a": 5})), "no-dockerignore")
    assert (only.line, only.also) == (3, (4,))
    shipped = GOOD.replace("USER", "COPY . /all\nUSER")
    only = one(case(shipped, own=[APP, ("COPY . /all", [])], project=project({".git/a": 5})), "no-dockerignore")
    assert (only.line, only.also, only.saves) == (8, (3,), None)


def test_what_another_stage_brought_of_it_is_not_attributed_to_the_context():
    made = case(EVERYTHING, own=[("COPY /src /srv", [("srv/.git/a", b"x" * 5_000)])],
                project=project({".git/a": 5_000}))
    assert one(made, "no-dockerignore").saves is None
    assert "version control (5.00 kB)" in one(made, "copied-folder").what


def test_what_should_stay_out_of_the_context_and_is_shipped():
    made = case(SINGLE, own=[("COPY . /src", [("src/.git/a", b"x" * 5_000), ("src/main.go", b"y")]),
                             ("RUN make", APP[1])], project=project({".git/a": 5_000, ".venv/b": 9}))
    only = one(made, "no-dockerignore")
    assert (only.line, only.saves, only.severity) == (2, 5_000, "medium")
    assert "version control" not in one(made, "copied-folder").what    # counted once


@pytest.mark.parametrize("text, files", [
    (GOOD, {"main.go": 1, ".gitignore": 2, "node_modules.txt": 3}), (GOOD, {}),
    (GOOD.replace("COPY . .", "COPY main.go ."), {".git/a": 5})])
def test_when_nothing_has_to_stay_out_of_the_context(text, files):
    assert found(case(text, own=[APP], project=project(files)), "no-dockerignore") == []
