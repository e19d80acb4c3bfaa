"""The applications in every language, built both ways for real, run and asked."""

import re
import shutil
from dataclasses import replace
from functools import cache

import pytest

from helpers.container import Sandbox, run, serve
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


def smaller(engine, single, multi, times):
    """Whether two stages ship that many times less than one."""
    return inspect(single.tag, engine).unpacked > times * inspect(multi.tag, engine).unpacked


# -- Node ----------------------------------------------------------------------------

def script(server):
    """The page's own JavaScript, as the server gives it."""
    page = server.get("/")
    assert page.status == 200 and "<title>The dining room</title>" in page.text
    return server.get(re.search(r'src="(/assets/[^"]+\.js)"', page.text)[1]).text


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.single"])
def test_the_site_is_served_and_says_what_built_it(engine, built, dockerfile):
    with serve(built("node-site", dockerfile).tag, port=80, engine=engine) as server:
        text = script(server)
        assert server.get("/assets/none.js").status == 404 or dockerfile == "Dockerfile.single"
    assert "Node v20." in text and "Soup of the day" in text


def test_two_stages_ship_the_site_without_node(engine, built, paths):
    single, multi = built("node-site", "Dockerfile.single"), built("node-site")
    tools = {"/usr/local/bin/node", "/usr/local/bin/npm", "/app/node_modules", "/app/src/main.jsx", "/usr/bin/gcc"}
    assert tools <= paths(single)
    left = paths(multi)
    assert not tools & left and not any("node_modules" in path or path.endswith("/node") for path in left)
    assert "/usr/share/nginx/html/index.html" in left and "/usr/sbin/nginx" in left
    assert smaller(engine, single, multi, 10)


def test_the_lock_file_decides_what_npm_ci_installs(engine, built):
    lock = (APPS / "node-site/package-lock.json").read_text()
    locked = re.search(r'"node_modules/preact": \{\s*"version": "([^"]+)"', lock)[1]
    assert "resolved" not in lock   # the host of whoever made it
    installed = inventory(built("node-site", "Dockerfile.single").tag, engine).package("preact")
    assert (installed.package.version, installed.path) == (locked, "/app/node_modules/preact/package.json")


def test_a_change_of_the_source_does_not_install_again(built, temporary, tmp_path):
    built("node-site")
    copy = shutil.copytree(APPS / "node-site", tmp_path / "site")
    with open(copy / "src/menu.js", "a") as file:
        file.write(f"// {tmp_path}\n")
    text = (copy / "Dockerfile").read_text().replace("npm run build", "mkdir dist")   # that step's time is not the question
    result = temporary(copy, text=text)
    cached = {step.instruction.split()[-1]: step.cached for step in result.steps if step.stage == "builder"}
    assert cached["ci"] and not cached["dist"]


# -- Java, Python, C and C++, Go --------------------------------------------------------

# What each says when it runs, what is there to build it with, what is shipped.
SAYS = {
    ("java-hello", "Dockerfile.single"): "Hello from Java 17, ",
    ("java-hello", "Dockerfile"): "Hello from Java 17, ",
    ("java-hello", "Dockerfile.jre"): "Hello from Java 17, ",
    ("java-hello", "Dockerfile.jlink"): "Hello from Java 17, 2 modules",
    ("java-hello", "Dockerfile.distroless"): "Hello from Java 17, ",
    ("python-wheel", "Dockerfile.single"): "Hello from Python 3.11.",
    ("python-wheel", "Dockerfile"): "Hello from Python 3.11.",
    ("python-wheel", "Dockerfile.distroless"): "Hello from Python 3.11.",
    ("c-hello", "Dockerfile.single"): "Hello from a program compiled with GCC 12.",
    ("c-hello", "Dockerfile"): "Hello from a program compiled with GCC 12.",
    ("c-hello", "Dockerfile.static"): "Hello from a program compiled with GCC 12.",
    ("c-hello", "Dockerfile.cpp"): "Hello from a C++ program compiled with GCC 12.",
    ("c-hello", "Dockerfile.cpp-single"): "Hello from a C++ program compiled with GCC 12.",
    ("go-hello", "Dockerfile.single"): "Hello from a program compiled with go1.22",
    ("go-hello", "Dockerfile"): "Hello from a program compiled with go1.22",
    ("go-hello", "Dockerfile.scratch-static"): "Hello from a program compiled with go1.22"}
TOOLS = {"Java compiler", "C compiler", "C++ compiler", "Go compiler", "Python's headers", "source code"}


@pytest.mark.parametrize("app, dockerfile", SAYS, ids=lambda word: word)
def test_it_runs_and_sees_its_tools_in_one_stage_alone(engine, built, app, dockerfile):
    ran = run(built(app, dockerfile).tag, engine=engine)
    first, *rows = ran.output.splitlines()
    assert ran.exit_code == 0 and first.startswith(SAYS[app, dockerfile])
    there = {row.partition(" within reach at ")[0].strip() for row in rows if " within reach at /" in row} & TOOLS
    gone = {row.removesuffix(" not here").strip() for row in rows if row.endswith(" not here")} & TOOLS
    assert there | gone
    assert gone == set() if dockerfile.endswith("single") else there == set()


@pytest.mark.parametrize("app, times", [("java-hello", 1.2), ("python-wheel", 5), ("c-hello", 30), ("go-hello", 20)])
def test_several_stages_ship_less(engine, built, app, times):
    assert smaller(engine, built(app, "Dockerfile.single"), built(app), times)


def test_each_smaller_java_is_smaller(engine, built):
    sizes = [inspect(built("java-hello", dockerfile).tag, engine).unpacked
             for dockerfile in ("Dockerfile.single", "Dockerfile", "Dockerfile.distroless", "Dockerfile.jlink")]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("app, dockerfile, command", [
    ("java-hello", "Dockerfile", ["java", "-jar", "/app/hello.jar", "serve"]),
    ("java-hello", "Dockerfile.jlink", ["/opt/java/bin/java", "-jar", "/app/hello.jar", "serve"]),
    ("python-wheel", "Dockerfile", ["python", "app.py", "serve"]),
    ("go-hello", "Dockerfile.scratch-static", ["/app/app", "serve"])])
def test_they_say_the_same_over_http(engine, built, app, dockerfile, command):
    with serve(built(app, dockerfile).tag, command, port=8080, engine=engine,
               sandbox=Sandbox(read_only=True, writable=["/tmp"])) as server:
        assert server.get("/").text.startswith(SAYS[app, dockerfile])


def test_a_module_in_c_was_compiled_and_works(engine, built):
    said = run(built("python-wheel").tag, engine=engine).output
    assert "a module compiled with GCC 12." in said and "It counted 9 words in &lt;text&gt;." in said
    assert run(built("python-wheel").tag, ["gcc"], engine=engine, entrypoint=["sh", "-c", "command -v gcc"]).exit_code


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
