"""One way out for text that somebody else chose: to a terminal, to a page, to JSON."""

import ast
import contextlib
import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from helpers import cli, dockerfile
from helpers.builder import BuildResult
from helpers.builder.snapshot import Snapshot
from helpers.errors import BuildFailed, CourseError
from helpers.image.diff import Twins
from helpers.lint import Finding
from helpers.report.model import Finding as Reported
from helpers.text import escape, printable, sendable, shown, write, write_json
from helpers.views.lesson import Attributes, Listing
from helpers.views.lint import Linted
from helpers.widgets.live import LiveBuild

HELPERS = Path(__file__).resolve().parents[2] / "helpers"
HOSTILE = "a\x1b[2Jb\rc\x07\x9bd\u202ee\u2028f\udcffg"
ESCAPED = r"a\x1b[2Jb\rc\x07\x9bd\u202ee\u2028f\xffg"


@pytest.mark.parametrize("text, fit", [
    ("", ""), ("plain", "plain"), ("a\nb\tc", "a\nb\tc"), ("größer 日本 😀\u00a0€", "größer 日本 😀\u00a0€"),
    (HOSTILE, ESCAPED), ("\0", r"\x00"), ("\x7f", r"\x7f"), ("\ud800", r"\ud800"), ("\x85", r"\x85")])
def test_text_is_shown_with_its_lines_and_without_what_a_terminal_acts_on(text, fit):
    assert shown(text) == fit
    assert escape(text) == fit


def test_a_name_is_shown_in_one_line():
    assert printable("a\nb\tc\udcff\x1b") == r"a\nb\tc\xff\x1b"
    assert printable("größer 日本") == "größer 日本"


def test_what_html_takes_for_markup_is_escaped_too():
    assert escape("<b title='x'>&\x1b</b>") == r"&lt;b title=&#x27;x&#x27;&gt;&amp;\x1b&lt;/b&gt;"
    assert escape("'", quote=False) == "'"


@pytest.mark.parametrize("value, sent", [
    ("caf\udce9", r"caf\xe9"), ({"k\udcff": ["\udcff", ("\udcff",)]}, {r"k\xff": [r"\xff", [r"\xff"]]}),
    ([1, 2.5, None, True], [1, 2.5, None, True]), ("\x1b€😀\x7f", "\x1b€😀\x7f")])
def test_json_has_no_lone_surrogates(value, sent):
    assert sendable(value) == sent
    out = stream("ascii")
    write_json(value, out)
    assert json.loads(out.buffer.getvalue()) == sent and b"\x7f" not in out.buffer.getvalue()


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")


@pytest.mark.parametrize("encoding, written", [
    ("utf-8", "é→" + ESCAPED), ("ascii", r"\xe9\u2192" + ESCAPED), ("latin-1", "é" + r"\u2192" + ESCAPED)])
def test_a_strict_terminal_gets_what_it_has_characters_for(encoding, written):
    out = stream(encoding)
    write("é→" + HOSTILE, out)
    assert out.buffer.getvalue().decode(encoding) == written + "\n"


def test_a_terminal_without_an_encoding_gets_all():
    out = io.StringIO()
    write("é", out)
    assert out.getvalue() == "é\n"


def test_an_error_shows_no_control_characters():
    error = CourseError("what \x1b[1m", why="why \udcff", remedy="do \r", evidence="    line\n\x1b]0;title\x07")
    assert str(error) == "what \\x1b[1m\nWhy: why \\xff\nWhat to do: do \\r\n    line\n\\x1b]0;title\\x07"


def on_a_strict_terminal(act) -> tuple[str, str]:
    """What `act` writes to standard output and standard error."""
    out, err = stream("utf-8"), stream("utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        act()
    return out.buffer.getvalue().decode(), err.buffer.getvalue().decode()


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("data", [
    b'FROM a\nRUN echo "d\xe9j\xe0"\nNOSUCH \xff\x1b[2J\n', b"FROM a\x1b[2J\xff AS b\nFROM b\n", b"FROM a\nCOPY --from=\x1b\xe9 x y\n",
    b"RUM \xe9\x07\n", b"FROM a AS \xe9\n", b"F\0R\0O\0M\0"])
def test_a_dockerfile_of_any_bytes_is_shown_on_a_strict_terminal(tmp_path, data, as_json):
    (tmp_path / "Dockerfile").write_bytes(data)
    out, err = on_a_strict_terminal(lambda: cli.main(["graph", str(tmp_path)] + ["--json"] * as_json))
    assert not re.search("[\x00-\x08\x0b-\x1f]", out + err)
    assert not as_json or json.loads(out)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_whose_name_is_no_utf_8(tmp_path, as_json):
    out, err = on_a_strict_terminal(lambda: cli.main(["graph", str(tmp_path), "-f", "Docker\udcfffile"] + ["--json"] * as_json))
    assert r"There is no Docker\xfffile" in err
    assert not as_json or r"Docker\xfffile" in json.loads(out)["error"]["message"]


def test_a_failed_build_is_shown_on_a_strict_terminal():
    options = cli._parser().parse_args(["build", ".", "--json"])
    error = BuildFailed('The build failed: RUN echo "d\udce9j\udce0"', line=2, evidence="    \x1b[1m\udce9")
    out, err = on_a_strict_terminal(lambda: cli.output.print_error(options, error))
    assert json.loads(out)["error"]["message"] == r'The build failed: RUN echo "d\xe9j\xe0"'
    assert r"\xe9j\xe0" in err and r"\x1b[1m\xe9" in err


class FakeResult(NamedTuple):
    steps: tuple

    def __str__(self) -> str:
        return "result \udcff"


def test_a_build_is_watched_on_a_strict_terminal():
    step = SimpleNamespace(key="k", stage="a", status="done", instruction="RUN \x1b[2J\udcff", seconds=1.0)
    out, err = on_a_strict_terminal(lambda: LiveBuild(sys.stderr).finish(FakeResult((step,))))
    assert (out, r"RUN \x1b[2J\xff" in err, r"result \xff" in err) == ("", True, True)


def calls(path: Path) -> list[str]:
    """What a file calls, as it is written there."""
    return [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


# What runs in a process of its own and speaks to another program.
SPEAKS_TO_PROGRAMS = ("engine/podman/launcher.py", "engine/proot/")


def test_nothing_goes_past_the_one_way_out():
    ways = {"print", "html.escape", "sys.stdout.write", "sys.stderr.write"}
    named = {path.relative_to(HELPERS).as_posix(): path for path in HELPERS.rglob("*.py")}
    assert [here for here, path in named.items() if here != "text.py" and not here.startswith(SPEAKS_TO_PROGRAMS)
            and ways & set(calls(path))] == []


BYTE = "\udcff"


def _objects():
    read = dockerfile.parse(f"FROM python:3.12 AS b\nRUN --mount=type=cache,target=/c{BYTE} x\n# A {BYTE}\nARG A={BYTE}\n"
                            f"FROM scratch\nCOPY --from=b /c{BYTE}/y /\n")
    problem, = dockerfile.problems(read)
    found = Finding(1, "R", "warning", BYTE)
    entry = SimpleNamespace(name=BYTE, target=BYTE, is_link=True, is_dir=False)
    snapshot = Snapshot("x", SimpleNamespace(read_dir=lambda path: (entry,)))
    return {
        "problem": problem, "outline": dockerfile.outline(read, "b"), "lint": found, "linted": Linted("x", BYTE, [found]),
        "report": Reported("secret", "low", 1, BYTE, "", ""), "snapshot": snapshot.tree(),
        "build": BuildResult("sha256:0", "t", "buildkit", 1.0, (), (), (), None, read, None, warnings=(found,)),
        "twins": Twins(((BYTE, "differs"),), (), False, False), "file": Listing("x", BYTE),
        "attributes": tuple.__new__(Attributes, [(BYTE, "-rw-r--r--", "0:0", "")])}


@pytest.mark.parametrize("name", _objects())
def test_a_byte_that_is_no_utf_8_does_not_keep_an_object_from_being_printed(name):
    made = _objects()[name]
    for text in {str(made), repr(made)}:
        assert r"\xff" in text or r"\udcff" in text
        print(text, file=stream("utf-8"))
