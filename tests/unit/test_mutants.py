"""The faults that `make mutants` puts into the helpers: what they are, and that they are found and judged."""

import ast
import json
import shutil

import pytest

from tests import mutants

SOURCE = '''class Weights:
    """Of é."""

    def heaviest(self, limit):
        if limit:
            return [each for each in self.found if each > 10 and each <= limit]
        self.count += 1
        return f"{limit + 1}"
'''


def faults(source):
    (_, function), = mutants.functions(ast.parse(source))
    return {(ast.unparse(node), mutants.changed(node)) for statement in mutants.statements(function) for node in mutants.nodes(statement)}


def test_each_part_of_a_function_has_its_faults():
    assert {pair for pair in faults(SOURCE) if pair[1]} == {
        ("each > 10 and each <= limit", "each > 10 or each <= limit"), ("each > 10", "each >= 10"), ("each <= limit", "each < limit"),
        ("10", "11"), ("return [each for each in self.found if each > 10 and each <= limit]", "return None"),
        ("self.count += 1", "pass"), ("1", "2"), ("return f'{limit + 1}'", "return None")}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "weights.py").write_text(SOURCE)
    return tmp_path


def test_a_fault_is_found_where_its_lines_and_its_module_have_moved(tree):
    fault, = (fault for fault, _ in mutants.every(tree) if fault["before"] == "each > 10")
    assert fault["module"] == "helpers/weights.py" and fault["function"] == "Weights.heaviest"
    (tree / "helpers" / "weights.py").unlink()
    (tree / "helpers" / "sizes.py").write_text("LIMIT = 3\n\n" + SOURCE)
    module, node = mutants.locate(fault, mutants.index(tree))
    assert (module, node.lineno) == ("helpers/sizes.py", 8)
    (tree / "helpers" / "sizes.py").write_text(SOURCE.replace("10", "20"))
    assert mutants.locate(fault, mutants.index(tree)) is None


def test_a_fault_is_put_where_its_node_is_also_behind_letters_of_many_bytes():
    source = "def f():\n    return ('é', 1 < 2)\n"
    node = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare))
    assert mutants.mutated(source, node, "1 <= 2") == "def f():\n    return ('é', (1 <= 2))\n"


def test_a_module_that_reports_its_places_does_the_same_as_before(monkeypatch):
    (_, function), = mutants.functions(ast.parse(SOURCE))
    nodes = [node for statement in mutants.statements(function) for node in mutants.nodes(statement) if mutants.changed(node)]
    reached, ran = [], {}
    monkeypatch.setattr("builtins.reached", reached.append, raising=False)
    exec(mutants.reporting(SOURCE, dict(enumerate(nodes))), ran)
    weights = ran["Weights"]()
    weights.found, weights.count = [9, 11, 12], 3
    assert weights.heaviest(11) == [11] and weights.heaviest(0) == "1" and weights.count == 4
    assert {ast.unparse(nodes[number]) for number in reached} == {before for before, after in faults(SOURCE) if after}
    monkeypatch.delattr("builtins.reached")
    assert weights.heaviest(12) == [11, 12]


@pytest.mark.parametrize("test, by", [("assert larger(2, 1)", ""), ("assert not larger(1, 1)", "tests/test_larger.py::test_it")])
def test_a_fault_survives_tests_that_do_not_notice_it(tree, monkeypatch, test, by):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(mutants, "PLUGINS", ["-p", "xdist"])
    (tree / "helpers" / "weights.py").write_text("def larger(a, b):\n    return a > b\n")
    (tree / "tests").mkdir()
    (tree / "tests" / "test_larger.py").write_text(f"from helpers.weights import larger\ndef test_it():\n    {test}\n")
    fault, = (fault for fault, _ in mutants.every(tree) if fault["after"] == "a >= b")
    place = mutants.locate(fault, mutants.index(tree))
    assert mutants.judge(tree, fault, place, {"tests/test_larger.py::test_it"}) == by


def test_the_sample_has_faults_of_every_package():
    sample = json.loads(mutants.SAMPLE.read_text())
    packages = {path.name for path in (mutants.ROOT / "helpers").iterdir() if (path / "__init__.py").exists()}
    assert len(sample) >= 60 and packages <= {fault["module"].split("/")[1] for fault in sample}


def test_a_test_that_reaches_a_place_in_a_process_that_it_starts_is_recorded_too(tree, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(mutants, "PLUGINS", ["-p", "xdist"])
    monkeypatch.setattr(mutants, "JOBS", 0)
    (tree / "tests").mkdir()
    shutil.copy(mutants.__file__, tree / "tests")
    weigh = "from helpers.weights import Weights\nit = Weights()\nit.count = 0\nit.heaviest(0)"
    (tree / "tests" / "test_weights.py").write_text(
        f"import subprocess, sys\ndef test_here(): exec({weigh!r})\ndef test_neither(): pass\n"
        f"def test_there(): assert not subprocess.run([sys.executable, '-c', {weigh!r}]).returncode\n")
    places = [(module, node) for (*_, before, after), ((module, node),) in mutants.index(tree).items() if after == "return None"]
    reached, failed = mutants.record(tree, ["tests/test_weights.py"], places)
    assert (failed, sorted(map(len, reached))) == (set(), [0, 2])
    assert max(reached, key=len) == {f"tests/test_weights.py::test_{where}" for where in ("here", "there")}


def test_without_a_record_of_the_lines_no_fault_is_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "run", lambda *words, **variables: (2, "ImportError: no module named x"))
    with pytest.raises(SystemExit, match="without a record(.|\n)*no module named x"):
        mutants.record(tmp_path, ["tests/unit"], [None])


@pytest.mark.nightly    # all of the helpers are taken apart for it
def test_nine_in_ten_faults_of_the_sample_have_their_code_still():
    sample, found = json.loads(mutants.SAMPLE.read_text()), mutants.index(mutants.ROOT)
    gone = [fault for fault in sample if mutants.locate(fault, found) is None]
    assert len(gone) <= len(sample) / 10, gone
