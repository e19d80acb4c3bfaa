"""What --fix keeps, reverts and writes, without an engine."""

import contextlib
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from helpers import cli
from helpers import report as reports
from helpers.errors import BuildFailed, CourseError
from helpers.image import Start
from helpers.report import fixing
from helpers.report.fixing import Behaviour, difference, is_steady
from helpers.views.report import fixed_text
from tests.unit.cases import STATIC, case
from tests.unit.report.test_views import reported

ONE = Behaviour(0, ("hi", "at 10:00"))
TWO = Behaviour(0, ("hi", "at 10:01"))
SERVER = Behaviour(None, answer=(200, b"page"))


@pytest.mark.parametrize("again, after, said", [
    (TWO, Behaviour(0, ("hi", "at 10:02")), ""), (ONE, ONE, ""), (ONE, TWO, "prints 'at 10:01', but the original 'at 10:00'"),
    (TWO, Behaviour(0, ("ho", "at 10:02")), "prints 'ho', but the original 'hi'"),
    (TWO, Behaviour(0, ("hi",)), "prints 1 line, but the original 2"),
    (TWO, Behaviour(1, ONE.output), "ends with exit code 1, but the original ends with exit code 0"),
    (TWO, Behaviour(None, ONE.output), "still running"), (TWO, Behaviour(None, error="no program"), "no program"),
    (Behaviour(1), ONE, "differently each time"), (Behaviour(0, ("hi",)), ONE, "differently each time")])
def test_how_the_behaviour_of_a_program_differs(again, after, said):
    found = difference(ONE, again, after)
    assert said in found and bool(found) == bool(said)


@pytest.mark.parametrize("again, after, same", [
    (SERVER, SERVER, True), (SERVER, replace(SERVER, answer=(200, b"other")), False),
    (SERVER, replace(SERVER, answer=(500, b"page")), False), (SERVER, Behaviour(), False),
    (replace(SERVER, answer=(200, b"later")), replace(SERVER, answer=(200, b"other")), True),   # it has the time in it
])
def test_how_the_answer_of_a_server_differs(again, after, same):
    assert (difference(SERVER, again, after) == "") == same
    assert is_steady(SERVER, again)


BEFORE = 'FROM a\nFROM base:1\nCOPY --from=0 /src/app /app\nCMD ["/app"]\n'


def made(text, files=()):
    own = [("COPY /src/app /app", [("app", STATIC, 0o755), *files])]
    report = reported(text, base=[("etc/os-release", b"")], own=own)
    start = Start(("/app",), user="65532" if "USER" in text else "")
    return replace(report, context=case(text, base=[("etc/os-release", b"")], own=own, start=start))


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """--fix on BEFORE, where the engine is not asked; a text may fail to build or behave otherwise."""
    does = {"builds": made, "behaves": lambda text: ONE}
    texts = {}

    def report(folder, text, **_):
        found = does["builds"](text)
        texts[found.result.image] = text
        return found

    monkeypatch.setattr(fixing, "report", report)
    monkeypatch.setattr(fixing, "start", lambda image, engine: None)
    monkeypatch.setattr(fixing, "observe", lambda image, start, engine: does["behaves"](texts.get(image, BEFORE)))

    class Api:
        def remove_image(self, *_, **__): ...

    engine = SimpleNamespace(client=SimpleNamespace(api=Api()), translate_errors=lambda _: contextlib.nullcontext())

    def fix(**changes):
        does.update(changes)
        return fixing.fix(made(BEFORE), tmp_path, engine=engine)

    return SimpleNamespace(fix=fix, file=tmp_path / "Dockerfile.fixed")


def test_a_change_that_behaves_the_same_is_kept_and_written(tried):
    fixed = tried.fix()
    assert [(each.rule, each.refused) for each in fixed.changes] == [("stage-number", ""), ("root-user", "")]
    text = tried.file.read_text()
    assert text.startswith("# Written by") and "FROM a AS builder\n" in text and "--from=builder" in text
    assert "USER 65532\nCMD" in text and fixed.file == tried.file
    tried.fix()     # its own file may be written again
    assert tried.file.read_text() == text


@pytest.mark.parametrize("changes, said", [
    ({"behaves": lambda text: TWO if "USER" in text else ONE}, "prints 'at 10:01'"),
    ({"builds": lambda text: made(text, [("more", b"x")] if "USER" in text else [])}, "/more is in one image only"),
])
def test_a_change_that_behaves_differently_is_reverted(tried, changes, said):
    fixed = tried.fix(**changes)
    assert [(each.rule, bool(each.refused)) for each in fixed.changes] == [("stage-number", False), ("root-user", True)]
    assert said in fixed.changes[1].refused
    assert "USER" not in tried.file.read_text() and "--from=builder" in tried.file.read_text()
    assert "✘ not changed" in fixed_text(fixed) and "✔ changed" in fixed_text(fixed)
    assert [each["kept"] for each in json.loads(json.dumps(fixed.facts()))["changes"]] == [True, False]


def test_a_change_that_does_not_build_is_reverted(tried):
    def fails(text):
        raise BuildFailed("no", line=3)

    fixed = tried.fix(builds=fails)
    assert {each.refused for each in fixed.changes} == {"the build fails in line 3"}
    assert fixed.file is None and not tried.file.exists()
    assert "Nothing was changed" in fixed_text(fixed)


def test_the_file_of_an_unsteady_program_is_not_changed(tried):
    turns = iter(range(100))
    assert tried.fix(behaves=lambda text: Behaviour(next(turns))).changes == ()
    assert not tried.file.exists()


def test_what_cannot_be_started_is_not_changed(tried):
    assert tried.fix(behaves=lambda text: Behaviour(error="no such program")).changes == ()
    assert not tried.file.exists()


@pytest.mark.parametrize("done, said", [(ONE, "ends with exit code 0"), (Behaviour(), "still running after 10 s"),
                                        (SERVER, "answers with status 200")])
def test_what_was_compared_is_said(tried, done, said):
    assert said in fixed_text(tried.fix(behaves=lambda text: done))


def test_a_file_of_the_user_is_not_overwritten(tried, monkeypatch, capsys):
    tried.file.write_text("FROM mine\n")
    with pytest.raises(CourseError, match="already exists"):
        tried.fix()
    monkeypatch.setattr(reports, "report", lambda *_, **__: pytest.fail("it was built first"))
    assert cli.main(["report", str(tried.file.parent), "--fix"]) == 1
    assert tried.file.read_text() == "FROM mine\n" and "already exists" in capsys.readouterr().err


def test_the_command_prints_what_was_fixed_in_words_and_as_json(tried, monkeypatch, capsys):
    fixed = tried.fix()
    tried.file.unlink()
    monkeypatch.setattr(reports, "report", lambda *_, **__: fixed.reports[0])
    monkeypatch.setattr(reports, "fix", lambda before, folder, **_: fixed)
    assert cli.main(["report", str(tried.file.parent), "--fix", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)["fix"]
    assert facts == json.loads(json.dumps(fixed.facts())) and facts["file"] == str(tried.file)
    assert {"unpacked", "tools", "packages", "build_seconds", "start_seconds"} == set(facts["before"])
    assert cli.main(["report", str(tried.file.parent), "--fix"]) == 0
    assert f"Written: {tried.file}" in capsys.readouterr().out


def test_what_a_change_leaves_out_is_reported_by_line_and_in_the_file(tmp_path):
    text = 'FROM a AS b\nFROM base:1\nCOPY data /srv\nCOPY --from=b /app /app\nCMD ["/app"]\n'
    own = [("COPY data /srv", [("srv/certs", b"x" * 3_000), ("srv/sampler", b"y" * 5_000),
                               ("root/.cache/pip/a", b"z")]), ("COPY /app /app", [("app", STATIC, 0o755)])]
    before, after = (replace(reported(text, own=files), context=case(text, own=files)) for files in (own, own[1:]))
    left, = fixing._left(before, after)
    assert left == "Left out, as the program starts without it: /srv/sampler, /srv/certs, added by line 3 (8.00 kB)."
    assert fixing._left(before, before) == ()
    more = Start(("/app",), {"PATH": "/bin", "LANG": "C", "GOPATH": "/go"})
    before = replace(before, context=replace(before.context, start=more))
    assert fixing._left(before, after)[1:] == (
        "Left out, as the program starts without it: the base's variables GOPATH, LANG, PATH.",)
    change = fixing.Change("large-base", 2, "Enough.", left=(left,))
    assert change.facts()["left"] == [left]
    assert f"      {left}\n" in fixed_text(fixing.Fixed(tmp_path, (change,), (before, after), (ONE, ONE)))
    assert fixing._marked(text, [change]).splitlines()[1:3] == [f"# {left}", "FROM a AS b"]


def test_directives_stay_at_the_top():
    assert fixing._marked("# syntax=docker/dockerfile:1\nFROM a\n").splitlines()[0] == "# syntax=docker/dockerfile:1"
