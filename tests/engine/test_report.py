"""Reports on real builds: the right line for each mistake, and savings that come true."""

import hashlib
import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from helpers import container, labels
from helpers.bases.references import short
from helpers.builder import linter
from helpers.errors import CourseError
from helpers.maintenance import clean
from helpers.report import fix, report
from tests.elfs import make

ROOT = Path(__file__).resolve().parents[2]
TEAM = ROOT / "notebooks" / "apps" / "team-app"
SLIM, SMALL = "debian:bookworm-slim", "gcr.io/distroless/base-debian12"

TEN = f"""\
FROM {SLIM}
ARG DEPLOY_TOKEN=letmein
COPY . /src
RUN apt-get install --help > /src/app

FROM {SLIM} AS tests
RUN echo pytest

FROM {SLIM}
ENV DB_PASSWORD=changeme
COPY --from=golang:1.22 /usr/bin/make /usr/local/bin/make
COPY --from={SMALL} /etc/ssl/certs /certs
COPY --from=0 /src /srv
RUN mkdir -p /root/.cache/pip && head -c 60000 /dev/zero > /root/.cache/pip/a
RUN head -c 400000 /dev/zero > /big
RUN rm /big
CMD ["cat", "/srv/app"]
"""
MISTAKES = {
    ("no-digest", 1), ("secret", 2), ("no-dockerignore", 3), ("cache-order", 3), ("unused-tests", 6), ("root-user", 9),
    ("secret", 10), ("build-tools", 11), ("moving-tag", 12), ("stage-number", 13), ("copied-folder", 13),
    ("cache-left", 14), ("hidden-files", 15)}


@pytest.fixture(params=["buildkit", "legacy"])
def builder(request, engine):
    if request.param not in engine.builders:
        pytest.skip(f"{engine.name} has no {request.param}")
    return request.param


@pytest.fixture
def project(tmp_path):
    """A folder of its own name, with a history and a test, and no .dockerignore."""
    return written(tmp_path)


def written(place):
    folder = place / f"course-report-{uuid.uuid4().hex[:8]}"
    for path, content in {"main.go": "package main\n" * 20, "main_test.go": "package main\n" * 10,
                          ".git/config": "x" * 50, "data.txt": "data"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


@pytest.fixture(scope="module")
def ten(engine, tmp_path_factory):
    """The report on TEN by a builder, built once for all tests: (report, project, its files before)."""
    made = {}

    def ask(builder):
        if builder not in made:
            folder = written(tmp_path_factory.mktemp(builder))
            (folder / "Dockerfile").write_text(TEN)
            before = fingerprint(folder)
            made[builder] = report(folder, builder=builder, engine=engine), folder, before
        return made[builder]

    yield ask
    for found, *_ in made.values():
        engine.client.images.remove(found.result.tag, force=True)


@pytest.fixture
def reported(engine, project):
    """Reports on Dockerfiles of the project. What they built is removed afterwards."""
    names = set()

    def ask(text, **words):
        (project / "Dockerfile").write_text(text)
        made = report(project, engine=engine, **words)
        names.add(made.result.tag)
        return made

    yield ask
    for name in names:
        engine.client.images.remove(name, force=True)


def static(path):
    """Write a static program, of which nothing but its head is right."""
    path.write_bytes(make(kind=2, dynamic=False))
    path.chmod(0o755)


def pairs(made):
    return {(each.rule, each.line) for each in made.findings}


def unpacked(made):
    return made.image.unpacked


def test_a_bad_project_has_each_mistake_on_its_line(ten, builder):
    made, *_ = ten(builder)
    assert pairs(made) == MISTAKES
    hidden, = made.of("hidden-files")
    assert (hidden.also, hidden.saves) == ((16,), 400_000)
    assert [each.saves for each in made.of("cache-left")] == [60_000]
    copied, = made.of("copied-folder")
    assert copied.saves == 20 * 13 + 10 * 13 + 50 + len(TEN)   # main.go, main_test.go, .git/config, Dockerfile
    skipped = next(each for each in made.result.stages if each.name == "tests")
    assert (skipped.status == "skipped") == (builder == "buildkit")


def test_both_builders_give_the_same_report(ten, engine):
    if not {"buildkit", "legacy"} <= set(engine.builders):
        pytest.skip("this engine has one builder")
    (one, *_), (two, *_) = (ten(builder) for builder in ("buildkit", "legacy"))
    assert one.brought() == two.brought()
    assert [(each.rule, each.line, each.saves) for each in one.findings] == \
        [(each.rule, each.line, each.saves) for each in two.findings]


def test_a_good_project_has_none(reported, project):
    (project / ".dockerignore").write_text(".git\n*_test.go\n")
    static(project / "static")
    made = reported(f"FROM {SLIM} AS builder\nCOPY . /src\nRUN cp /src/static /src/app\n\n"
                f"FROM scratch\nCOPY --from=builder /src/app /app\nUSER 65532\nCMD [\"/app\"]\n")
    assert pairs(made) == {("no-digest", 1)}    # here a base may have none
    assert (made.main.path, made.main.kind) == ("/app", "static")


def test_the_team_s_project_and_its_fixed_form(engine):
    made = report(TEAM, engine=engine)
    assert pairs(made) == {
        ("build-tools", 12), ("secret", 13), ("secret", 14), ("moving-tag", 15), ("stage-number", 16),
        ("copied-folder", 16), ("hidden-files", 18), ("cache-left", 18), ("cache-order", 3), ("no-dockerignore", 3),
        ("unused-tests", 7), ("root-user", 12), ("no-digest", 1)}
    # What looked like a secret is one: everybody who has the image can read it.
    inspected = engine.client.api.inspect_image(made.result.image)
    assert "SESSION_SECRET=changeme" in inspected["Config"]["Env"]
    assert any("not-a-real-key" in each["CreatedBy"] for each in engine.client.api.history(made.result.image))
    fixed = report(TEAM, dockerfile="Dockerfile.fixed", engine=engine)
    assert pairs(fixed) == {("no-digest", 1)} and fixed.main.kind == "static"
    for each in (made, fixed):
        assert container.run(each.result.tag, engine=engine).output == "Hello, team!\n"
    tools, = made.of("build-tools")
    assert tools.saves == unpacked(made) - made.image.own_bytes   # all of golang:1.22, since scratch is enough
    assert unpacked(fixed) < unpacked(made) - tools.saves
    for each in (made, fixed):
        engine.client.images.remove(each.result.tag, force=True)


def test_the_builder_s_own_checks_are_in_the_report_and_hadolint_does_not_repeat_them(reported, engine):
    if not linter.supported(engine):
        pytest.skip(f"{engine.name} has no checks of its own")
    made = reported(f"FROM {SLIM}\nMAINTAINER me\nCMD echo hi\n", builder="buildkit")
    assert [(each.line, each.rule) for each in made.opinions.checks] == [
        (2, "MaintainerDeprecated"), (3, "JSONArgsRecommended")]
    assert {each.rule for each in made.opinions.besides}.isdisjoint({"DL4000", "DL3025"})
    assert {each.rule for each in made.opinions.all} >= {"DL4000", "DL3025"}


@pytest.mark.parametrize("rule, bad, good", [
    ("cache-left", f"FROM {SLIM}\nRUN mkdir -p /root/.cache/pip; head -c 90000 /dev/zero >/root/.cache/pip/a; echo "
                   ">/x\n",
     f"FROM {SLIM}\nRUN mkdir -p /root/.cache/pip; head -c 90000 /dev/zero >/root/.cache/pip/a; echo >/x;"
     " rm -r /root/.cache/pip\n"),
    ("hidden-files", f"FROM {SLIM}\nRUN head -c 90000 /dev/zero >/a; echo >/x\nRUN rm /a\n",
     f"FROM {SLIM}\nRUN head -c 90000 /dev/zero >/a; echo >/x; rm /a\n"),
    ("copied-folder", f"FROM {SLIM} AS b\nCOPY . /src\nFROM {SLIM}\nCOPY --from=b /src /src\n",
     f"FROM {SLIM} AS b\nCOPY . /src\nFROM {SLIM}\nCOPY --from=b /src/data.txt /src/data.txt\n"),
    ("no-dockerignore", f"FROM {SLIM}\nCOPY . /src\n",
     f"FROM {SLIM}\nCOPY main.go main_test.go data.txt Dockerfile /src/\n"),
    ("build-tools", f"FROM {SLIM}\nCOPY --from=golang:1.22 /usr/bin/make /usr/bin/ld.bfd /usr/local/bin/\nUSER 1\n",
     f"FROM {SLIM}\nUSER 1\n"),
])
def test_fixing_saves_what_was_said(reported, rule, bad, good):
    # The Dockerfile is in the context, and may be copied: both have the same length.
    width = max(len(bad), len(good)) + 2
    before, after = (reported(f"{text}{'#' * (width - len(text))}\n") for text in (bad, good))
    only, = before.of(rule)
    assert after.of(rule) == ()
    assert unpacked(before) - unpacked(after) == only.saves > 0


def test_another_base_saves_what_was_said(reported):
    text = ("FROM golang:1.22 AS builder\nRUN cp /bin/true /app\nFROM {}\nCOPY --from=builder /app /app\n"
            "USER 1\nCMD [\"/app\"]\n")
    before = reported(text.format("golang:1.22"))
    only, = before.of("build-tools")
    assert SMALL in only.remedy
    assert unpacked(before) - unpacked(reported(text.format(SMALL))) == only.saves


def test_a_static_program_saves_its_base(reported, project):
    static(project / "app")
    text = 'FROM {}\nCOPY app /app\nUSER 1\nCMD ["/app"]\n'
    before = reported(text.format(SLIM))
    only, = before.of("large-base")
    assert only.line == 1 and "FROM scratch" in only.remedy and "packages" in only.what
    after = reported(text.format("scratch"))
    assert after.findings == () and unpacked(before) - unpacked(after) == only.saves


@pytest.mark.parametrize("last, line", [
    ('FROM scratch\nCOPY --from=builder /app /app\nCMD ["/app"]\n', 4),       # needs the C library
    (f"FROM {SMALL}\nCOPY --from=builder /app /app\nCMD /app\n", 5),          # needs a shell
    (f'FROM {SMALL}\nCOPY --from=builder /run.sh /run.sh\nCMD ["/run.sh"]\n', 4),   # a script, without its shell
    (f'FROM {SLIM}\nCOPY --from=builder /app /app\nCMD ["/gone"]\n', 5),
])
def test_what_is_said_not_to_start_does_not(reported, engine, last, line):
    made = reported(f"FROM {SLIM} AS builder\nRUN cp /bin/true /app && printf '#!/bin/sh\\n' > /run.sh && chmod +x "
                    "/run.sh\n"
                + last)
    only, = made.of("will-not-start")
    assert (only.line, only.severity) == (line, "high")
    try:   # engines differ in who notices: they themselves, or what they start
        ran = container.run(made.result.tag, engine=engine)
    except CourseError as error:
        assert "not in the image" in error.what
    else:
        assert ran.exit_code != 0


@pytest.mark.parametrize("last", [
    f'FROM {SMALL}\nCOPY --from=builder /app /app\nCMD ["/app"]\n',
    f"FROM {SLIM}\nCOPY --from=builder /app /app\nCMD /app\n",
    f'FROM {SLIM}\nCMD if [ "$MODE" = dev ]; then echo dev; else echo prod; fi\n',
    f'FROM {SLIM}\nCOPY --from=builder /app /app\nCMD ["setpriv", "--reuid", "65534", "--clear-groups", "nice", "-n", '
    '"5", "/app"]\n',
])
def test_what_is_not_said_not_to_start_does(reported, engine, last):
    made = reported(f"FROM {SLIM} AS builder\nRUN cp /bin/true /app\n" + last)
    assert made.of("will-not-start") == ()
    assert container.run(made.result.tag, engine=engine).exit_code == 0


def fingerprint(folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_of_the_project_is_changed_and_cleaning_knows_the_image(engine, ten):
    made, folder, before = ten(engine.builders[0])
    assert fingerprint(folder) == before
    assert re.match(r"course-report-.*:report-[0-9a-f]{8}$", made.result.tag)
    found = engine.client.images.get(made.result.tag)
    assert found.labels[labels.COURSE] == labels.BUILD
    # What `clean` would remove; Podman writes Docker Hub's name out.
    assert made.result.tag in map(short, clean._built(engine.client.api))


def command(*words):
    return subprocess.run([sys.executable, "-m", "helpers", "report", *map(str, words)], cwd=ROOT, capture_output=True,
                          text=True)


def without_times(findings):
    """Findings without what a step took this time."""
    return [{**each, "what": each["what"].partition(" It took")[0]} for each in findings]


def test_the_command_reports_the_same_as_json(engine, ten):
    made, folder, _ = ten(engine.builders[0])
    done = command(folder, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    expected = json.loads(json.dumps([each.facts() for each in made.findings]))
    assert without_times(facts["findings"]) == without_times(expected)
    assert {(each["rule"], each["line"]) for each in facts["findings"]} == MISTAKES
    assert facts["ok"] and facts["unpacked"] == unpacked(made) == sum(each["unpacked"] for each in facts["layers"])
    assert [(each["name"], each["line"]) for each in facts["stages"]] == [("stage-0", 1), ("tests", 6), ("stage-2", 9)]
    assert facts["layers"][-1]["line"] == 16 and facts["transfer"] is None


C = {"main.c": '#include <stdio.h>\nint main(void) { char line[99]; FILE *file = fopen("text.txt", "r");\n'
               'puts(file && fgets(line, 99, file) ? line : "gone"); return 3; }\n', "text.txt": "from the file"}


@pytest.fixture
def fixed(engine, tmp_path):
    """What --fix makes of a folder with these files and this Dockerfile: (what became of it, the folder)."""
    tags = []

    def ask(text, files):
        folder = tmp_path / f"course-fix-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        for name, content in {**files, "Dockerfile": text, ".dockerignore": "Dockerfile*\n"}.items():
            (folder / name).write_text(content)
        before = report(folder, engine=engine)
        found = fix(before, folder, engine=engine)
        tags.extend(each.result.tag for each in found.reports)
        return found, folder

    yield ask
    for tag in set(tags):
        engine.client.images.remove(tag, force=True)


def kept(found):
    return {each.rule for each in found.changes if not each.refused}


def test_a_number_and_root_are_fixed_and_the_dockerfile_is_left_alone(fixed, engine):
    text = f'FROM {SLIM}\nRUN echo hello > /text\nFROM {SLIM}\nCOPY --from=0 /text /text\nCMD ["cat", "/text"]\n'
    found, folder = fixed(text, {})
    assert kept(found) == {"stage-number", "root-user"}
    assert (folder / "Dockerfile").read_text() == text and found.file == folder / "Dockerfile.fixed"
    after = report(folder, dockerfile="Dockerfile.fixed", engine=engine)
    assert after.of("stage-number") == after.of("root-user") == () and found.reports[0].of("root-user")
    assert container.run(after.result.tag, engine=engine).output == "hello\n"
    engine.client.images.remove(after.result.tag, force=True)


@pytest.mark.nightly
def test_a_user_who_cannot_write_is_taken_back(fixed):
    found, folder = fixed(f'FROM {SLIM}\nWORKDIR /srv\nCMD ["touch", "a"]\n', {})
    assert [(each.rule, bool(each.refused)) for each in found.changes] == [("root-user", True)]
    assert "exit code 1" in found.changes[0].refused
    assert found.file is None and not (folder / "Dockerfile.fixed").exists()


@pytest.mark.nightly
def test_one_stage_becomes_two_that_do_the_same(fixed):
    found, folder = fixed('FROM gcc:12\nWORKDIR /app\nCOPY . .\nRUN gcc -o app main.c\nCMD ["./app"]\n', C)
    assert {"single-stage", "root-user"} <= kept(found)
    before, after = found.reports
    assert after.image.unpacked < before.image.unpacked / 10 and not after.inventory.build_tools
    assert found.behaviour[0].output == found.behaviour[1].output == ("from the file",)
    assert found.behaviour[1].code == 3
    text = (folder / "Dockerfile.fixed").read_text()
    assert "COPY --from=builder /app/text.txt /app/text.txt" in text and "main.c" not in text.rpartition("FROM")[2]
    assert any("/app/main.c" in said and f"# {said}\n" in text for each in found.changes for said in each.left)


@pytest.mark.nightly
def test_a_server_is_asked_for_its_page(fixed):
    found, _ = fixed('FROM python:3.11-slim\nWORKDIR /srv\nRUN echo hello > index.html\nEXPOSE 8000\n'
                     'CMD ["python3", "-m", "http.server", "8000"]\n', {})
    assert "root-user" in kept(found)
    assert [each.answer for each in found.behaviour] == [(200, b"hello\n")] * 2


@pytest.mark.nightly
def test_a_program_that_looks_at_its_base_keeps_it(fixed):
    looks = {"main.c": C["main.c"].replace("text.txt", "/etc/debconf.conf")}
    found, _ = fixed('FROM gcc:12 AS b\nCOPY . /src\nRUN gcc -o /app /src/main.c\nFROM debian:bookworm-slim\n'
                     'COPY --from=b /app /app\nUSER 65532\nCMD ["/app"]\n', looks)
    only, = found.changes
    assert only.rule == "large-base" and "it prints" in only.refused and found.file is None


@pytest.mark.nightly
def test_a_java_program_moves_to_a_runtime_without_a_system(fixed):
    found, folder = fixed("FROM eclipse-temurin:17-jdk AS b\nCOPY Main.java .\nRUN javac Main.java && printf 'Main-Class: "
                          "Main\\n' > m && jar cfm /app.jar m Main.class\nFROM eclipse-temurin:17-jre\n"
                          'COPY --from=b /app.jar /\nUSER 65532\nCMD ["java", "-jar", "/app.jar"]\n', {
                              "Main.java": 'class Main { public static void main(String[] a) { System.out.println("hi"); } }'})
    assert kept(found) == {"large-base"}
    assert [each.output for each in found.behaviour] == [("hi",)] * 2
    before, after = found.reports
    assert after.image.unpacked < before.image.unpacked * 0.8 and not after.inventory.kind("shell")
    assert "ENTRYPOINT []\nCMD" in (folder / "Dockerfile.fixed").read_text()    # that of the base is java -jar
