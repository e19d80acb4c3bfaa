"""The applications in every language, built both ways for real, run and asked."""

import shutil
from dataclasses import replace
from functools import cache

import pytest

from helpers.container import run
from helpers.errors import CourseError
from helpers.experiments.languages import LANGUAGES, every
from helpers.experiments.variants import APPS, Variants
from helpers.image import inspect, layer_by_path
from helpers.inventory import inventory


@pytest.fixture(scope="module")
def paths(engine):
    """All paths in the image of a build, read once."""
    @cache
    def of(tag):
        return frozenset(layer_by_path(inspect(tag, engine), engine))

    return lambda result: of(result.tag)


# What each says when it runs, and its Dockerfiles by the ends of their names.
SAYS = {"java-hello": "Hello from Java 17, with ", "python-wheel": "Hello from Python 3.11.",
        "c-hello": "program compiled with GCC 12.", "go-hello": "Hello from a program compiled with go1.22"}
FILES = {"java-hello": (".single", "", ".jre", ".jlink", ".distroless"), "python-wheel": (".single", "", ".distroless"),
         "c-hello": (".single", "", ".static", ".cpp", ".cpp-single"), "go-hello": (".single", "", ".scratch-static")}
TOOLS = {"Java compiler", "C compiler", "C++ compiler", "Go compiler", "Python's headers", "source code"}


@pytest.mark.parametrize("app, end", [(app, end) for app, ends in FILES.items() for end in ends])
def test_it_runs_and_sees_its_tools_in_one_stage_alone(engine, built, app, end):
    ran = run(built(app, f"Dockerfile{end}").tag, engine=engine)
    first, *rows = ran.output.splitlines()
    assert ran.exit_code == 0 and SAYS[app] in first
    there = {row.partition(" within reach at ")[0].strip() for row in rows if " within reach at /" in row} & TOOLS
    gone = {row.removesuffix(" not here").strip() for row in rows if row.endswith(" not here")} & TOOLS
    assert there | gone
    assert gone == set() if end.endswith("single") else there == set()


@pytest.mark.parametrize("app, times", [("java-hello", 1.2), ("python-wheel", 5), ("c-hello", 30), ("go-hello", 20)])
def test_several_stages_ship_less(engine, built, app, times):
    single, multi = (inspect(built(app, file).tag, engine).unpacked for file in ("Dockerfile.single", "Dockerfile"))
    assert single > times * multi


# -- what a program needs besides itself ---------------------------------------------------

def test_a_program_that_needs_the_c_library_does_not_start_on_scratch(engine, built, paths):
    result = built("go-hello", "Dockerfile.scratch")
    assert "/app/app" in paths(result)   # it is there, and what loads it is not
    needs = inventory(result.tag, engine).needs("/app/app")
    assert needs.loader in needs.missing and "libc.so.6" in needs.missing
    with pytest.raises(CourseError, match="not in the image") as failure:
        run(result.tag, engine=engine)
    assert "no such file or directory" in failure.value.why


def test_a_program_in_cpp_needs_its_library(engine, built):
    ran = run(built("c-hello", "Dockerfile.cpp-base").tag, engine=engine)
    assert ran.exit_code == 127 and "libstdc++.so.6" in ran.output
    needs = inventory("c-hello:cpp-base", engine).needs("/app/hello")
    assert "libstdc++.so.6" in needs.missing and needs.loader not in needs.missing
    assert inventory(built("c-hello", "Dockerfile.cpp").tag, engine).needs("/app/hello").missing == ()


def test_a_static_program_is_alone_in_its_image(built, paths):
    assert paths(built("c-hello", "Dockerfile.static")) == {"/app", "/app/hello"}
    assert paths(built("go-hello", "Dockerfile.scratch-static")) == {"/app", "/app/app"}


# -- every language, as the lesson has it ------------------------------------------------------

@pytest.mark.nightly     # lesson 08 builds all languages both ways, runs them and looks inside
def test_languages_are_built_both_ways_run_and_looked_into(engine):
    chosen = [language for language in LANGUAGES if language.name in ("Java", "Node", "C++")]
    told = []
    found = every(engine, told.append, chosen)
    assert [pair.name for pair in found] == ["Java", "Node", "C++"] and found.work and not found.absent
    assert [pair.single.compiles for pair in found] == ["javac", "node", "g++"]
    assert [pair.multi.compiles for pair in found] == ["", "", ""]
    assert any("c-hello" in line for line in told)


def test_a_compiler_that_was_shipped_is_found(engine, tmp_path):
    """The pattern without its point: two stages, and the last one has the compiler."""
    language = next(each for each in LANGUAGES if each.name == "C")
    shutil.copytree(APPS / language.app, tmp_path / "app")
    text = (tmp_path / "app" / "Dockerfile").read_text().replace("gcr.io/distroless/base-debian12", "gcc:12")
    (tmp_path / "app" / "Dockerfile").write_text(text)
    pair, = every(engine, languages=[replace(language, app=str(tmp_path / "app"))])
    assert pair.answers and not pair.works and pair.multi.compiles == "gcc"


def test_a_base_that_cannot_be_had_ends_one_language_only(engine, tmp_path):
    for name in ("Dockerfile.single", "Dockerfile"):
        (tmp_path / name).write_text("FROM localhost/course-test/none:1\nCOPY Dockerfile /\n")
    language = replace(LANGUAGES[0], name="None", app=str(tmp_path))
    c = next(each for each in LANGUAGES if each.name == "C")
    found = every(engine, languages=[language, c])
    assert [pair.name for pair in found] == ["C"] and list(found.absent) == ["None"]
    assert "localhost/course-test/none:1" in str(found.absent["None"])


def test_variants_answer_from_their_own_image(engine):
    c = Variants("c-hello", engine)
    c.build("static", "Dockerfile.static"), c.build("two")
    assert sorted(c.inventory("static").tree) == ["/app", "/app/hello"] and c.needs("static", "/app/hello").loader == ""
    assert c.needs("two", "/app/hello").missing == () and c.run("static").exit_code == 0
    assert list(c.images()) == ["static", "two"] and c.images("two")["two"] == c.image("two")
