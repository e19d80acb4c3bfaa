"""A report's rules: each finds what it is for, with the right line, and is silent otherwise."""

import inspect
import json
import random
import re
import sys
from pathlib import Path

import pytest

from helpers import dockerfile as dockerfiles
from helpers import lint as linter
from helpers.builder import Step
from helpers.errors import LinterUnavailable
from helpers.image import Image, Layer, Start
from helpers.inventory import take
from helpers.report import RULES, SEVERITIES, Finding, findings_of, run
from helpers.report.base_advice import Advice, candidates, chosen
from helpers.report.files import cache, unused_kind
from helpers.report.model import ordered, weight
from helpers.report.opinions import Opinions, opinions
from helpers.report.project import Project, read
from helpers.report.provenance import Provenance
from helpers.report.test_commands import runs_tests
from tests.unit.cases import (
    APT,
    DEBIAN,
    DYNAMIC,
    FAT,
    GCC,
    LOADER,
    SHELL,
    SLIM,
    SMALL,
    STATIC,
    case,
    image,
    layer,
    make,
    project,
)

GOOD = """\
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o app

FROM base:1
COPY --from=builder /src/app /app
USER 65532
CMD ["/app"]
"""
APP = ("COPY /src/app /app", [("app", STATIC, 0o755)])
ROOT = Start(("/app",))


def found(made, rule):
    """The findings of a rule, none of them of another rule's name."""
    return [each for each in findings_of(made) if each.rule == rule]


def one(made, rule):
    only, = found(made, rule)
    return only


# -- together ------------------------------------------------------------------------

def test_a_good_project_has_no_findings():
    assert findings_of(case(GOOD, own=[APP], project=project({"main.go": 100, "go.mod": 20}))) == ()


def test_every_rule_is_in_the_table_and_none_else():
    modules = {inspect.getmodule(rule) for rule in run.RULES} | {sys.modules["helpers.dockerfile.problems"]}
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', "".join(map(inspect.getsource, modules))))
    assert RULES.keys() <= named
    assert all(rule.__doc__ for rule in run.RULES)
    assert all(rule.lesson in {f"{n:02}" for n in range(11)} and rule.title for rule in RULES.values())


def test_findings_are_sorted_by_severity_then_bytes_then_line():
    rng = random.Random(7)
    given = [Finding("secret", severity, line, "w", "y", "m", saves) for severity in SEVERITIES
             for line in (1, None, 9) for saves in (None, 5, 70)]
    rng.shuffle(given)
    keys = [(SEVERITIES.index(each.severity), -(each.saves or 0), each.line or 0) for each in ordered(given)]
    assert keys == sorted(keys) and len(keys) == 27


@pytest.mark.parametrize("saved, least, severity", [
    (0, "low", "low"), (9, "low", "low"), (10, "low", "medium"), (99, "low", "medium"), (100, "low", "high"),
    (0, "medium", "medium"), (100, "medium", "high"), (10, "high", "high"),
])
def test_the_weight_of_bytes(saved, least, severity):
    assert weight(saved, 1000, least) == severity
    assert weight(0, 0) == "low"


def test_a_finding_as_json():
    facts = Finding("secret", "high", 3, "what", "why", "how", None, (4,)).facts()
    assert facts == {"rule": "secret", "severity": "high", "line": 3, "also": [4], "title": RULES["secret"].title,
                     "what": "what", "why": "why", "remedy": "how", "saves": None, "lesson": "04"}
    assert json.loads(json.dumps(facts)) == facts


# -- layers and lines ----------------------------------------------------------------

def lines(text, own, base=1, target=None):
    layers = tuple(Layer(f"sha256:{n}", made, 1, 1) for n, made in enumerate(["ADD rootfs /"] * base + own))
    made = Image("a", "sha256:x", layers, "", {}, (), base="b" if base else "", base_layers=base)
    return Provenance(dockerfiles.parse(text), target, made)


def reported(text, own, **other):
    mapped = lines(text, own, **other)
    return [mapped.line(index) for index in range(other.get("base", 1), other.get("base", 1) + len(own))]


TEXT = """\
FROM a
WORKDIR /x
ENV A=1
RUN make $A \\
 && make install
COPY --chown=1:1 --from=b:2 /one \\
  /two
ADD x /y
RUN <<EOF
rm thing
EOF
"""


def test_each_layer_has_its_line():
    own = ["WORKDIR /x", "RUN make 1  && make install", "COPY /one /two", "ADD x /y", "RUN rm thing"]
    assert reported(TEXT, own) == [2, 4, 6, 8, 9]
    mapped = lines(TEXT, own)
    assert mapped.line(0) == mapped.last_from == 1 and mapped.instruction(0) is None
    assert mapped.instruction(3).keyword == "COPY"
    assert mapped.layers(4) == (2,) and mapped.layers(1) == (0,)


def test_layers_that_are_missing_leave_the_others_where_they_are():
    assert reported(TEXT, ["RUN make 1  && make install", "ADD x /y", "RUN rm thing"]) == [4, 8, 9]
    assert reported(TEXT, ["RUN rm thing"]) == [9]
    assert reported(TEXT, []) == []


def test_triggers_of_the_base_count_to_its_line():
    own = ["COPY . /src", "RUN prepare", "WORKDIR /x", "RUN make 1 && make install", "COPY /one /two", "ADD x /y",
           "RUN rm thing"]
    assert reported(TEXT, own) == [1, 1, 2, 4, 6, 8, 9]


def test_what_the_legacy_builder_writes():
    own = ["WORKDIR /x", "RUN make 1 && make install", "COPY file:6f3c2a in /two ", "ADD file:99 in /y ",
           "RUN rm thing"]
    assert reported(TEXT, own) == [2, 4, 6, 8, 9]


def test_of_two_alike_the_better_match_counts():
    text = "FROM a\nRUN apt-get update\nRUN apt-get install gcc\nRUN make\n"
    assert reported(text, ["RUN apt-get install gcc", "RUN make"]) == [3, 4]
    assert reported(text, ["RUN apt-get update", "RUN make"]) == [2, 4]


def test_an_image_without_a_known_base_still_has_lines():
    mapped = lines("FROM a\nRUN make\n", ["ADD rootfs /", "RUN make"], base=0)
    assert [mapped.line(0), mapped.line(1)] == [1, 2]


def test_a_stage_from_a_stage_has_the_lines_of_both():
    text = "FROM a AS builder\nRUN make\n\nFROM builder\nRUN rm source\n"
    mapped = lines(text, ["RUN make", "RUN rm source"])
    assert [stage.label for stage in mapped.stages] == ["builder", "stage-1"]
    # What the image stands on is decided where the last stage begins.
    assert [mapped.line(index) for index in range(3)] == [4, 2, 5]
    assert [stage.label for stage in dockerfiles.parse(text).chain("builder")] == ["builder"]


@pytest.mark.parametrize("line, sources, target", [
    ("COPY a b /c/", ["a", "b"], "/c/"), ('COPY ["a b", "/c"]', ["a b"], "/c"),
    ("COPY --from=x --chown=1 a /c", ["a"], "/c"), ("ADD https://example.org/x /y", ["https://example.org/x"], "/y"),
    ("COPY <<EOF /c\nx\nEOF", [], "/c"),
])
def test_what_a_copy_names(line, sources, target):
    instruction = dockerfiles.parse(f"FROM a\n{line}\n").stages[0].instructions[1]
    assert instruction.operands == (sources, target)


@pytest.mark.parametrize("line, whole", [
    ("COPY . .", True), ("COPY ./ /app/", True), ("ADD . /app", True), ("COPY / /app", True), ("COPY * /app/", True),
    ('COPY [".", "/app"]', True), ("COPY src /app", False), ("COPY --from=b . /app", False), ("RUN cp . /app", False),
    ("COPY package.json .", False),
])
def test_which_copies_take_the_whole_context(line, whole):
    assert dockerfiles.parse(f"FROM a AS b\nFROM a\n{line}\n").stages[1].instructions[1].copies_whole_context == whole


# -- build tools ---------------------------------------------------------------------

def test_build_tools_of_the_base_are_attributed_to_the_last_from():
    made = case(GOOD, base=FAT, own=[APP])
    only = one(made, "build-tools")
    assert (only.line, only.severity) == (6, "high")
    assert "gcc, git" in only.what and "base:1" in only.what
    # The program is static: the whole base can go.
    assert only.saves == made.inventory.image.layers[0].unpacked
    assert "FROM scratch" in only.remedy


def test_without_advice_only_what_building_reads_is_counted():
    only = one(case(GOOD, base=FAT, own=[APP], advice=False), "build-tools")
    assert only.saves == 70_000 + 3 * len(DYNAMIC)    # the header, gcc, git and apt-get
    assert "scratch" not in only.remedy


def test_the_saving_against_a_base_that_is_here():
    small = take(image([("ADD x /", layer(*SMALL))]), [layer(*SMALL)])
    made = case(GOOD, base=FAT, own=[("COPY /src/app /app", [("app", DYNAMIC, 0o755)])],
                here={"gcr.io/distroless/base-debian12": small})
    only = one(made, "build-tools")
    assert only.saves == made.inventory.image.layers[0].unpacked - small.image.unpacked
    assert "FROM gcr.io/distroless/base-debian12" in only.remedy and "libc.so.6" in only.remedy


def test_build_tools_that_a_run_installs_are_attributed_to_that_line():
    text = GOOD.replace("USER", "RUN apt-get install -y gcc\nUSER")
    made = case(text, base=SLIM, own=[APP, ("RUN apt-get install -y gcc", [GCC, ("usr/include/a.h", b"x" * 50_000)])])
    only = one(made, "build-tools")
    assert (only.line, only.saves) == (8, 50_000 + len(DYNAMIC))
    assert only.what == "This RUN brings gcc." and "builder stage" in only.remedy


def test_build_tools_that_a_copy_brings():
    text = GOOD.replace("USER", "COPY --from=builder /usr/local/go /usr/local/go\nUSER")
    go = [("usr/local/go/bin/go", DYNAMIC, 0o755), ("usr/local/go/src/fmt/print.go", b"x" * 1000)]
    made = case(text, base=SLIM, own=[APP, ("COPY /usr/local/go /usr/local/go", go)])
    only = one(made, "build-tools")
    assert (only.line, only.saves) == (8, 1000 + len(DYNAMIC))
    assert "tools that made it" in only.remedy
    assert found(made, "copied-folder") == []    # the same files are not counted twice


HUGE = ("usr/share/data", b"x" * 9_000_000)


def test_build_tools_weigh_something_however_small_they_are():
    at_from = case(GOOD, base=(*FAT, HUGE), own=[APP], advice=False)
    at_run = case(GOOD.replace("USER", "RUN install\nUSER"), base=(*SLIM, HUGE), own=[APP, ("RUN install", [GCC])])
    alone = case(SINGLE, base=(*FAT, HUGE), own=[("COPY . /src", []), ("RUN make", APP[1])], advice=False)
    reported = [one(at_from, "build-tools"), one(at_run, "build-tools"), one(alone, "single-stage")]
    assert [each.severity for each in reported] == ["medium"] * 3
    assert all(each.saves < 0.01 * 9_000_000 for each in reported)


@pytest.mark.parametrize("start, words", [(Start(("/app",), user="1"), "without build tools for static, with"),
                                          (Start(user="1"), "a base without build tools, with")])
def test_without_advice_the_kind_of_program_is_named_if_it_is_known(start, words):
    own = [("COPY /src/app /app", [("app", STATIC, 0o755), ("other", STATIC, 0o755)])]
    assert words in one(case(GOOD, base=FAT, own=own, start=start, advice=False), "build-tools").remedy


@pytest.mark.parametrize("members", [
    [APT], [SHELL], [("usr/bin/curl", DYNAMIC, 0o755)], [("usr/bin/gcc", b"no program", 0o755)],
    [("usr/lib/python3/pdb.py", b"#!/usr/bin/python3\n", 0o755), ("usr/bin/pdb3", ("l", "/usr/lib/python3/pdb.py"))],
    [("app/node_modules/typescript/bin/tsc", b"#!/usr/bin/env node\n", 0o755)],
])
def test_what_is_no_build_tool(members):
    assert found(case(GOOD, base=(*SMALL, *members), own=[APP]), "build-tools") == []


def test_busybox_calls_itself_by_many_names_and_is_no_build_tool():
    busybox = DYNAMIC + b"BusyBox v1.35\0" + b"\0[\0[[\0ar\0make\0patch\0sh\0\0"
    made = case(GOOD, base=(*SMALL, ("bin/busybox", busybox, 0o755)), own=[APP])
    assert {tool.name for tool in made.inventory.tools} >= {"ar", "patch"}
    assert found(made, "build-tools") == []


SINGLE = 'FROM base:1\nCOPY . /src\nRUN make\nUSER 65532\nCMD ["/app"]\n'


def test_one_stage_that_ships_its_compiler():
    only = one(case(SINGLE, base=FAT, own=[("COPY . /src", []), ("RUN make", APP[1])]), "single-stage")
    assert (only.line, only.severity) == (1, "high") and only.saves
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
    assert found(case(text, base=base, own=[APP]), "single-stage") == []


# -- caches, hidden files, folders ---------------------------------------------------

@pytest.mark.parametrize("path, whose", [
    ("/var/lib/apt/lists/deb.example_InRelease", "apt's package lists"), ("/var/lib/apt/lists/lock", ""),
    ("/var/lib/apt/lists/partial", ""), ("/var/cache/apt/pkgcache.bin", "apt's archives"),
    ("/var/cache/apk/APKINDEX.tar.gz", "apk's packages"), ("/etc/apk/keys/a.pub", ""), ("/etc/apk/world", ""),
    ("/root/.cache/pip/http/a", "pip's downloads"), ("/home/node/.npm/_cacache/index", "npm's downloads"),
    ("/root/.npm/_logs/1.log", ""), ("/root/.cache/go-build/00/a", "Go's build cache"),
    ("/go/pkg/mod/cache/a.zip", "Go's downloaded modules"), ("/root/.m2/repository/a.jar", "Maven's downloads"),
    ("/usr/local/cargo/registry/a", "Cargo's downloads"), ("/root/.gradle/caches/a", "Gradle's caches"),
    ("/app/main.go", ""), ("/app/cache/pip.txt", ""), ("/usr/local/go/pkg/tool/compile", ""),
])
def test_what_is_a_cache(path, whose):
    assert cache(path) == whose


def test_a_cache_is_attributed_to_its_line_with_its_bytes():
    text = GOOD.replace("USER", "RUN apt-get update\nUSER")
    lists = [("var/lib/apt/lists/a", b"x" * 20_000), ("root/.cache/pip/b", b"y" * 5_000)]
    only = one(case(text, own=[APP, ("RUN apt-get update", lists)]), "cache-left")
    assert (only.line, only.saves) == (8, 25_000)
    assert only.what == "Left in this layer: apt's package lists (20.0 kB), pip's downloads (5.00 kB)."
    assert "rm -rf /var/lib/apt/lists" in only.remedy


@pytest.mark.parametrize("path, made, words", [
    ("root/.cache/go-build/a", "RUN go build", "type=cache"), ("root/.cache/pip/a", "COPY /root /root", "Copy only"),
])
def test_the_remedy_against_a_cache_fits_it(path, made, words):
    text = GOOD.replace("USER", f"{made.replace('COPY', 'COPY --from=builder')}\nUSER")
    assert words in one(case(text, own=[APP, (made, [(path, b"x" * 20_000)])]), "cache-left").remedy


@pytest.mark.parametrize("base, own", [
    ((*SMALL, ("var/lib/apt/lists/a", b"x" * 20_000)), []),              # the base's own
    (SMALL, [("RUN x", [("var/lib/apt/lists/a", b"x" * 500)])]),         # too little to fix
    (SMALL, [("RUN x", [("var/lib/apt/lists/a", b"x" * 20_000)]),        # hidden: another finding
             ("RUN y", [("var/lib/apt/.wh.lists", b"")])]),
])
def test_when_a_cache_is_no_finding(base, own):
    text = GOOD.replace("USER", "".join(f"{made}\n" for made, _ in own) + "USER")
    assert found(case(text, base=base, own=[APP, *own]), "cache-left") == []


def test_hidden_files_name_the_line_that_brings_and_the_line_that_hides():
    text = GOOD.replace("USER", "RUN fetch\nRUN rm -rf /big\nUSER")
    made = case(text, own=[APP, ("RUN fetch", [("big/a", b"x" * 60_000), ("big/b", b"y" * 1_000)]),
                           ("RUN rm -rf /big", [(".wh.big", b"")])])
    only = one(made, "hidden-files")
    assert (only.line, only.also, only.saves) == (8, (9,), 61_000)
    assert only.what == "Line 9 deletes 2 files that line 8 adds (61.0 kB, most of it in /big)."
    assert "end of the RUN in line 8 itself" in only.remedy


def test_of_many_hidden_files_the_heaviest_folder_is_named():
    files = {"a/b/c/d/one": 30_000, "a/b/c/d/two": 30_000, "e/three": 50_000}
    text = GOOD.replace("USER", "RUN fetch\nRUN rm\nUSER")
    made = case(text, own=[APP, ("RUN fetch", [(path, b"x" * count) for path, count in files.items()]),
                           ("RUN rm", [(".wh.a", b""), (".wh.e", b"")])])
    assert "110 kB, most of it in /a/b/c)" in one(made, "hidden-files").what


def test_files_of_the_base_that_a_line_hides_are_attributed_to_the_from():
    text = GOOD.replace("USER", "RUN rm -rf /usr/share\nUSER")
    made = case(text, base=(*SMALL, ("usr/share/doc", b"x" * 60_000)), own=[APP, ("RUN rm -rf /usr/share",
                [("usr/.wh.share", b"")])])
    only = one(made, "hidden-files")
    assert (only.line, only.also) == (6, (8,)) and "Choose a base" in only.remedy


def test_files_whose_owner_is_changed_are_stored_twice():
    text = GOOD.replace("USER", "RUN chown -R 1 /app\nUSER")
    made = case(text, own=[("COPY /src/app /app", [("app", STATIC, 0o755), ("data", b"x" * 50_000)]),
                           ("RUN chown -R 1 /app", [("data", b"x" * 50_000)])])
    only = one(made, "hidden-files")
    assert (only.line, only.also, only.saves) == (7, (8,), 50_000)
    assert "changes the owner or mode of 1 file" in only.what
    assert only.remedy == "Set them on the way in: COPY --chown in line 7."


OLD, NEW = [("srv/b/one", b"x" * 90_000)], [("srv/b/one", b"y" * 80_000)]


@pytest.mark.parametrize("first, second, above, happens, remedy", [
    ("RUN mkdir /srv/b", "RUN chown -R 1000 /srv/b", OLD, "changes the owner", "end of the RUN in line 8 itself"),
    ("RUN mkdir /srv/b", "RUN chmod -R a+x /srv/b", OLD, "changes the owner or mode", "end of the RUN in line 8"),
    ("COPY b /srv/b", "RUN chown -R 1 /srv && chmod -R 7 /srv", OLD, "changes", "COPY --chown and --chmod in line 8."),
    ("ADD b /srv/b", "RUN chgrp -R 1 /srv", OLD, "changes", "ADD --chown in line 8."),
    ("RUN mkdir /srv/b", "RUN rm -rf /srv/b && echo x > /srv/b", [("srv/b", b"x")], "replaces",
     "both in one RUN, in line 8"),
    ("COPY b /srv/b", "RUN rm -rf /srv/b && ln -s x /srv/b", [("srv/b", ("l", "x"))], "replaces",
     "stage that is not shipped"),
    ("RUN make", "RUN strip /srv/b/one", NEW, "rewrites", "both in one RUN, in line 8"),
    ("RUN make", "RUN strip /srv/b/one && chown 1 /srv/b/one", NEW, "rewrites", "both in one RUN"),
    ("COPY b /srv/b", "RUN sed -i s/x/y/ /srv/b/one", NEW, "rewrites",
     "copy the result once, in place of lines 8 and 9"),
    ("RUN make", "COPY --from=builder b /srv/b", NEW, "rewrites", "making what line 9 copies over"),
    ("RUN make", "RUN rm -r /srv/b", [("srv/.wh.b", b"")], "deletes", "at the end of the RUN in line 8"),
    ("COPY b /srv/b", "RUN use /srv/b && rm -r /srv/b", [("srv/.wh.b", b"")], "deletes", "let line 9 mount them"),
    ("WORKDIR /srv", "RUN chown -R 1 /data", None, "changes", "name only the folders that the image adds"),
    ("WORKDIR /srv", "RUN apt-get update && apt-get -y upgrade", None, "rewrites", "newer version of the base"),
    ("WORKDIR /srv", "RUN sed -i s/a/b/ /data/one", None, "rewrites", "Choose a base"),
])
def test_each_way_to_hide_a_file_has_words_and_a_remedy_of_its_own(first, second, above, happens, remedy):
    text = GOOD.replace("USER", f"{first}\n{second}\nUSER")
    base, below = SMALL, OLD
    if above is None:   # files of the base
        base, below = (*SMALL, ("data/one", b"x" * 90_000)), []
        above = [("data/one", b"x" * (90_000 if "chown" in second else 80_000))]
    made = case(text, base=base, own=[APP, (first, below), (second.replace(" --from=builder", ""), above)])
    only = one(made, "hidden-files")
    assert f"Line 9 {happens}" in only.what and remedy in only.remedy
    assert ("COPY" in only.remedy or "ADD" in only.remedy) <= first.startswith(("COPY", "ADD"))


@pytest.mark.parametrize("below, above", [
    ([("var/lib/dpkg/status", b"x" * 90_000)], [("var/lib/dpkg/status", b"y" * 90_000)]),   # a package manager's books
    ([("etc/small", b"x" * 100)], [("etc/.wh.small", b"")]),                                # too little
    ([("a", b"x" * 90_000)], [("b", b"y" * 90_000)]),                                       # nothing is hidden
])
def test_when_nothing_worth_it_is_hidden(below, above):
    text = GOOD.replace("USER", "RUN one\nRUN two\nUSER")
    made = case(text, own=[APP, ("RUN one", below), ("RUN two", above)])
    assert found(made, "hidden-files") == []


@pytest.mark.parametrize("line, found_it", [("COPY . /src", False), ("COPY --from=builder /src /src", True),
                                            ("RUN touch /src/lock", True)])
def test_what_is_copied_first_for_the_cache_may_be_copied_again(line, found_it):
    text = GOOD.replace("USER", f"COPY lock /src/\n{line}\nUSER")
    files = [("src/lock", b"x" * 90_000)]
    made = case(text, own=[APP, ("COPY lock /src/", files), (line.replace(" --from=builder", ""), files)])
    assert bool(found(made, "hidden-files")) == found_it


def test_what_the_base_hides_of_itself_is_its_own_business():
    entries = [layer(("a", b"x" * 90_000)), layer((".wh.a", b"")), layer(*SMALL)]
    seen = take(image([(f"ADD {n} /", each) for n, each in enumerate(entries)], (APP[0], layer(*APP[1]))),
                [*entries, layer(*APP[1])])
    made = case(GOOD, own=[APP])
    assert found(type(made)(made.dockerfile, seen, made.start), "hidden-files") == []
    assert seen.wasted == 90_000


@pytest.mark.parametrize("path, kind", [
    ("/src/main.go", "sources"), ("/src/main_test.go", "tests"), ("/src/tests/a.txt", "tests"), ("/src/a.py", ""),
    ("/src/test_a.py", "tests"), ("/app/site.js", ""), ("/app/menu.test.js", "tests"), ("/app/menu.ts", "sources"),
    ("/app/types.d.ts", ""), ("/src/.git/config", "version control"), ("/app/node_modules/a/test/b.js", ""),
    ("/venv/lib/python3/site-packages/a/tests/b.py", ""), ("/app/app", ""), ("/src/Makefile", "sources"),
    ("/src/pom.xml", "sources"), ("/app/attest", ""),
])
def test_what_does_not_run(path, kind):
    assert unused_kind(path) == kind


EVERYTHING = GOOD.replace("COPY --from=builder /src/app /app", "COPY --from=builder /src /srv")


def test_a_copied_folder_that_brought_sources_and_tests():
    files = [("srv/app", STATIC, 0o755), ("srv/main.go", b"x" * 100), ("srv/main_test.go", b"y" * 300)]
    only = one(case(EVERYTHING, own=[("COPY /src /srv", files)]), "copied-folder")
    assert (only.line, only.saves) == (7, 400)
    assert only.what == "COPY /src brought along: tests (300 B), sources (100 B)."


def test_what_lies_beside_an_installed_package_s_folder_is_the_project_s_own():
    files = [("srv/main.c", b"x" * 100), ("srv/lib/a.c", b"y"),
             ("srv/lib/a-1.dist-info/METADATA", b"Name: a\nVersion: 1\n")]
    assert one(case(EVERYTHING, own=[("COPY /src /srv", files)]), "copied-folder").saves == 100


def test_a_copied_folder_brings_its_history_too():
    files = [("srv/app", STATIC, 0o755), ("srv/.git/config", b"x" * 70)]
    assert "version control" in one(case(EVERYTHING, own=[("COPY /src /srv", files)]), "copied-folder").what


@pytest.mark.parametrize("text, own", [
    (EVERYTHING, ("COPY /src /srv", [("srv/app", STATIC, 0o755), ("srv/index.html", b"x")])),
    (EVERYTHING, ("COPY /src /srv", [("srv/lib/a/tests/b.py", b"x"), ("srv/lib/a/b.c", b"y"),
                                     ("srv/lib/a-1.dist-info/METADATA", b"Name: a\nVersion: 1\n")])),
    (EVERYTHING, ("COPY /src /srv", [("srv/.cache/go-build/testdata/a.go", b"x" * 50_000)])),   # another finding
    (GOOD.replace("/src/app /app", "/src/schema.h /app/"), ("COPY /src/schema.h /app/", [("app/schema.h", b"x")])),
    (GOOD.replace("USER", "RUN generate\nUSER"), ("RUN generate", [("srv/main.go", b"x")])),
])
def test_when_a_copy_brought_what_was_meant(text, own):
    assert found(case(text, own=[own]), "copied-folder") == []


LOCK = json.dumps({"lockfileVersion": 3, "packages": {
    "": {}, "node_modules/vite": {"dev": True}, "node_modules/react": {},
    "node_modules/react/node_modules/left": {"dev": True}, "node_modules/@types/node": {"dev": True}}})
OLD_LOCK = json.dumps({"dependencies": {"vite": {"dev": True}, "react": {"dependencies": {"left": {"dev": True}}},
                                        "@types/node": {"dev": True}}})
PACKAGE = json.dumps({"dependencies": {"react": "1"}, "devDependencies": {"vite": "1", "@types/node": "1"}})
MODULES = [("srv/app", STATIC, 0o755), ("srv/node_modules/vite/index.js", b"x" * 900),
           ("srv/node_modules/react/index.js", b"y" * 50), ("srv/node_modules/@types/node/index.d.ts", b"z" * 70),
           ("srv/node_modules/react/node_modules/left/pad.js", b"w" * 7)]


@pytest.mark.parametrize("manifests, saved", [
    ({"package-lock.json": LOCK, "package.json": PACKAGE}, 977), ({"package-lock.json": OLD_LOCK}, 977),
    ({"web/package-lock.json": LOCK}, 977), ({"package.json": PACKAGE}, 970),
])
def test_packages_for_development_only(manifests, saved):
    made = case(EVERYTHING, own=[("COPY /src /srv", MODULES)], project=Project({}, "", manifests))
    only = one(made, "dev-dependencies")
    assert (only.line, only.saves) == (7, saved)
    assert "vite, @types/node" in only.what and "react" not in only.what and "--omit=dev" in only.remedy


@pytest.mark.parametrize("manifests", [
    {}, {"package.json": "{"}, {"package.json": "[]"}, {"package-lock.json": '{"packages": []}'},
    {"package.json": json.dumps({"dependencies": {"vite": "1"}, "devDependencies": {"vite": "1"}})},
    {"package-lock.json": json.dumps({"packages": {"node_modules/vite": {}}})},
])
def test_when_no_package_is_for_development_only(manifests):
    made = case(EVERYTHING, own=[("COPY /src /srv", MODULES)], project=Project({}, "", manifests))
    assert found(made, "dev-dependencies") == []


def test_packages_that_came_with_the_context_are_a_matter_of_dockerignore():
    made = case(SINGLE, own=[("COPY . /src", MODULES), ("RUN make", APP[1])],
                project=Project({}, "", {"package-lock.json": LOCK}))
    assert found(made, "dev-dependencies") == []


@pytest.mark.parametrize("count, words", [(6, "p5."), (8, "and 2 more.")])
def test_many_packages_are_counted(count, words):
    lock = json.dumps({"packages": {f"node_modules/p{n}": {"dev": True} for n in range(count)}})
    files = [("srv/app", STATIC, 0o755), *((f"srv/node_modules/p{n}/a.js", b"x" * (90 - n)) for n in range(count))]
    made = case(EVERYTHING, own=[("COPY /src /srv", files)], project=Project({}, "", {"package-lock.json": lock}))
    assert one(made, "dev-dependencies").what.endswith(words)


def test_a_run_that_installs_everything_is_named_too():
    text = GOOD.replace("USER", "RUN npm ci\nUSER")
    made = case(text, own=[APP, ("RUN npm ci", MODULES)], project=Project({}, "", {"package-lock.json": LOCK}))
    assert one(made, "dev-dependencies").line == 8


# -- a base that is larger than needed ----------------------------------------------------

BIG = (*SLIM, ("usr/share/data", b"x" * 9_000_000), ("var/lib/dpkg/status", b"".join(
    b"Package: p%d\nStatus: install ok installed\nVersion: 1\n\n" % n for n in range(3))))


def test_a_static_program_needs_no_base():
    made = case(GOOD, base=BIG, own=[APP])
    only = one(made, "large-base")
    whole = made.inventory.image.layers[0].unpacked
    assert (only.line, only.severity, only.saves) == (6, "high", whole)
    assert only.what.startswith("base:1 brings 9.") and "and 3 packages, and /app needs none of it" in only.what
    assert only.remedy.startswith("Use FROM scratch in the last stage. Enough, since /app is static")


def test_a_dynamic_program_needs_a_small_base():
    small = take(image([("ADD x /", layer(*SMALL))]), [layer(*SMALL)])
    own = [("COPY /src/app /app", [("app", DYNAMIC, 0o755)])]
    only = one(case(GOOD, base=BIG, own=own, here={"gcr.io/distroless/base-debian12": small}), "large-base")
    assert "FROM gcr.io/distroless/base-debian12" in only.remedy and "little of it" in only.what
    assert only.saves > 9_000_000
    assert found(case(GOOD, base=BIG, own=own), "large-base") == []     # not here: its bytes are not known


def test_a_program_that_a_shell_starts_is_to_be_started_without():
    made = case(GOOD, base=BIG, own=[APP], start=Start(("/bin/sh", "-c", "exec /app"), user="1"))
    assert "CMD and ENTRYPOINT as lists of words" in one(made, "large-base").remedy


HELPER = ("entry.sh", b"#!/bin/sh\n", 0o755)


@pytest.mark.parametrize("text, base, own, start", [
    (GOOD, SLIM, [APP], ROOT),                                                              # small already
    (GOOD, (*FAT, HUGE), [APP], ROOT),                                                      # build-tools says it
    (GOOD, BIG, [("COPY /src/app /app", [("srv/app.sh", b"#!/bin/sh\n", 0o755)])], Start(("/srv/app.sh",))),
    (GOOD, BIG, [("COPY /src/app /app", [*APP[1], HELPER])], Start(("/entry.sh", "/app"))),  # the script needs a shell
    (GOOD, BIG, [("COPY /src/app /app", [*APP[1], HELPER])], ROOT),   # so does one that is run by hand
    (GOOD.replace("USER", "HEALTHCHECK CMD curl localhost\nUSER"), BIG, [APP], ROOT),
    (GOOD, (*BIG, ("app", STATIC, 0o755)), [], ROOT),                                       # the base's own program
    (GOOD, BIG, [("COPY /src/app /app", [("app", make(loader=LOADER, needed=("libpq.so.5",)), 0o755)])], ROOT),
    (GOOD, BIG, [APP], Start(("/bin/sh",))),
])
def test_when_the_base_may_be_needed(text, base, own, start):
    assert found(case(text, base=base, own=own, start=start), "large-base") == []


def test_an_absent_health_check_needs_nothing():
    text = GOOD.replace("USER", "HEALTHCHECK NONE\nUSER")
    assert len(found(case(text, base=BIG, own=[APP]), "large-base")) == 1


# -- what is not built as it reads -------------------------------------------------------

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
])
def test_what_builders_read_otherwise_is_a_finding(text, rule, line):
    assert one(case(text, own=[APP]), rule).line == line


# -- what the text shows -------------------------------------------------------------

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
    ("test", "./whatever"), ("unit-tests", "./whatever"), ("check", "cd x && cargo test"), ("check", "ctest"),
])
def test_tests_that_nothing_asks_for(name, run):
    only = one(case(TESTED.format(name=name, run=run), own=[APP]), "unused-tests")
    assert (only.line, only.severity) == (6, "medium") and name in only.what and "skips" in only.why
    assert only.also == ((7,) if run != "./whatever" else ()) and (run in only.what) == (run != "./whatever")
    assert only.what.startswith(f"What is built, stage-2, does not depend on the stage {name}")


def test_of_stages_that_need_one_another_the_last_is_named_once():
    text = GOOD.replace("\nFROM base:1", "\nFROM builder AS test\nRUN go test ./...\n\nFROM scratch AS test-coverage\n"
                        "COPY --from=test /coverage /\n\nFROM builder AS lint\nRUN go vet\n\nFROM base:1")
    only = one(case(text, own=[APP]), "unused-tests")
    assert (only.line, only.also) == (9, (7,))
    assert "does not depend on the stage test-coverage (test: RUN go test ./...)" in only.what


def test_only_a_name_is_offered_as_a_target():
    text = GOOD.replace("\nFROM base:1", "\nFROM builder\nRUN go test\n\nFROM base:1")
    remedy = one(case(text, own=[APP]), "unused-tests").remedy
    assert "Give the stage in line 6 a name of its own" in remedy and "stage-1" not in remedy


@pytest.mark.parametrize("command", [
    "go test ./...", "CGO_ENABLED=0 go test -v ./...", "cd /x && cargo test", "(cd x; npm test)", "npm run test:unit",
    "yarn test",
    "npx jest --ci", "./node_modules/.bin/mocha", "poetry run pytest -q", "python3 -m pytest",
    "python -m unittest discover",
    "coverage run -m pytest", "uv run --frozen pytest", "bundle exec rspec", "mvn -q -B verify", "./mvnw test -Dx=y",
    "mvn verify -DskipTests=false",
    "./gradlew --no-daemon test", "gradle :app:check", "make -j4 test", "make check", "dotnet test --no-build",
    "sh -c 'go test ./...'",
    "vendor/bin/phpunit", "python manage.py test", "if true; then pytest; fi", "ctest --output-on-failure",
    "bats tests/", "tox -e py",
    "set -e; for d in a b; do go test $d; done", "xvfb-run -a npx playwright test", "pytest | tee log", "time pytest",
    "deno test -A",
])
def test_what_runs_tests(command):
    assert runs_tests(command)


@pytest.mark.parametrize("command", [
    "mvn package -DskipTests", "mvn verify -DskipTests", "mvn -Dmaven.test.skip=true install",
    "mvn test -Dmaven.test.skip", "apk add bats",
    "apt-get install -y bats pytest", "pip install pytest tox", "npm install -g jest", "npm ci", "echo pytest",
    "echo 'x; pytest'",
    "gradle build -x test", "./gradlew assemble -x check -x test", "cargo test --no-run", "go test -c ./x",
    "pytest --version",
    "which pytest", "command -v bats", "mkdir tests", "rm -rf tests", "cp -r test /x", "make testdata", "make contest",
    "go build ./test",
    "curl https://example.org/go test", "npm run build", "yarn add jest", "jest --version", "pytest --collect-only",
    "npm run lint",
    "test -f go.mod", "[ -d tests ]", "go vet", "# go test", "cargo install cargo-test", "gem install rspec",
    "uv pip install pytest",
])
def test_a_test_tool_that_is_installed_or_skips_is_no_test(command):
    assert not runs_tests(command)


@pytest.mark.parametrize("text", [
    TESTED.format(name="package", run="mvn package -DskipTests"), TESTED.format(name="tools", run="apk add bats"),
    TESTED.format(name="docs", run="make docs"), TESTED.format(name="latest", run="./contest"),
    # The artifact depends on it.
    TESTED.format(name="test", run="go test").replace("--from=builder /src/app", "--from=test /src/app"),
])
def test_when_no_test_is_unused(text):
    assert found(case(text, own=[APP]), "unused-tests") == []


def test_stages_after_the_target_are_not_judged():
    text = 'FROM a AS app\nCMD ["/app"]\nFROM a AS tests\nRUN go test\n'
    assert found(case(text, target="app"), "unused-tests") == []


@pytest.mark.parametrize("line, user, reported", [
    ("", "", 6), ("USER root\n", "root", 8), ("USER 0:0\n", "0:0", 8), ("USER 65532\nUSER root\n", "root", 9),
])
def test_root_as_the_user(line, user, reported):
    made = case(GOOD.replace("USER 65532\n", line), own=[APP], start=Start(("/app",), user=user))
    only = one(made, "root-user")
    assert (only.line, only.severity) == (reported, "medium")


@pytest.mark.parametrize("start", [
    Start(("/app",), user="65532"), Start(("/app",), user="nonroot"), Start(("/app",), user="www:root"), Start(()),
])
def test_when_root_is_not_the_user(start):
    assert found(case(GOOD, own=[APP], start=start), "root-user") == []


@pytest.mark.parametrize("where, line, severity, reported", [
    ("shipped", "ENV API_TOKEN=abc", "high", 8), ("shipped", "ENV GREETING=hi DB_PASSWORD=abc", "high", 8),
    ("shipped", "ENV SECRET the value", "high", 8), ("shipped", "ARG NPM_TOKEN", "medium", 8),
    ("shipped", "ARG NPM_TOKEN\nRUN install", "high", 8), ("shipped", "ENV X=AKIAABCDEFGHIJKLMNOP", "high", 8),
    ("builder", "ARG GITHUB_TOKEN", "medium", 3), ("builder", "ENV SIGNING_KEY=x", "medium", 3),
    ("shipped", 'ENV "A"="b" PASSWORD="x y"', "high", 8), ("builder", "ARG A PASSWD=1x", "medium", 3),
    ("shipped", "ENV PGPASSWORD=x", "high", 8), ("shipped", "ENV SECRET_KEY_BASE=x", "high", 8),
    ("builder", "ARG ACCESSTOKEN", "medium", 3), ("builder", "ARG accessToken", "medium", 3),
    ("builder", "ARG clientSecret", "medium", 3),
    ("builder", "ARG DBPASS", "medium", 3), ("builder", "ARG MYSQL_PWD", "medium", 3),
    ("builder", "ARG APIKEY_2", "medium", 3),
    ("shipped", "ENV DB_PASSWORD_PROD=x", "high", 8), ("builder", "ARG AWS_SECRET_ACCESS_KEY", "medium", 3),
    ("builder", "ARG GHTOKEN", "medium", 3),
    ("builder", "ARG RAILS_MASTER_KEY", "medium", 3), ("shipped", "ENV APP_KEY=base64:x", "high", 8),
    ("builder", "ARG NPM_CONFIG__AUTH", "medium", 3),
    ("shipped", "ENV DATABASE_URL=postgres://app:hunter2@db/app", "high", 8),
    ("builder", "ARG INDEX=https://u:p4ss@pypi.example.org/", "medium", 3),
    ("shipped", "ENV  DB_PASSWORD\tabc def", "high", 8), ("shipped", "ENV TOKEN=$NPM_TOKEN", "high", 8),
    ("builder", "ARG GITHUB_PAT", "medium", 3), ("builder", "ARG ROOT_PW", "medium", 3),
    ("shipped", "ENV X=hf_" + "a" * 34, "high", 8), ("shipped", "ENV X=eyJhbGciOiJI.eyJzdWIiOiIx.abc", "high", 8),
])
def test_what_looks_like_a_secret(where, line, severity, reported):
    mark = "WORKDIR /src\n" if where == "builder" else "COPY --from=builder /src/app /app\n"
    only = one(case(GOOD.replace(mark, f"{mark}{line}\n"), own=[APP]), "secret")
    assert (only.line, only.severity) == (reported, severity)
    assert "abc" not in only.what and "AKIA" not in str(only.facts())   # the report shows it to nobody


@pytest.mark.parametrize("line", [
    "ENV PASSWORD_FILE=/run/secrets/p", "ENV TOKEN=", "ENV TOKEN_PATH=/x", "ENV PASSWORD=/run/secrets/p",
    "ENV USE_PASSWORD=false", "ENV TOKENIZERS=1", "ENV PATH=/a:/b", "ENV COMPASS=north", "ARG VERSION=1",
    "ENV CACHE_KEY=v1", "LABEL token=abc", "ENV PUBLIC_KEY=ssh-rsa", "ENV TOKENIZERS_PARALLELISM=false",
    "ARG PUBLIC_SSH_KEY",
    "ENV SECRET_KEY_BASE_DUMMY=1", "ENV MYSQL_ALLOW_EMPTY_PASSWORD=yes", "ARG ALLOW_EMPTY_PASSWORD", "ENV PWD=x",
    "ARG BYPASS", "ARG OLDPWD",
    "ENV GPG_KEY=0D96DF4D", "ARG MAX_TOKENS=5", "ENV EOS_TOKEN=</s>", "ENV TOKEN_URL=https://example.org",
    "ENV AUTH_TOKEN=https://example.org/token",
    "ENV SECRETS_DIR=x", "ARG PASSWORD_MIN_LENGTH=8", "ENV DATABASE_URL=postgres://db/app",
    "ENV DATABASE_URL=postgres://app:$PASS@db/app",
    "ENV SSH_KEY_PATH=x", "ENV TOKEN_TTL=60", "ARG JWT_ALGORITHM", "ENV KEYBOARD=us", "ARG SORT_KEY", "ENV PASSWORD=''",
    'ENV TOKEN=""',
    "ENV SECRET_NAME=x", "ENV REPO=git@example.org:x/y.git", "ARG COMPASS", "ENV SECRETARY=ann", "ENV X_TOKEN=none",
    "ENV PATTERN=x", "ARG PAT", "ENV POWER=1",
])
def test_what_does_not(line):
    assert found(case(GOOD.replace("USER", f"{line}\nUSER"), own=[APP]), "secret") == []


def test_a_secret_of_a_stage_that_is_not_built_is_no_finding():
    text = GOOD.replace("\nFROM base:1", "\nFROM a AS docs\nARG TOKEN\n\nFROM base:1")
    assert found(case(text, own=[APP]), "secret") == []


ORDER = GOOD.replace("RUN go build -o app", "RUN {run}")
REQUIRES = "module a\n\nrequire (\n\texample.org/b v1.0.0 // indirect\n)\n"
REPLACED = "module a\n\nrequire example.org/b v0.0.0\n\nreplace example.org/b => ./b\n"
POM = "<project><dependencies><dependency/></dependencies></project>"


@pytest.mark.parametrize("run, manifests", [
    ("npm ci", {}), ("yarn", {}), ("yarn install --frozen-lockfile", {}), ("pnpm i", {}), ("go mod download", {}),
    ("pip install -r requirements.txt", {}), ("uv sync", {}), ("apt-get update && apt-get install -y gcc", {}),
    ("apk add gcc", {}), ("bundle install", {}), ("dotnet restore", {}), ("mvn dependency:go-offline", {}),
    ("go build -o app", {"go.mod": REQUIRES}), ("mvn package", {"pom.xml": POM}),
    ("cargo build --release", {"Cargo.toml": '[dependencies]\nserde = "1"\n'}),
])
def test_the_source_is_copied_before_dependencies_are_fetched(run, manifests):
    only = one(case(ORDER.format(run=run), own=[APP], project=Project({}, "", manifests)), "cache-order")
    assert (only.line, only.also, only.severity) == (3, (4,), "medium")
    system = run.startswith("ap")
    assert ("Put line 4 above" in only.remedy) == system and ("name the dependencies" in only.remedy) != system
    assert "this time" not in only.what


@pytest.mark.parametrize("line, took, reported", [
    (4, 12.0, "It took 12.0 s this time."), (4, 1.0, "It took 1.0 s this time."), (4, 0.9, None), (3, 12.0, None),
])
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
    ("FROM base", 6), ("FROM base:latest", 6), ("FROM gcr.io/distroless/static", 6),
])
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
    assert (only.line, only.saves, only.severity) == (2, 5_000, "high")
    assert "version control" not in one(made, "copied-folder").what    # counted once


@pytest.mark.parametrize("text, files", [
    (GOOD, {"main.go": 1, ".gitignore": 2, "node_modules.txt": 3}), (GOOD, {}),
    (GOOD.replace("COPY . .", "COPY main.go ."), {".git/a": 5}),
])
def test_when_nothing_has_to_stay_out_of_the_context(text, files):
    assert found(case(text, own=[APP], project=project(files)), "no-dockerignore") == []


# -- the program ---------------------------------------------------------------------

PYTHON = ("usr/bin/python3.11", DYNAMIC, 0o755)
WITH_PYTHON = (*SLIM, PYTHON, ("usr/bin/python3", ("l", "python3.11")))


def main(base, own=(), start=ROOT):
    return case(GOOD, base=base, own=own, start=start).main


@pytest.mark.parametrize("start, own, kind, path", [
    (Start(("/app",)), [("app", STATIC, 0o755)], "static", "/app"),
    (Start(("./app",), directory="/srv"), [("srv/app", DYNAMIC, 0o755)], "glibc", "/srv/app"),
    (Start(("app",)), [("usr/local/bin/app", DYNAMIC, 0o755)], "glibc", "/usr/local/bin/app"),
    (Start(("app",), {"PATH": "/opt"}), [("opt/app", DYNAMIC, 0o755)], "glibc", "/opt/app"),
    (Start(("/bin/sh", "-c", "cd /x && exec app --now")), [("usr/bin/app", STATIC, 0o755)], "static", "/usr/bin/app"),
    (Start(("/bin/sh", "-c", "A=1 app")), [("usr/bin/app", STATIC, 0o755)], "static", "/usr/bin/app"),
    (Start(("tini", "--", "app")), [("sbin/tini", DYNAMIC, 0o755), ("usr/bin/app", STATIC, 0o755)], "static",
     "/usr/bin/app"),
    (Start(("/entry.sh", "app", "-x")), [("entry.sh", b"#!/bin/sh\n", 0o755), ("usr/bin/app", STATIC, 0o755)],
     "static", "/usr/bin/app"),
    (Start(("/entry.sh", "serve")), [("entry.sh", b"#!/bin/sh\n", 0o755)], "shell", "/entry.sh"),
    (Start(("python3", "-u", "/app.py")), [("app.py", b"x")], "python", "/usr/bin/python3.11"),
    (Start(("/app.py",)), [("app.py", b"#!/usr/bin/env python3\n", 0o755), ("usr/bin/env", DYNAMIC, 0o755)], "python",
     "/app.py"),
    (Start(("/link",)), [("app", STATIC, 0o755), ("link", ("l", "/app"))], "static", "/app"),
    (Start(("/bin/sh",)), [], "shell", "/bin/sh"),
    (Start(("gosu", "nobody", "/app")), [("app", STATIC, 0o755), ("sbin/gosu", STATIC, 0o755)], "static", "/app"),
    (Start(("tini", "-g", "-e", "143", "--", "gosu", "www", "app", "-x")),
     [("sbin/tini", DYNAMIC, 0o755), ("usr/sbin/gosu", STATIC, 0o755), ("usr/bin/app", STATIC, 0o755)], "static",
     "/usr/bin/app"),
    (Start(("bash", "-euo", "pipefail", "-c", "umask 022; exec app")), [("bin/bash", DYNAMIC, 0o755),
     ("usr/bin/app", STATIC, 0o755)], "static", "/usr/bin/app"),
    (Start(("/bin/sh", "-c", "exec $HOME_OF/bin/app"), {"HOME_OF": "/opt"}), [("opt/bin/app", STATIC, 0o755)], "static",
     "/opt/bin/app"),
    (Start(("/bin/sh", "-c", "while true; do app; done")), [("usr/bin/app", STATIC, 0o755)], "shell", "/bin/sh"),
])
def test_which_program_an_image_is_for(start, own, kind, path):
    found = main(WITH_PYTHON, [("COPY /src/app /app", own)], start)
    assert (found.kind, found.path, found.missing) == (kind, path, ())


@pytest.mark.parametrize("loader, needed, kind", [
    ("/lib/ld-musl-x86_64.so.1", ("libc.so",), "musl"), ("/lib/ld-musl-x86_64.so.1", (), "musl"),
    (LOADER, ("libc.musl-x86_64.so.1", "libz.so.1"), "musl"), (LOADER, (), "glibc"), (LOADER, ("libc.so.6",), "glibc"),
])
def test_which_c_library_a_program_is_linked_with(loader, needed, kind):
    found = main(SLIM, [("COPY /src/app /app", [("app", make(loader=loader, needed=needed), 0o755)])],
                 Start(("/app", "--serve", "all")))
    assert (found.kind, found.name, found.libraries) == (kind, "/app", needed)


def test_the_layer_of_a_script_is_that_of_its_code():
    assert main(WITH_PYTHON, [("COPY /src/app /app", [("app.py", b"x")])], Start(("python3", "/app.py"))).layer == 1


@pytest.mark.parametrize("own, start, path", [([("app", STATIC, 0o755)], Start(), "/app"), ([("a", STATIC, 0o755),
                         ("b", STATIC, 0o755)], Start(), None), ([], Start(), None)])
def test_without_a_command_the_only_program_counts(own, start, path):
    found = main(SLIM, [("COPY /src/app /app", own)], start)
    assert (found and found.path) == path


MUSL = make(loader="/lib/ld-musl-x86_64.so.1", needed=("libc.musl-x86_64.so.1",))


@pytest.mark.parametrize("base, own, start, missing", [
    (SMALL, [("app", make(loader=LOADER, needed=("libc.so.6", "libpq.so.5")), 0o755)], ROOT, "libpq.so.5"),
    (None, [("app", DYNAMIC, 0o755)], ROOT, LOADER),
    (SMALL, [("app", MUSL, 0o755)], ROOT, "/lib/ld-musl-x86_64.so.1"),
    (SMALL, [("app", b"#!/bin/bash -e\n", 0o755)], ROOT, "needs /bin/bash, and"),
    (SMALL, [("app", b"#!/usr/bin/env python3\n", 0o755), ("usr/bin/env", DYNAMIC, 0o755)], ROOT, "python3"),
    (SMALL, [("app", STATIC, 0o644)], ROOT, "the right to execute /app"),
    (SMALL, [("app", b"text", 0o755)], ROOT, "a program in /app"),
    (WITH_PYTHON, [("app", b"")], Start(("python3", "/gone.py")), "/gone.py"),
])
def test_what_a_program_lacks_is_attributed_to_the_line_that_brought_it(base, own, start, missing):
    made = case(GOOD, base=base, own=[("COPY /src/app /app", own)], start=start)
    only = one(made, "will-not-start")
    assert missing in only.what and only.severity == "high"
    assert only.line == (6 if start is not ROOT else 7)


NODE, JAVA = ("usr/bin/node", DYNAMIC, 0o755), ("usr/bin/java", DYNAMIC, 0o755)
TOOLS = [(f"usr/sbin/{name}", STATIC, 0o755) for name in (
    "gosu", "su-exec", "tini", "dumb-init", "env", "nice", "setpriv", "catatonit", "s6-setuidgid", "sudo", "timeout",
    "chpst",
    "runuser", "stdbuf", "app")]
IN_ONE = [*TOOLS, NODE, JAVA, ("bin/bash", DYNAMIC, 0o755), ("srv/app.py", b"x"), ("srv/server.js", b"x"),
          ("srv/lib/index.js", b"x"),
          ("srv/app.jar", b"x"), ("srv/run.sh", b"#!/bin/sh\n", 0o755), ("srv/plain", b"echo hi\n", 0o755),
          ("usr/bin/serve", b"#!/usr/bin/python3\n", 0o755), ("srv/sub/x", b"#!/bin/sh\n", 0o755),
          ("srv/data", b"#!/bin/sh\n", 0o644)]


def starting(*words, environment=None):
    """What is said to be missing where these words start an image that has many programs."""
    return main(WITH_PYTHON, [("COPY /src/app /app", IN_ONE)], Start(words, environment or {}, "/srv")).missing


@pytest.mark.parametrize("line", [
    'if [ "$MODE" = dev ]; then echo dev; else echo prod; fi', "while true; do sleep 9; done",
    "until false; do :; done",
    'case "$X" in a) one;; *) two;; esac', "{ app; gone; }", "(cd /x && gone)", "for f in *; do gone $f; done",
    ". /srv/env && app", "source /srv/env; gone", 'eval "$RUN"', "app || exit 1", "app || { echo no; exit 1; }",
    "! gone",
    "exec $APP", "exec ${APP:-app}", "$(which app) x", "`which app`", "python3 $APP_DIR/app-*.py",
    "python3 /srv/app-*.py",
    "./node_modules/.bin/*", "exec ~/bin/app", "gone | app", "app | gone", "gone & app", "A=1 B=2 app",
    "PATH=/x:$PATH gone",
    "export PATH=/x:$PATH; gone", "export PATH=/x && exec gone", "cd sub && ./x", "cd $DIR && ./gone",
    "cd /srv/sub; exec ./x",
    "make gone && ./gone", "npm run build && node dist/gone.js", "chmod +x plain && ./plain", "chmod +x data && ./data",
    "./plain", "set -e; exec app",
    "exec app > /tmp/log 2>&1", "app >> log", "app < /dev/null", "app <<EOF\nx\nEOF", "wait", "exec 3>&1; app", "exec",
    "command -v gone", "command app", "exec -a name app", "trap 'exit 0' TERM; app", "echo it\\'s; app",
    'echo "a;b" && app',
    "app # gone", "# gone\napp", "app \\\n  --x", "sleep() { gone; }; sleep", "function f { gone; }; f",
    "[[ -n $X ]] && gone",
    "test -f /x && gone || app", "alias x=gone; x", "time app", "read X; app", "echo $((1+2)); app",
    "ulimit -n 9 && app",
    "python3 -c 'import gone'", "sh -c 'exec \"$0\" \"$@\"' app", "java $OPTS -jar gone.jar", "java -jar $JAR",
    "exec env A=1 app",
    "app; exit $?", "{ gone", "'", "", "true", "app --x='a b' \"$Y\"", "/srv/${NAME}.sh", "node .", "node lib",
    "node ./server",
    "gone() ( app )\ngone", "LD_LIBRARY_PATH=/x app", "coproc gone", "exec >/dev/null; app", "app&&true", "x=app; $x",
    "exec sudo -u www app", "env -S 'app x'", "hash -r; app", "install && gone",
])
def test_a_line_of_which_it_is_not_certain_that_it_fails_is_not_said_to(line):
    assert starting("/bin/sh", "-c", line) == ()


@pytest.mark.parametrize("words", [
    ("gosu", "nobody", "/srv/run.sh"), ("gosu", "nobody:users", "app"), ("su-exec", "1000:1000", "app"),
    ("tini", "app"),
    ("tini", "-s", "-g", "-vvv", "--", "app"), ("tini", "-p", "SIGTERM", "-e", "143", "--", "/srv/run.sh"),
    ("tini", "app", "--", "gone"), ("dumb-init", "--single-child", "--rewrite", "15:3", "--", "app"),
    ("dumb-init", "-c", "app"),
    ("dumb-init", "-r15:3", "app"), ("env", "A=1", "B=gone", "app"), ("env", "-i", "A=1", "app"),
    ("env", "-u", "X", "app"),
    ("env", "-uX", "app"), ("env", "--unset=X", "app"), ("env", "PATH=/gone", "other"), ("env", "-i", "other"),
    ("env", "-C", "/srv/sub", "./x"), ("env", "-S", "gone"), ("env",), ("nice", "-n", "5", "app"),
    ("nice", "-5", "app"),
    ("nice", "--adjustment=5", "app"), ("setpriv", "--reuid=1000", "--clear-groups", "--no-new-privs", "app"),
    ("setpriv", "--reuid", "1000", "--regid", "gone", "--init-groups", "app"), ("setpriv", "--unknown", "x", "gone"),
    ("catatonit", "--", "app"), ("catatonit", "-P"), ("s6-setuidgid", "nobody", "app"), ("sudo", "-u", "www", "app"),
    ("sudo", "-EHu", "www", "--", "app"), ("sudo", "--user=www", "A=1", "app"), ("sudo", "-i", "gone"),
    ("sudo", "gone"),
    ("timeout", "-k", "5", "60", "app"), ("chpst", "-u", "www", "app"), ("runuser", "-u", "www", "--", "app"),
    ("runuser", "www", "-c", "gone"), ("stdbuf", "-oL", "app"), ("stdbuf", "-o", "0", "-e", "0", "app"),
    ("tini", "--", "gosu", "www", "env", "A=1", "nice", "-n", "1", "app"), ("tini", "--", "/bin/sh", "-c", "exec $APP"),
    ("serve", "--config=gunicorn.conf.py"), ("serve", "gone.py", "-c", "gone.js"), ("python3", "-m", "gone", "gone.py"),
    ("python3", "-c", "import x", "gone.py"), ("python3", "-uB", "-W", "ignore", "app.py"),
    ("python3", "-X", "dev", "/srv/app.py", "gone.py"),
    ("python3", "-Wignore", "app.py", "gone.jar"), ("python3", "/srv/lib"), ("python3", "-"),
    ("python3", "--unknown", "gone.py"),
    ("node", "-r", "dotenv/config.js", "server.js"), ("node", "--require", "gone.js", "server"),
    ("node", "--import=gone.mjs", "server.js"),
    ("node", "--max-old-space-size=512", "server.js", "gone.js"), ("node", "-e", "gone.js"), ("node", "."),
    ("node", "lib"),
    ("node", "--unknown", "gone.js"), ("node", "inspect", "gone.js"), ("node",),
    ("node", "--inspect=0.0.0.0:1", "--enable-source-maps", "server.js"),
    ("java", "-Dx=/y.jar", "-jar", "app.jar"), ("java", "-cp", "/gone.jar:/x/*", "Entrypoint"),
    ("java", "-jar", "-Xmx1g", "/srv/app.jar", "gone.jar"),
    ("java", "-javaagent:/gone.jar", "-cp", "app.jar", "org.Entrypoint", "gone.jar"), ("java", "@args", "gone.jar"),
    ("java", "Gone"),
    ("java", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-jar", "app.jar"), ("java", "-m", "a/b.Gone"),
    ("/bin/sh", "/srv/run.sh", "gone.sh"), ("/bin/sh", "run.sh"), ("bash", "-e", "-o", "pipefail", "run.sh"),
    ("bash", "-lc", "gone.py"),
    ("bash", "--norc", "run.sh"), ("/bin/sh", "-c", "exec \"$@\"", "--", "gone"), ("/bin/sh", "-s", "gone"),
    ("bash", "-l"),
    ("/srv/run.sh", "gone"), ("/srv/run.sh", "--", "app"), ("/run/app",), ("/tmp/app",), ("python3", "/dev/stdin"),
])
def test_options_and_their_values_are_not_taken_for_programs(words):
    assert starting(*words) == ()


@pytest.mark.parametrize("words, missing", [
    (("gone",), "gone"), (("/gone", "x"), "/gone"), (("./gone",), "./gone"), (("$APP",), "$APP"),
    (("cd", "/srv"), "cd"),
    (("exec", "app"), "exec"), (("tini", "--", "/gone"), "/gone"), (("tini", "-p", "SIGTERM", "gone"), "gone"),
    (("gosu", "www", "gone"), "gone"), (("env", "A=1", "gone"), "gone"), (("sudo", "-u", "www", "/gone"), "/gone"),
    (("setpriv", "--reuid", "1", "gone"), "gone"), (("nice", "-n", "5", "gone"), "gone"),
    (("s6-setuidgid", "www", "gone"), "gone"),
    (("/bin/sh", "-c", "gone --x"), "gone"), (("/bin/sh", "-c", "cd /srv && exec ./gone"), "./gone"),
    (("/bin/sh", "-c", "A=1 gone"), "gone"),
    (("/bin/sh", "-c", "set -e; exec gone > log"), "gone"), (("/bin/sh", "-c", "gone || exit 1"), "gone"),
    (("/bin/sh", "-c", "exec tini -- gone"), "gone"), (("/bin/sh", "-c", "'/gone'"), "/gone"),
    (("bash", "-ec", "gone"), "gone"),
    (("python3", "gone.py"), "gone.py"), (("python3", "-u", "/srv/gone"), "/srv/gone"), (("node", "gone"), "gone"),
    (("node", "-r", "x", "gone.js"), "gone.js"), (("java", "-Xmx1g", "-jar", "gone.jar"), "gone.jar"),
    (("/bin/sh", "/gone.sh"), "/gone.sh"),
    (("/bin/sh", "-c", "exec python3 gone.py"), "gone.py"), (("/srv/plain",), "a program in /srv/plain"),
    (("/bin/sh", "-c", "exec ./data"), "the right to execute /srv/data"),
    (("tini", "--", "/srv/data"), "the right to execute /srv/data"),
])
def test_what_certainly_does_not_start_is_said_to(words, missing):
    assert starting(*words) == (missing,)


@pytest.mark.parametrize("line, said",
                         [("VOLUME /data", False), ('VOLUME ["/x", "/data/"]', False), ("VOLUME /dat /x", True)])
def test_what_a_volume_holds_is_not_known(line, said):
    text = GOOD.replace("USER", f"{line}\nUSER")
    assert bool(found(case(text, own=[APP], start=Start(("/data/app",), user="1")), "will-not-start")) == said


def test_a_library_in_a_folder_that_the_environment_names_is_found():
    files = [("app", make(loader=LOADER, needed=("libx.so.1",)), 0o755),
             ("opt/x/libx.so.1", make(needed=(), soname="libx.so.1"))]
    own = [("COPY /src/app /app", files)]
    assert main(SMALL, own, Start(("/app",))).missing == ("libx.so.1",)
    assert main(SMALL, own, Start(("/app",), {"LD_LIBRARY_PATH": "/usr/x:/opt/x"})).missing == ()
    own[0][1].append(("bin/env", STATIC, 0o755))
    assert main(SMALL, own, Start(("env", "LD_LIBRARY_PATH=/opt/x", "/app"))).missing == ()
    assert main(SMALL, own, Start(("env", "A=/opt/x", "/app"))).missing == ("libx.so.1",)


@pytest.mark.parametrize("start, words", [
    (Start(("/gone",)), "/gone"), (Start(("/bin/sh", "-c", "/app")), "/bin/sh"),
])
def test_a_program_that_is_not_there_is_attributed_to_the_command(start, words):
    text = GOOD.replace("USER", 'ENTRYPOINT ["/first"]\nUSER')     # the last word counts
    only = one(case(text, own=[APP], start=start), "will-not-start")
    assert (only.line, only.severity) == (10, "high") and words in only.what
    assert ("as one line" in only.remedy) == ("sh" in words)


@pytest.mark.parametrize("start", [ROOT, Start(), Start(("python3", "/app")), Start(("sh", "-c", "app"))])
def test_what_can_start_has_no_finding(start):
    assert found(case(GOOD, base=WITH_PYTHON, own=[APP, ("RUN x", [("bin/app", STATIC, 0o755)])], start=start),
                 "will-not-start") == []


# -- which base is enough ----------------------------------------------------------------

def advised(base, program, start=ROOT, base_name="base:1", os=DEBIAN):
    members = [each for each in base if each[0] != "etc/os-release"] + ([os] if os else [])
    made = case(GOOD, base=members, own=[("COPY /src/app /app", [("app", program, 0o755)])], start=start,
                base_name=base_name)
    return [each.ref for each in candidates(made.main, made.inventory.os, made.inventory)]


@pytest.mark.parametrize("program, refs", [
    (STATIC, ["scratch"]),
    (DYNAMIC, ["gcr.io/distroless/base-debian12", "gcr.io/distroless/cc-debian12", "debian:bookworm-slim"]),
    (make(loader=LOADER, needed=("libc.so.6", "libstdc++.so.6")), ["gcr.io/distroless/cc-debian12",
                                                                    "debian:bookworm-slim"]),
    (make(loader=LOADER, needed=("libc.so.6", "libpq.so.5")), ["debian:bookworm-slim"]),
])
def test_the_base_follows_from_what_the_program_wants(program, refs):
    assert advised(SLIM, program) == refs


def test_the_base_is_of_the_distribution_that_built_it():
    ubuntu = ("etc/os-release", b'PRETTY_NAME="Ubuntu 24.04.1 LTS"\n')
    alpine = ("etc/os-release", b'PRETTY_NAME="Alpine Linux v3.19"\n')
    assert advised(SLIM, DYNAMIC, os=ubuntu) == ["ubuntu:24.04"]
    assert advised(SLIM, MUSL, os=alpine) == ["alpine:3.19"]
    assert advised(SLIM, DYNAMIC, os=None) == []


@pytest.mark.parametrize("base_name, refs", [
    ("python:3.12", ["python:3.12-slim"]), ("docker.io/library/python:3.11.4-bookworm", ["python:3.11.4-slim"]),
    ("base:1", ["python:3.11-slim"]), ("", ["python:3.11-slim"]),
])
def test_an_interpreter_has_a_smaller_image_of_the_same_version(base_name, refs):
    python = make(loader=LOADER, needed=("libc.so.6",), parts=((0x700000, b"\x003.11.2\0"),))
    base = [*SLIM, ("usr/bin/python3.11", python, 0o755)]
    assert advised(base, b"#!/usr/bin/python3.11\n", base_name=base_name) == refs


def test_of_what_is_here_the_first_that_has_every_library_is_chosen():
    program = case(GOOD, own=[("COPY /src/app /app", [("app", DYNAMIC, 0o755)])]).main
    offered = (Advice("lacks", ""), Advice("has", ""), Advice("absent", ""))
    lacks, has = (take(image([("ADD x /", layer(*members))]), [layer(*members)]) for members in ([DEBIAN], SMALL))
    assert chosen(program, offered, {"lacks": lacks, "has": has}.get).ref == "has"
    assert chosen(program, offered, {"lacks": lacks, "has": has}.get).unpacked == has.image.unpacked
    assert chosen(program, offered, {"lacks": lacks}.get) == Advice("has", "")
    assert chosen(program, offered[:1], {"lacks": lacks}.get) is None


# -- the context ---------------------------------------------------------------------

def test_a_project_is_read_from_its_context(tmp_path):
    from helpers.builder.context import Context

    for path, content in {"Dockerfile": "FROM a", ".dockerignore": "secret*", "go.mod": REQUIRES, "secret.pem": "x",
                          "web/package.json": PACKAGE, "web/node_modules/vite/package.json": "{}",
                          ".git/config": "xy"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    seen = read(Context.scan(tmp_path))
    assert seen.ignore == ".dockerignore" and "secret.pem" not in seen.files
    assert set(seen.texts) == {"go.mod", "web/package.json"}
    assert seen.local_folders() == {".git": 2, "node_modules": 2}
    assert seen.development() == (frozenset(), {"vite", "@types/node"})
    (tmp_path / "Dockerfile.dockerignore").write_text("")
    assert read(Context.scan(tmp_path)).ignore == "Dockerfile.dockerignore"


# -- a linter's opinions -------------------------------------------------------------

def saying(monkeypatch, *said):
    monkeypatch.setattr(linter, "lint", lambda text: tuple(linter.Finding(*each) for each in said))


def test_what_a_linter_says_besides(monkeypatch):
    saying(monkeypatch, (6, "DL3006", "warning", "tag it"), (6, "DL3059", "info", "join them"),
           (7, "DL3006", "warning", "x"))
    known = [Finding("moving-tag", "low", 6, "", "", ""), Finding("root-user", "low", 7, "", "", "")]
    reported = opinions("FROM a", known)
    assert [(each.line, each.rule) for each in reported.besides] == [(6, "DL3059"), (7, "DL3006")]
    assert len(reported.all) == 3 and reported.without == ""


def test_without_a_linter_it_is_said_so(monkeypatch):
    def refuse(text):
        raise LinterUnavailable("hadolint is not installed.")

    monkeypatch.setattr(linter, "lint", refuse)
    assert opinions("FROM a", []) == Opinions(without="hadolint is not installed.")


def test_a_linter_s_opinion_is_no_finding():
    assert "DL" not in str(findings_of(case(GOOD.replace("USER", "RUN cd /x\nRUN cd /y\nUSER"), own=[APP])))


def test_the_rules_that_a_linter_has_too_are_the_linter_s_own():
    """hadolint's own words for them, on a text that breaks them."""
    if linter.program() is None:
        pytest.skip("hadolint is not installed")
    text = "FROM debian:latest\nENV PASSWORD=x\nRUN pip install x\n" \
           "RUN apt-get update && apt-get install -y x\nUSER root\n"
    assert {each.rule for each in linter.lint(text)} >= {"DL3007", "DL3042", "DL3009", "DL3002", "DL3064"}


def test_a_project_s_image_has_a_name_whatever_the_folder_s_bytes():
    assert re.fullmatch(r"multistage-report:dir-[0-9a-f]{8}",
                        run.name(Path("/tmp/dir\udcff"), "Docker\udcfffile", None))
    assert run.name(Path("/tmp/dir\udcff"), "D", None) != run.name(Path("/tmp/dir\udcfe"), "D", None)
