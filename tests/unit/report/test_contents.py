"""Findings on build tools and on bases that are larger than needed."""

import pytest

from helpers.image import Start
from helpers.inventory import take
from tests.unit.cases import APT, DYNAMIC, FAT, GCC, LOADER, SHELL, SLIM, SMALL, STATIC, case, image, layer, make
from tests.unit.report.projects import APP, GOOD, ROOT, SINGLE, built, found, one


def test_build_tools_of_the_base_have_the_line_of_the_last_from():
    made = built(GOOD, base=FAT)
    only = one(made, "build-tools")
    assert (only.line, only.severity) == (6, "medium")
    assert "gcc, git" in only.what and "base:1" in only.what
    # The program is static: the whole base can go.
    assert only.saves == made.inventory.image.layers[0].unpacked
    assert "FROM scratch" in only.remedy


def test_without_advice_only_what_building_reads_is_counted():
    only = one(built(GOOD, base=FAT, advice=False), "build-tools")
    assert only.saves == 70_000 + 3 * len(DYNAMIC)    # the header, gcc, git and apt-get
    assert "scratch" not in only.remedy


def test_the_saving_against_a_base_that_is_here():
    small = take(image([("ADD x /", layer(*SMALL))]), [layer(*SMALL)])
    made = case(GOOD, base=FAT, own=[("COPY /src/app /app", [("app", DYNAMIC, 0o755)])],
                here={"gcr.io/distroless/base-debian12": small})
    only = one(made, "build-tools")
    assert only.saves == made.inventory.image.layers[0].unpacked - small.image.unpacked
    assert "FROM gcr.io/distroless/base-debian12" in only.remedy and "libc.so.6" in only.remedy


def test_build_tools_that_a_run_installs_have_its_line():
    text = GOOD.replace("USER", "RUN apt-get install -y gcc\nUSER")
    made = case(text, base=SLIM, own=[APP, ("RUN apt-get install -y gcc", [GCC, ("usr/include/a.h", b"x" * 50_000)])])
    only = one(made, "build-tools")
    assert (only.line, only.saves) == (8, 50_000 + len(DYNAMIC))
    assert only.what == "This RUN adds gcc." and "builder stage" in only.remedy


def test_build_tools_that_are_copied():
    text = GOOD.replace("USER", "COPY --from=builder /usr/local/go /usr/local/go\nUSER")
    go = [("usr/local/go/bin/go", DYNAMIC, 0o755), ("usr/local/go/src/fmt/print.go", b"x" * 1000)]
    made = case(text, base=SLIM, own=[APP, ("COPY /usr/local/go /usr/local/go", go)])
    only = one(made, "build-tools")
    assert (only.line, only.saves) == (8, 1000 + len(DYNAMIC))
    assert "tools that made it" in only.remedy
    assert found(made, "copied-folder") == []    # the same files are not counted twice


HUGE = ("usr/share/data", b"x" * 9_000_000)


def test_small_build_tools_are_still_medium():
    at_from = built(GOOD, base=(*FAT, HUGE), advice=False)
    at_run = case(GOOD.replace("USER", "RUN install\nUSER"), base=(*SLIM, HUGE), own=[APP, ("RUN install", [GCC])])
    alone = case(SINGLE, base=(*FAT, HUGE), own=[("COPY . /src", []), ("RUN make", APP[1])], advice=False)
    reported = [one(at_from, "build-tools"), one(at_run, "build-tools"), one(alone, "single-stage")]
    assert [each.severity for each in reported] == ["medium"] * 3
    assert all(each.saves < 0.01 * 9_000_000 for each in reported)


@pytest.mark.parametrize("start, words", [(Start(("/app",), user="1"), "a base with glibc and without build tools,"),
                                          (Start(("/static",), user="1"), "a base without build tools,"),
                                          (Start(user="1"), "a base without build tools,")])
def test_without_advice_the_kind_of_program_is_named_if_it_is_known(start, words):
    own = [("COPY /src/app /app", [("app", DYNAMIC, 0o755), ("static", STATIC, 0o755)])]
    assert words in one(case(GOOD, base=FAT, own=own, start=start, advice=False), "build-tools").remedy


@pytest.mark.parametrize("members", [
    [APT], [SHELL], [("usr/bin/curl", DYNAMIC, 0o755)], [("usr/bin/gcc", b"no program", 0o755)],
    [("usr/lib/python3/pdb.py", b"#!/usr/bin/python3\n", 0o755), ("usr/bin/pdb3", ("l", "/usr/lib/python3/pdb.py"))],
    [("app/node_modules/typescript/bin/tsc", b"#!/usr/bin/env node\n", 0o755)]])
def test_what_is_no_build_tool(members):
    assert found(built(GOOD, base=(*SMALL, *members)), "build-tools") == []


def test_busybox_with_its_many_names_is_no_build_tool():
    busybox = DYNAMIC + b"BusyBox v1.35\0" + b"\0[\0[[\0ar\0make\0patch\0sh\0\0"
    made = built(GOOD, base=(*SMALL, ("bin/busybox", busybox, 0o755)))
    assert {tool.name for tool in made.inventory.tools} >= {"ar", "patch"}
    assert found(made, "build-tools") == []


def test_one_stage_that_ships_its_compiler():
    only = one(case(SINGLE, base=FAT, own=[("COPY . /src", []), ("RUN make", APP[1])]), "single-stage")
    assert (only.line, only.severity) == (1, "medium") and only.saves
    assert "a second one: FROM scratch" in only.remedy
    assert "gcc" in only.what


def test_one_stage_that_installs_its_compiler_has_two_lines_to_fix():
    text = SINGLE.replace("RUN make", "RUN apt-get install gcc && make")
    made = case(text, base=SLIM, own=[("COPY . /src", []), ("RUN apt-get install gcc && make", [*APP[1], GCC])])
    assert (one(made, "single-stage").line, one(made, "single-stage").saves) == (1, None)
    assert (one(made, "build-tools").line, one(made, "build-tools").saves) == (3, len(DYNAMIC))


@pytest.mark.parametrize("text, base", [
    (SINGLE, SLIM),                                                   # no compiler
    (SINGLE, (*SLIM, ("usr/bin/make", DYNAMIC, 0o755))),              # a build tool, no compiler
    (GOOD, FAT),                                                      # two stages
    (SINGLE.replace("RUN make", "RUN --mount=from=other:1,target=/x make"), FAT),
])
def test_when_one_stage_is_no_finding(text, base):
    assert found(built(text, base=base), "single-stage") == []


BIG = (*SLIM, ("usr/share/data", b"x" * 9_000_000), ("var/lib/dpkg/status", b"".join(
    b"Package: p%d\nStatus: install ok installed\nVersion: 1\n\n" % n for n in range(3))))


def test_a_static_program_needs_no_base():
    made = built(GOOD, base=BIG)
    only = one(made, "large-base")
    whole = made.inventory.image.layers[0].unpacked
    assert (only.line, only.severity, only.saves) == (6, "medium", whole)
    assert only.what.startswith("base:1 has 9.") and "and 3 packages, and /app needs none of it" in only.what
    assert only.remedy.startswith("Use FROM scratch in the last stage. It is enough: /app is static")


def test_a_dynamic_program_needs_a_small_base():
    small = take(image([("ADD x /", layer(*SMALL))]), [layer(*SMALL)])
    own = [("COPY /src/app /app", [("app", DYNAMIC, 0o755)])]
    only = one(case(GOOD, base=BIG, own=own, here={"gcr.io/distroless/base-debian12": small}), "large-base")
    assert "FROM gcr.io/distroless/base-debian12" in only.remedy and "little of it" in only.what
    assert only.saves > 9_000_000
    assert "It has 589 B and 0 packages; base:1 has 9.00 MB and 3 packages." in only.remedy


def test_a_base_that_is_not_here_is_named_without_its_bytes():
    own = [("COPY /src/app /app", [("app", DYNAMIC, 0o755)])]
    assert found(case(GOOD, base=BIG, own=own), "large-base") == []     # it might be as large
    only = one(case(GOOD, base=(*BIG, ("usr/share/more", b"x" * 50_000_000)), own=own), "large-base")
    assert (only.severity, only.saves) == ("medium", None)
    assert "FROM gcr.io/distroless/base-debian12" in only.remedy and "is not in this engine" in only.remedy


PYTHON = ("usr/bin/python3.11", make(loader=LOADER, needed=("libc.so.6",), parts=((0x700000, b"\x003.11.2\0"),)), 0o755)
SCRIPT = ("COPY . /app", [("app/main.py", b"print()\n")])
READS = Start(("/usr/bin/python3.11", "/app/main.py"), user="1")
NUMPY = ("RUN pip install numpy", [("usr/lib/python3/site-packages/a.so", make(needed=("libgomp.so.1",)), 0o755)])
GOMP = ("usr/lib/libgomp.so.1", make(needed=(), soname="libgomp.so.1"), 0o755)


@pytest.mark.parametrize("slim, own, finds", [
    ([PYTHON], [SCRIPT], 1), ([PYTHON, GOMP], [SCRIPT, NUMPY], 1),
    ([PYTHON], [SCRIPT, NUMPY], 0),                           # a module needs a library that only the larger one has
    (None, [SCRIPT], 0),                                      # not here: it might be as large
    ([PYTHON, ("usr/share/data", b"x" * 9_000_000)], [SCRIPT], 0)])
def test_an_interpreter_on_a_large_base(slim, own, finds):
    here = {"python:3.11-slim": take(image([("ADD x /", layer(*SMALL, *slim))]), [layer(*SMALL, *slim)])} if slim else {}
    made = case(GOOD, base=(*BIG, GOMP, PYTHON), own=own, start=READS, here=here)
    reported = found(made, "large-base")
    assert len(reported) == finds and all("FROM python:3.11-slim" in each.remedy for each in reported)


def test_a_program_that_a_shell_starts_is_to_be_started_without():
    made = built(GOOD, base=BIG, start=Start(("/bin/sh", "-c", "exec /app"), user="1"))
    assert "CMD and ENTRYPOINT as lists of words" in one(made, "large-base").remedy


HELPER = ("entry.sh", b"#!/bin/sh\n", 0o755)


@pytest.mark.parametrize("text, base, own, start", [
    (GOOD, SLIM, [APP], ROOT),                                                              # small already
    (GOOD, (*FAT, HUGE), [APP], ROOT),                                                      # build-tools says it
    (GOOD, BIG, [("COPY /src/app /app", [("srv/app.sh", b"#!/bin/sh\n", 0o755)])], Start(("/srv/app.sh",))),
    (GOOD, BIG, [("COPY /src/app /app", [*APP[1], HELPER])], Start(("/entry.sh", "/app"))),  # the script needs a shell
    (GOOD, BIG, [("COPY /src/app /app", [*APP[1], HELPER])], ROOT),   # so does one that is run by hand
    (GOOD, BIG, [("COPY /src/app /app", [*APP[1], ("b", DYNAMIC, 0o755)])], ROOT),   # another needs the C library
    (GOOD.replace("USER", "HEALTHCHECK CMD curl localhost\nUSER"), BIG, [APP], ROOT),
    (GOOD, (*BIG, ("app", STATIC, 0o755)), [], ROOT),                                       # the base's own program
    (GOOD, BIG, [("COPY /src/app /app", [("app", make(loader=LOADER, needed=("libpq.so.5",)), 0o755)])], ROOT),
    (GOOD, BIG, [APP], Start(("/bin/sh",))),
])
def test_when_the_base_may_be_needed(text, base, own, start):
    assert found(case(text, base=base, own=own, start=start), "large-base") == []


@pytest.mark.parametrize("check", ["NONE", '--interval=5s CMD ["/app", "--well"]'])
def test_a_health_check_by_the_program_itself_needs_no_base(check):
    text = GOOD.replace("USER", f"HEALTHCHECK {check}\nUSER")
    assert len(found(built(text, base=BIG), "large-base")) == 1
