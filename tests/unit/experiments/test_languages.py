"""Languages in one stage and in several: what is found of them, and what is said of one that could not be built."""

import ast
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from helpers import container
from helpers.bases.catalogue import ALL, CURRENT
from helpers.claims import CLAIMS, verdict
from helpers.container.running import _EXEC, not_started
from helpers.dockerfile import parse
from helpers.errors import BaseUnavailable, BuildFailed, CourseError, EngineGone
from helpers.experiments import languages, variants
from helpers.experiments.languages import LANGUAGES, Languages, Pair, Shipped
from helpers.experiments.variants import Absent, Variants
from helpers.inventory import Needs
from helpers.lesson import looking, say, with_supported_bases
from helpers.lesson.building import DrawnVariants
from helpers.units import size
from helpers.views.contents import needs_text, needs_view
from helpers.views.lists import absent_view, languages_view
from tests.unit.layers import elf, inventory, layer

ROOT = Path(__file__).resolve().parents[3]
LACKING = BaseUnavailable("gcc:12 is not here.", why="No <network>.", remedy="Go online.")


def tools(*names: str):
    """An inventory of programs by that name, each layer of 1000 bytes."""
    return inventory(*(layer((f"usr/bin/{name}", elf(), 0o755)) for name in names), layer(("app", b"x")))


HELLO = replace(LANGUAGES[0], name="Hello", says="Hello")
ONE = Shipped(tools("gcc", "make", "sh"), "Hello, and more", "gcc")
TWO = Shipped(tools("sh"), "Hello, and less", "")
GOOD = Pair(HELLO, ONE, TWO)


def raising(error):
    def one(*_, **__):
        raise error
    return one


# -- a pair ------------------------------------------------------------------------------

def test_a_pair_that_works():
    assert GOOD.answers and GOOD.works and GOOD.name == "Hello"
    found = Languages([GOOD], {})
    assert found.inventories == {"Hello": (ONE.inventory, TWO.inventory)}
    assert found.images == {"Hello": (ONE.inventory.image, TWO.inventory.image)}


@pytest.mark.parametrize("changed", [
    {"multi": replace(TWO, answer="")},
    {"single": replace(ONE, answer="Traceback")},
    {"multi": replace(TWO, inventory=tools("sh", "bash", "dash"))},     # as large
    {"multi": replace(TWO, inventory=tools("gcc", "make"))},            # smaller, with the tools
    {"single": replace(ONE, compiles="")},                              # nothing is known of the compiler
], ids=["several says nothing", "one says something else", "as large", "tools", "no control"])
def test_each_thing_that_goes_wrong_is_seen(changed):
    assert not replace(GOOD, **changed).works


def test_all_work_only_if_each_does_and_there_are_some():
    bad = replace(GOOD, multi=replace(TWO, answer=""))
    assert Languages([GOOD, GOOD], {}).work
    assert not Languages([GOOD, bad], {}).work and not Languages([], {}).work


def test_the_sentence_says_what_was_found_and_what_was_not_built():
    named = [replace(GOOD, language=replace(HELLO, name=name)) for name in ("Go", "C", "Java")]
    named[2] = replace(named[2], multi=replace(TWO, compiles="javac"))
    assert Languages(named[:2], {}).sentence == \
        "For Go and C, the same program is in a smaller image with fewer build tools."
    assert Languages([named[2], replace(named[1], multi=replace(TWO, answer=""))], {"C++": Absent(LACKING)}).sentence == (
        "For Java, the same program is in a smaller image with fewer build tools. Not so: C. "
        "The last image can still compile: Java (javac). Not built here: C++.")
    assert Languages(named, {}).still_compile == {"Java": "javac"}


def test_it_is_shown_as_text_and_as_a_table():
    found = Languages([replace(GOOD, single=replace(ONE, compiles="<gcc>"))], {"C": Absent(LACKING)})
    first, row, absent, *_ = repr(found).splitlines()
    assert row.split() == ["Hello", "yes", "<gcc>", "none", "2", "times"] and absent == "C: gcc:12 is not here."
    page = languages_view(found)
    assert "<td style=\"text-align:left\">&lt;gcc&gt;</td>" in page and "No &lt;network&gt;." in page


# -- the list ----------------------------------------------------------------------------

@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_language_has_an_application_in_one_stage_and_in_several(language):
    counts = [len(parse((ROOT / "notebooks/apps" / language.app / file).read_text()).stages)
              for file in (language.single, language.multi)]
    assert counts[0] == 1 < counts[1]
    assert language.says and language.compiles


def test_they_are_the_languages_of_the_claim():
    assert all(f"{language.name}" in CLAIMS["C10"] for language in LANGUAGES)
    assert [language.name for language in LANGUAGES] == ["Go", "Java", "Node", "Python", "C", "C++"]


def test_current_bases_are_known_and_take_the_place_of_known_ones():
    assert set(CURRENT) | set(CURRENT.values()) <= set(ALL) and not set(CURRENT) & set(CURRENT.values())
    assert {ref.partition(":")[0] for ref in CURRENT} == {"golang", "node"}


@pytest.mark.parametrize("app, line", [("go-hello", "FROM golang:1.27 AS builder"),
                                       ("node-site", "FROM node:24 AS builder")])
def test_a_current_dockerfile_differs_in_that_line_alone(app, line):
    before = (ROOT / "notebooks/apps" / app / "Dockerfile").read_text().splitlines()
    after = with_supported_bases(app).text.splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [line]


def test_the_lock_file_has_what_every_machine_may_need():
    """npm from version 11 on refuses one that leaves out packages for other machines."""
    packages = json.loads((ROOT / "notebooks/apps/node-site/package-lock.json").read_text())["packages"]
    asked = {name for package in packages.values() for kind in ("dependencies", "optionalDependencies")
             for name in package.get(kind, ())}
    assert len(asked) > 50 and {f"node_modules/{name}" for name in asked} <= set(packages)


# -- without a base ------------------------------------------------------------------------

class Built(SimpleNamespace):
    """What a builder returns: all that is asked of it is its tag."""


def builder(*lacking: str):
    """Builds nothing; the Dockerfiles named have a base that cannot be had."""
    asked = []

    def one(folder, *, dockerfile, tag, **words):
        asked.append((folder, dockerfile, tag, words))
        if dockerfile in lacking:
            raise LACKING
        return Built(tag=tag)

    one.asked = asked
    return one


@pytest.fixture
def looked(monkeypatch):
    """What would ask the engine answers with what it was asked."""
    found = {"c-hello:multi": TWO.inventory, "c-hello:single": ONE.inventory}
    monkeypatch.setattr(variants, "inspect", lambda tag, engine: found[tag].image)
    monkeypatch.setattr(variants.inventories, "inventory", lambda tag, engine: found[tag])
    monkeypatch.setattr(variants.container, "run", lambda tag, command, engine: (tag, command))


def test_a_variant_is_named_after_its_dockerfile():
    one = builder()
    c = Variants("c-hello", None, one)
    c.build("single", "Dockerfile.single"), c.build("multi"), c.build("up to", target="builder")
    assert [tag for _, _, tag, _ in one.asked] == ["c-hello:single", "c-hello:multi", "c-hello:builder"]
    assert one.asked[0][0] == ROOT / "notebooks/apps/c-hello" and one.asked[2][3] == {"target": "builder"}


def test_every_question_about_a_variant_is_about_its_image(looked):
    c = Variants("c-hello", None, builder())
    assert c.build("two").tag == c["two"].tag == "c-hello:multi"
    assert c.run("two", ["ls"]) == ("c-hello:multi", ["ls"])
    assert c.image("two") == TWO.inventory.image and c.inventory("two") is TWO.inventory
    assert c.needs("two", "/usr/bin/sh").missing == ()


def test_without_its_base_a_variant_and_all_answers_are_absent(looked):
    c = Variants("c-hello", None, builder("Dockerfile"))
    made = c.build("two")
    assert not made and made.error is LACKING
    for asked in (c.run("two"), c.image("two"), c.inventory("two"), c.needs("two", "/x")):
        assert not asked and asked.error is LACKING and str(asked) == "Left out. gcc:12 is not here."
    assert c["two"] is made and str(made) == ("gcc:12 is not here.\nWhy: No <network>.\nWhat to do: Go online.\n"
                         "The lesson goes on without it.")
    assert "No &lt;network&gt;.<br>" in absent_view(made)


def test_a_picture_leaves_out_what_is_absent(looked, monkeypatch):
    monkeypatch.setattr(looking, "inspect", lambda made: ONE.inventory.image)
    c = DrawnVariants("c-hello", None, builder("Dockerfile"))
    c.build("two")
    assert not c.sizes() and str(c.sizes()) == str(c.sizes("two")) == "Left out. gcc:12 is not here."
    c.build("one", "Dockerfile.single")
    chart = c.sizes("two", "one")
    assert f"one is {size(ONE.unpacked)}" in chart.alt and "two" not in chart.alt
    assert c.sizes().alt == chart.alt


def test_another_failure_is_not_taken_for_a_missing_base():
    with pytest.raises(BuildFailed):
        Variants("c-hello", None, raising(BuildFailed("It does not compile."))).build("two")


@pytest.fixture
def shipped(monkeypatch):
    """Nothing is built, and Java's bases cannot be had."""
    def build(folder, *, dockerfile, tag, engine, watch, report):
        if folder.name == "java-hello":
            raise LACKING
        watch(SimpleNamespace(steps=lambda: [SimpleNamespace(status="cached", instruction="COPY . ."),
                                             SimpleNamespace(status="running", instruction="RUN make")]))
        return Built(tag=f"{folder.name} {dockerfile}")

    monkeypatch.setattr(variants, "build", build)
    monkeypatch.setattr(languages, "_shipped", lambda language, built, file, engine:
                        replace(ONE if "single" in file else TWO, answer=f"{language.says} {built[file].tag}"))


def test_every_language_is_built_but_those_without_a_base(shipped):
    told = []
    found = languages.every(None, told.append)
    assert [pair.name for pair in found] == ["Go", "Node", "Python", "C", "C++"] and found.work
    assert list(found.absent) == ["Java"] and found.absent["Java"].error is LACKING
    assert "Not built here: Java." in found.sentence
    assert found[-1].single.answer.endswith("c-hello Dockerfile.cpp-single")
    assert found[-1].multi.answer.endswith("c-hello Dockerfile.cpp")
    assert "go-hello: RUN make" in told


# -- what a program says and what starts -----------------------------------------------------

def test_a_program_that_does_not_run_answers_with_the_reason_and_an_engine_that_is_gone_not(monkeypatch):
    monkeypatch.setattr(languages.container, "run", raising(CourseError("It hung.")))
    assert languages._answer(HELLO, "image", None) == "It hung."
    monkeypatch.setattr(languages.container, "serve", raising(CourseError("It did not serve.")))
    assert languages._answer(replace(HELLO, port=80), "image", None) == "It did not serve."
    monkeypatch.setattr(languages.container, "run", raising(EngineGone("Gone.")))
    with pytest.raises(EngineGone):
        languages._answer(HELLO, "image", None)


@pytest.mark.parametrize("code, starts", [(0, True), (1, False), (127, False)])
def test_a_compiler_starts_if_it_ends_well(monkeypatch, code, starts):
    asked = []
    monkeypatch.setattr(languages.container, "run", lambda *given, **words: asked.append((given, words)) or
                        container.Ran("", code, 0.1))
    assert languages._starts("image", ("gcc", "--version"), "engine") is starts
    # past the image's own entrypoint, which may be no shell
    assert asked == [(("image", ("--version",)), {"entrypoint": ("gcc",), "engine": "engine"})]


def test_a_compiler_that_is_not_there_does_not_start_and_another_failure_is_one(monkeypatch):
    monkeypatch.setattr(languages.container, "run", raising(not_started(
        'exec: "gcc": executable file not found in $PATH', "image")))
    assert languages._starts("image", ("gcc",), None) is False
    monkeypatch.setattr(languages.container, "run", raising(CourseError("It hung.")))
    with pytest.raises(CourseError, match="hung"):
        languages._starts("image", ("gcc",), None)


@pytest.mark.parametrize("output, failed", [
    ("exec /app/app: no such file or directory\n", True),
    ("standard_init_linux.go:228: exec user process caused: no such file or directory\n", True),
    ("standard_init_linux.go:219: exec user process caused \"no such file or directory\"\n", False),
    ("cat: /x: No such file or directory\n", False),
    ("hello\nexec /app/app: no such file or directory\n", False),
    ("", False)])
def test_what_the_runtime_says_is_told_from_what_a_program_says(output, failed):
    assert bool(_EXEC.fullmatch(output)) is failed


# -- what it needs ---------------------------------------------------------------------------

LOADER = "/lib64/ld-linux-x86-64.so.2"


def test_needs_are_shown_with_where_each_is():
    found = Needs(LOADER, {"libc.so.6": "/lib/libc.so.6"}, ("libstdc++.so.6",))
    assert [line.split(maxsplit=2) for line in needs_text(found).splitlines()] == [
        ["loader", LOADER, LOADER], ["library", "libc.so.6", "/lib/libc.so.6"],
        ["library", "libstdc++.so.6", "not there"]]
    page = needs_view(found)
    assert page.count("<tr>") == 4 and page.count("✘ not there") == 1


def test_a_missing_loader_is_shown_as_one_and_a_static_program_needs_none():
    shown = needs_text(Needs(LOADER, {}, (LOADER, "libc.so.6")))
    assert [line.split(maxsplit=2) for line in shown.splitlines()] == [
        ["loader", LOADER, "not there"], ["library", "libc.so.6", "not there"]]
    assert needs_text(Needs("", {}, ())) == "Nothing but itself: no loader, no library."
    assert "Nothing but itself" in needs_view(Needs("", {}, ()))


# -- the lesson's verdicts, turned ---------------------------------------------------------------

def given(claim: str, **names):
    """The verdict that lesson 08 gives where its names have these values."""
    notebook = nbformat.read(ROOT / "notebooks/08-every-language.ipynb", as_version=4)
    cell, = (cell.source for cell in notebook.cells if f'verdict("{claim}"' in cell.source)
    *before, last = ast.parse(cell).body
    names |= {"verdict": verdict, "say": say}
    exec(compile(ast.Module(before, []), claim, "exec"), names)
    return eval(compile(ast.Expression(last.value), claim, "eval"), names)


SCRATCH = Needs(LOADER, {}, (LOADER, "libc.so.6"))
BASE = Needs(LOADER, {"libc.so.6": "/lib/libc.so.6"}, ())


def ran(**codes):
    return lambda image: container.Ran("", codes.get(image, 0), 0.1)


@pytest.mark.parametrize("names, found", [
    ({"run": ran(), "has": BASE, "lacks": SCRATCH}, "partly"),
    ({"run": ran(), "has": BASE, "lacks": Needs("", {}, ())}, "holds"),       # it needs nothing anywhere
    ({"run": ran(small=1), "has": BASE, "lacks": SCRATCH}, "fails"),
    ({"run": ran(static=1), "has": BASE, "lacks": SCRATCH}, "fails"),
    ({"run": ran(), "has": SCRATCH, "lacks": SCRATCH}, "fails"),
])
def test_the_verdict_on_what_a_compiled_program_needs(home, names, found):
    told = given("C25", small="small", static="static", **names)
    assert told.found == found
    assert found != "partly" or f"it lacked {LOADER} and libc.so.6" in told.because


CLEAN = Languages([GOOD], {})


@pytest.mark.parametrize("found, outcome", [
    (CLEAN, "holds"),
    (Languages([GOOD], {"C": Absent(LACKING)}), "partly"),
    (Languages([replace(GOOD, multi=replace(TWO, compiles="javac"))], {}), "partly"),
    (Languages([GOOD, replace(GOOD, multi=replace(TWO, answer=""))], {}), "fails"),
    (Languages([], {"C": Absent(LACKING)}), "fails")])
def test_the_verdict_on_the_languages(home, found, outcome):
    told = given("C10", found=found)
    assert told.found == outcome and told.because == found.sentence
