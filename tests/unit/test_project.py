"""What the project says of itself agrees with what it is."""

import ast
import base64
import importlib
import inspect
import json
import re
import statistics
import subprocess
import tomllib
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import yaml

from tests import architecture

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

CONDA = {"docker": "docker-py", "matplotlib": "matplotlib-base"}   # pip's name: conda-forge's


@cache
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text())


def parts(requirement: str) -> tuple[str, str]:
    """(name, version) of a requirement; what follows a semicolon says where it is asked for."""
    bare = requirement.partition(";")[0].strip()
    name, version = re.fullmatch(r"([A-Za-z0-9_.-]+?)\s*([<>=!~].*)?", bare).groups()
    return name, (version or "").replace(" ", "")


def conda_and_pip() -> tuple[dict[str, str], dict[str, str]]:
    """{name: version} of what conda installs, and of what pip does in its environment."""
    listed = environment()["dependencies"]
    pip = [each["pip"] for each in listed if isinstance(each, dict)]
    return dict(map(parts, (each for each in listed if isinstance(each, str)))), dict(map(parts, sum(pip, [])))


def test_both_lists_of_dependencies_agree():
    declared = dict(map(parts, project()["project"]["dependencies"]))
    conda, pip = conda_and_pip()
    assert conda.pop("python")
    assert not pip or conda.pop("pip") == ""   # conda has to be told to install pip itself
    assert {CONDA.get(name, name): version for name, version in declared.items()} == conda | pip


def test_python_is_pinned_to_one_that_the_project_takes():
    python = conda_and_pip()[0]["python"]
    major, minor = map(int, re.fullmatch(r"==?(\d+)\.(\d+)(?:\.\d+)?", python).groups())
    assert project()["project"]["requires-python"] == ">=3.11"
    assert (major, minor) >= (3, 11)


def test_every_dependency_has_a_lowest_version_and_a_place_in_order():
    names = [parts(each)[0] for each in project()["project"]["dependencies"]]
    assert names == sorted(names)
    assert all(parts(each)[1].startswith(">=") for each in project()["project"]["dependencies"])


def test_conda_asks_one_channel_only():
    assert environment()["channels"] == ["conda-forge", "nodefaults"]


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_the_helpers_import_only_what_is_declared():
    import sys

    listed = [*project()["project"]["dependencies"], *project()["project"]["optional-dependencies"]["class"]]
    declared = {parts(each)[0].replace("-", "_") for each in listed}
    modules = declared | {"google", "debian", "grpc"} | {"requests", "urllib3"}      # the last two are docker's
    modules |= {"PIL"} | {"IPython", "pygments"}    # matplotlib's; of ipywidgets
    modules |= {"websocket", "tornado"}    # websocket-client's; jupyterhub's
    used = set().union(*(imported(path) for path in (ROOT / "helpers").rglob("*.py")))
    assert used - set(sys.stdlib_module_names) - modules == set()


@pytest.mark.parametrize("command", ["make lab", "make test"])
def test_the_readme_names_the_two_commands(command):
    assert command in "\n".join((ROOT / "README.md").read_text().splitlines()[:40])


def test_the_readme_links_to_what_is_there():
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("target", ["lab", "test", "engine", "stop"])
def test_the_makefile_has_the_targets_of_the_design(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_every_module_says_what_it_is():
    assert [path for path in architecture.modules()
            if path.name != "__main__.py" and not ast.get_docstring(ast.parse(path.read_text()))] == []


def public(body: list[ast.stmt], names: tuple[str, ...] = ()):
    """(names, function) of each public function of a module and method of its public classes."""
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            here = (*names, node.name)
            yield from [(here, node)] if not isinstance(node, ast.ClassDef) else public(node.body, here)


def documented(path: Path, names: tuple[str, ...]) -> bool:
    """Whether a function says what it does; a method may leave that to the class that it overrides."""
    found = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    for name in names[:-1]:
        found = getattr(found, name)
    mro = found.__mro__ if len(names) > 1 else [found]
    return any(inspect.getdoc(vars(each)[names[-1]]) for each in mro if names[-1] in vars(each))


def test_every_public_function_says_what_it_does():
    assert [(path.relative_to(ROOT).as_posix(), names) for path in architecture.modules()
            for names, node in public(ast.parse(path.read_text()).body)
            if not ast.get_docstring(node) and not documented(path, names)] == []


def raised(node: ast.AST) -> bool:
    """Whether a function raises an error of its own that no handler in it takes."""
    def walk(node: ast.AST, taken: bool) -> bool:
        if isinstance(node, ast.Raise) and node.exc and not taken:
            return True
        inner = {id(each) for each in node.body} if isinstance(node, ast.Try) and node.handlers else set()
        return any(walk(each, taken or id(each) in inner) for each in ast.iter_child_nodes(node))
    return walk(node, False)


def test_every_public_function_that_raises_says_so():
    assert [(path.relative_to(ROOT).as_posix(), names) for path in architecture.modules()
            for names, node in public(ast.parse(path.read_text()).body)
            if raised(node) and not re.search("[Rr]aise|[Ee]rror", ast.get_docstring(node) or "Errors as of the base")] == []


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [(path.relative_to(ROOT).as_posix(), node) for path in architecture.modules()
            for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def test_modules_and_functions_are_short():
    assert [path for path in architecture.modules() if len(path.read_text().splitlines()) > 300] == []
    lengths = [(node.end_lineno - node.lineno + 1, path, node.name) for path, node in functions()]
    assert [each for each in lengths if each[0] > 45] == [] and statistics.median(lines for lines, *_ in lengths) < 8


def test_no_function_has_more_than_eight_parameters():
    assert [(path, node.name) for path, node in functions() for given in [node.args]
            if len({each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {"self", "cls"}) > 8] == []


class Tags(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


@cache
def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code(path: Path) -> list:
    return [cell for cell in read(path).cells if cell.cell_type == "code" and cell.source.strip()]


def outputs(path: Path) -> list:
    return [output for cell in code(path) for output in cell.outputs]


def text_of(output) -> str:
    """All text of an output; not what is in pictures."""
    data = output.get("data", {})
    texts = [str(output.get("text", "")), *output.get("traceback", [])]
    texts += [value if isinstance(value, str) else json.dumps(value)
              for kind, value in data.items() if not kind.startswith("image/")]
    return re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", "\n".join(texts))


def test_there_are_lessons():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{n:02}" for n in range(len(NOTEBOOKS))]
    assert NOTEBOOKS


@each_notebook
def test_a_notebook_is_valid(path):
    nbformat.validate(json.loads(path.read_text()))
    assert read(path).metadata.kernelspec.name == "python3"


@each_notebook
def test_every_cell_ran_once_and_in_order(path):
    assert [cell.execution_count for cell in code(path)] == list(range(1, len(code(path)) + 1))


@each_notebook
def test_no_cell_ended_with_an_error(path):
    assert [o.ename for o in outputs(path) if o.output_type == "error"] == []
    assert [o.text for o in outputs(path) if o.get("name") == "stderr"] == []


@each_notebook
def test_cells_are_short(path):
    lengths = [len(cell.source.splitlines()) for cell in code(path)]
    assert max(lengths) <= 15
    assert statistics.median(lengths) <= 5


@each_notebook
def test_outputs_are_not_heavy(path):
    for cell in code(path):
        assert len(json.dumps(cell.outputs)) < 400_000


@each_notebook
def test_a_lesson_opens_with_a_verb_and_minutes(path):
    first = read(path).cells[0]
    title, *rest = first.source.splitlines()
    assert first.cell_type == "markdown"
    verb = re.fullmatch(r"# ([A-Z][a-z]+) .+", title)[1]
    assert verb not in ("The", "A", "An", "How", "What", "Why") and not verb.endswith(("ing", "s"))
    assert re.search(r"\b\d+ minutes\b", "\n".join(rest))
    for opening in ("**You will**", "**You will learn**", "You need"):
        assert opening in first.source


@each_notebook
def test_a_lesson_asks_for_predictions(path):
    assert any("predict(" in cell.source for cell in code(path))


@each_notebook
def test_a_lesson_ends_with_three_questions_that_are_checked(path):
    cells = read(path).cells
    headings = [n for n, cell in enumerate(cells) if cell.cell_type == "markdown" and
                re.match(r"## Three questions", cell.source)]
    assert len(headings) == 1
    after = [cell for cell in cells[headings[0]:] if cell.cell_type == "code"]
    asked = [node for cell in after for node in ast.walk(ast.parse(cell.source))
             if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ask"]
    assert len(asked) == 3
    assert "## Take away" in "\n".join(cell.source for cell in cells[:headings[0]])


@each_notebook
def test_no_widget_is_kept(path):
    kinds = {kind for output in outputs(path) for kind in output.get("data", {})}
    assert not any("widget" in kind for kind in kinds)
    assert "widgets" not in read(path).metadata


@each_notebook
def test_every_picture_has_alt_text(path):
    for output in outputs(path):
        data = output.get("data", {})
        assert not any(kind.startswith("image/") for kind in data)   # they could have none
        for tag, attributes in Tags(data.get("text/html", "")).found:
            if tag == "img":
                assert len(attributes["alt"]) > 20 or attributes["class"] == "chart-dark"
                head = base64.b64decode(attributes["src"].removeprefix("data:image/png;base64,")[:16])
                assert head.startswith(b"\x89PNG")


@each_notebook
def test_every_output_has_a_plain_form(path):
    for output in outputs(path):
        if "data" in output:
            assert "text/plain" in output.data


@each_notebook
def test_links_between_lessons_lead_somewhere(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for link in re.findall(r"\]\((?!https?:|#)([^)\s#]+)", cell.source):
                assert (path.parent / link).exists(), link


@each_notebook
def test_a_link_to_a_lesson_or_an_exercise_names_it_as_it_names_itself(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for words, link in re.findall(r"\[([^\]]+)\]\((?!https?:|#)([^)\s#]+\.ipynb)\)", cell.source):
                title = read(path.parent / link).cells[0].source.partition("\n")[0].lstrip("# ")
                number = Path(link).name[:2]
                assert words.casefold() in (f"lesson {number}", f"{number}: {title}".casefold(), title.casefold()), words


def test_the_way_on_leads_through_every_lesson():
    ways = [read(path).cells[-1].source for path in NOTEBOOKS]
    for before, after in zip(ways, NOTEBOOKS[1:]):
        assert f"]({after.name})" in before


@each_notebook
def test_apps_that_a_lesson_builds_are_there(path):
    apps = ROOT / "notebooks" / "apps"
    for cell in code(path):
        for node in ast.walk(ast.parse(cell.source)):
            if (isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("build", "show")
                    and isinstance(node.args[0], ast.Constant)):   # else a folder that the lesson made
                words = [word.value for word in node.args if isinstance(word, ast.Constant)]
                given = any(each.arg == "text" for each in node.keywords)    # the Dockerfile
                assert (apps / words[0] / (words[1] if len(words) > 1 else "" if given else "Dockerfile")).exists()


# Of an image, not of this machine: users that images have, where npm looks for its settings, and Go keeps what it compiled;
# the files of a process.
MACHINE = re.compile(r"(?<!/proc/1)/root/(?!\.npmrc\b|\.cache/go-build\b)|/home/(?!jovyan\b|nonroot\b)|" + re.escape(str(ROOT)) + r"\b")


@each_notebook
def test_no_output_names_a_folder_of_this_machine(path):
    told = [match.string[match.start():match.end() + 40]
            for text in map(text_of, outputs(path)) for match in MACHINE.finditer(text.replace("<wbr>", ""))]
    assert told == []


@cache
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name.decode() for name in listed.split(b"\0") if name]


def test_no_tracked_file_names_the_folder_of_this_checkout():
    named = []
    for path in tracked():
        if path.is_file() and str(ROOT).encode() + b"/" in path.read_bytes():
            named.append(path.relative_to(ROOT).as_posix())
    assert named == []


def test_no_large_file_is_tracked():
    assert [path.name for path in tracked() if path.is_file() and path.stat().st_size > 2_000_000] == []
