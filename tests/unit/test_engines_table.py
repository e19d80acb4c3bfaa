"""The table of engines: what is counted, what is said, and where it goes."""

import gzip
import io
import re
import tarfile

import pytest
import yaml
from _pytest.mark.expression import Expression

from helpers.checks import names
from helpers.limits import held
from helpers.units import size
from tests.engines import daemon, kinds, lessons, rootfs, stock, suite, table, test_others
from tests.engines.kinds import KINDS
from tests.engines.suite import Outcome
from tests.engines.table import Row
from tests.exercises import table as rungs_table
from tests.exercises.rungs import RUNGS

REPORT = """<?xml version="1.0"?><testsuites><testsuite name="pytest">
<testcase classname="tests.engine.test_build" name="test_one" time="0.1"/>
<testcase classname="tests.engine.test_build" name="test_two[legacy]" time="0.1">
  <skipped type="pytest.skip" message="no legacy here">tests/engine/test_build.py:30: no legacy here</skipped></testcase>
<testcase classname="tests.engine.test_cache" name="test_three" time="0.1">
  <failure message="assert 2 == 4&#10;more">text</failure></testcase>
<testcase classname="tests.engines.agreement" name="test_four" time="0.1"><error message="failed on setup">text</error></testcase>
</testsuite></testsuites>"""
PASSED, SKIPPED = Outcome("test_build", "test_one", "passed"), Outcome("test_build", "test_two[legacy]", "skipped", "no legacy here")
FAILED = Outcome("test_cache", "test_three", "failed", "assert 2 == 4\nmore")


def test_a_report_is_read():
    assert suite.read(REPORT) == (PASSED, SKIPPED, FAILED, Outcome("agreement", "test_four", "failed", "failed on setup"))


@pytest.mark.parametrize("outcomes, said", [
    ([], "-"), ([PASSED], "1"), ([PASSED, PASSED], "2"), ([PASSED, SKIPPED], "1 of 2"), ([SKIPPED], "not there"),
    ([PASSED, SKIPPED, FAILED], "1 of 3 failed")])
def test_a_cell_says_what_passed_and_hides_no_failure(outcomes, said):
    assert table.cell(outcomes) == said


def test_the_table_has_a_row_an_engine_and_its_reasons():
    rows = [Row("One 1.0", "2001-02-03", (PASSED, SKIPPED, SKIPPED)),
            Row("Two", "2001-02-04", absent="it cannot be had")]
    lines = table.written(rows).splitlines()
    head, _, one, two = (line.strip("| ").split(" | ") for line in lines[:4])
    assert one[:2] == ["One 1.0", "2001-02-03"] and one[head.index("builds")] == "1 of 3, in part" and one[head.index("cache")] == "-"
    assert two[2] == "not tested: it cannot be had"
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == lines[3].count("|")
    assert lines[-1] == "- One 1.0: no legacy here (2)"


def test_a_cell_is_in_part_until_all_its_files_were_run():
    every = [Outcome(file, "test", "passed") for file in table.FEATURES["containers"]]
    told = [table.written([Row("One", "today", tuple(outcomes))]) for outcomes in (every[:1], every)]
    assert "| 1, in part |" in told[0] and "in part" not in told[1] and f"| {len(every)} |" in told[1]


def test_each_file_of_the_suite_is_in_the_table_once():
    listed = [file for files in table.FEATURES.values() for file in files]
    assert sorted(listed) == sorted(path.rpartition("/")[2].removesuffix(".py") for path in suite.everything())


def test_failures_are_told_with_their_engine():
    assert table.failures([Row("One", "", (PASSED, SKIPPED, FAILED))]) == ["One: test_cache::test_three: assert 2 == 4"]


def test_the_table_takes_the_place_of_the_last_one():
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    once = table.placed(text, "| new |\n")
    assert once == f"before\n{table.BEGIN}\n| new |\n{table.END}\nafter\n" == table.placed(once, "| new |\n")
    with pytest.raises(ValueError):
        table.placed("no place", "| new |\n")


def test_what_was_tested_on_another_machine_stays_in_the_table():
    old = table.written([Row("B 1", "2001-02-03", (PASSED, SKIPPED)), Row("A 2", "2001-02-03", (SKIPPED,))])
    new = table.written([Row("A 2", "2001-02-09", (PASSED,)), Row("C 3", "2001-02-09", (PASSED, SKIPPED))])
    merged = table.merged(old, new).splitlines()
    assert [line.split(" | ")[:2] for line in merged[2:5]] == [
        ["| A 2", "2001-02-09"], ["| B 1", "2001-02-03"], ["| C 3", "2001-02-09"]]
    assert sorted(merged[-2:]) == ["- B 1: no legacy here (1)", "- C 3: no legacy here (1)"]   # of A it is no longer true
    text = table.placed(f"x\n{table.BEGIN}\n{table.END}\ny\n", old)
    assert table.there(text) == old and table.merged(old, old) == table.merged("", old)


def test_an_exercise_on_a_rung_keeps_what_another_machine_showed():
    def kept(date, *outcomes):
        return {"date": date, "outcomes": [vars(each) for each in outcomes]}
    rungs, there = ("low", "high"), {"01-a": 2, "02-b": 2}
    old = rungs_table.written({"01-a": {"low": kept("d1", PASSED, SKIPPED), "high": kept("d1", PASSED, PASSED)},
                               "02-b": {"low": kept("d1", SKIPPED)}}, there, rungs)
    new = rungs_table.written({"01-a": {"high": kept("d2", PASSED)}, "02-b": {"low": kept("d2", PASSED, PASSED)}}, there, rungs)
    merged = rungs_table.merged(old, new, rungs).splitlines()
    assert merged[2:4] == ["| 01-a | 2 | 1 of 2, 1 not judged, d1 | 1 of 2, d2 |", "| 02-b | 2 | 2, d2 | - |"]
    assert [line for line in merged if line.startswith("- ")] == ["- 01-a on low: no legacy here (1)"]


def test_the_readme_has_a_place_for_it():
    assert table.placed(table.DOCS.read_text(), "x")


def test_a_cell_that_was_shown_as_recorded_is_known():
    assert lessons.recorded([{"metadata": {}}, {"metadata": {"multistage.recorded": True}}])
    assert not lessons.recorded([]) and not lessons.recorded([{"output_type": "stream"}, {"metadata": {}}])


def test_kinds_are_known_by_their_names():
    assert [kinds.find(kind.key) for kind in kinds.KINDS] == list(kinds.KINDS)
    with pytest.raises(KeyError, match="docker-bookworm"):
        kinds.find("docker-1.0")


@pytest.fixture
def data(tmp_path):
    place = tmp_path / "data"
    place.mkdir()
    (place / "image").write_text("an image")
    return place


def test_data_are_put_by_and_taken_again_once(data, tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, "_ROOM", 0)
    store = tmp_path / "kind-store" / "1.0"
    heard, large = [], size(held(data))
    daemon.put_by(data, store, heard.append)
    assert not data.exists() and f" {large} " in heard[0] and str(store) in heard[0]
    daemon.take(store, data)
    assert (data / "image").read_text() == "an image" and not store.parent.exists()


def test_another_version_begins_anew(data, tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, "_ROOM", 0)
    daemon.put_by(data, tmp_path / "kind-store" / "1.0", print)
    daemon.take(tmp_path / "kind-store" / "1.1", data)
    assert not data.exists() and not (tmp_path / "kind-store").exists()


def test_nothing_is_put_by_where_there_is_no_room(data, tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, "_ROOM", 10**18)
    daemon.put_by(data, tmp_path / "kind-store" / "1.0", print)
    assert data.exists() and not (tmp_path / "kind-store").exists()


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder of engines, in which two kinds have data for the next run."""
    monkeypatch.setattr(rootfs, "folder", lambda: tmp_path)
    for place in ("docker-sid-store/1.0", "podman-sid-store/2.0", "sid-root"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "file").write_bytes(bytes(10_000))
    return tmp_path


def test_a_purge_deletes_what_is_kept_and_reports_how_large_it_was(kept):
    heard, large = [], size(held(kept / "sid-root"))
    assert daemon.purge(heard.append) and large != "0 B"
    assert heard == [f"Removed {what}: {large}." for what in (
        "the engine docker-sid", "the engine podman-sid", "the root file system sid-root")]
    assert not [*kept.glob("*-store"), *kept.glob("*-root")]


def test_a_purge_leaves_an_engine_that_is_in_use_and_what_it_runs_on(kept):
    heard = []
    with daemon._locked(kinds.find("docker-sid")):
        assert not daemon.purge(heard.append)
    assert heard[0] == "The engine docker-sid is in use and stays." and len(heard) == 2
    assert sorted(each.name for each in kept.iterdir() if each.is_dir()) == ["docker-sid-store", "sid-root"]


def test_what_the_user_set_for_pytest_is_not_passed_on(monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no-such-plugin")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    assert [name for name in suite.environment(X="1") if name.startswith("PYTEST_")] == []
    assert suite.environment(X="1")["X"] == "1" and suite.environment(PATH="/x")["PATH"] == "/x"


def test_the_nightly_workflow_runs_every_engine_and_every_exercise_below_it():
    jobs = yaml.safe_load((suite.ROOT / ".github/workflows/nightly.yml").read_text())["jobs"]["part"]
    commands = [each["run"] for each in jobs["strategy"]["matrix"]["include"]]
    assert {kind.key for kind in KINDS} == {word for line in commands for word in re.findall(r"KINDS=(\S+)", line)}
    assert set(RUNGS) - {"buildkit"} == {word for line in commands for word in re.findall(r"RUNG=(\S+)", line)}
    tried = {number for line in commands for numbers in re.findall(r'EXERCISE="([\d ]+)"', line) for number in numbers.split()}
    assert tried == {name[:2] for name in names()}
    groups = {word for line in commands for word in re.findall(r"tests/\w+|notebooks", line)}
    assert groups >= {f"tests/{path.parent.name}" for path in suite.ROOT.glob("tests/*/test_*.py")} | {"notebooks"}
    chosen = [Expression.compile(words) for line in commands for words in re.findall(r"tests/exercises -k '(.*)'", line)]
    assert {name: sum(each.evaluate(lambda word: word in name) for each in chosen) for name in names()} == dict.fromkeys(names(), 1)    # noqa: B023  evaluated at once
    assert jobs["timeout-minutes"] <= 45 and len({each["name"] for each in jobs["strategy"]["matrix"]["include"]}) == len(commands)


def test_the_nightly_workflow_keeps_the_tables_of_every_job():
    kept = yaml.safe_load((suite.ROOT / ".github/workflows/nightly.yml").read_text())["jobs"]["part"]["steps"][-1]
    assert kept["uses"].startswith("actions/upload-artifact@") and kept["if"] == "always()"
    assert suite.ROOT / kept["with"]["path"] == table.DOCS and "job-index" in kept["with"]["name"]


def test_the_tests_that_another_engine_runs_are_there():
    for name in {*test_others.QUICK, *test_others.TELLING, *test_others.OF_DOCKER, *test_others.OF_PODMAN}:
        file, _, test = name.partition("::")
        assert f"def {test}(" in (suite.ROOT / file).read_text() if test else (suite.ROOT / file).exists(), name


def test_base_images_are_handed_on_with_their_layers_in_gzip():
    saved, layer = io.BytesIO(), b"x" * 5000
    with tarfile.open(fileobj=saved, mode="w") as whole:
        for name, content in (("manifest.json", b"[]"), ("1/layer.tar", layer), ("blobs/sha256/1", layer)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            whole.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("2/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../1/layer.tar"
        whole.addfile(link)
    saved.seek(0)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stock.in_gzip(saved)))) as whole:
        found = {member.name: whole.extractfile(member).read() for member in whole if member.isreg()}
        assert whole.getmember("2/layer.tar").linkname == "../1/layer.tar"
    assert gzip.decompress(found["1/layer.tar"]) == found["blobs/sha256/1"] == layer
    assert found["manifest.json"] == b"[]" and len(found["1/layer.tar"]) < len(layer)
