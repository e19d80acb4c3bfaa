"""Whether the tests see what the code does: small faults put into helpers/, one at a time.

    python -m tests.mutants                        the kept sample, tests/mutants.json, against the unit tests
    python -m tests.mutants --with tests/engine    what survives, then against these too
    python -m tests.mutants --tree FOLDER          the same faults in another version of the course
    python -m tests.mutants --draw 60 [--tree ..]  another sample: code that is alike here and in the other trees

A fault is known by its function, its statement and what is changed, so it is found again when lines or
modules move. Each is put into a copy of its own. Only the tests that run the changed line are asked:
one run under coverage says which. Exit code 1 if a fault survives.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "mutants.json"
RECORD = "MUTANTS_RECORD"      # in the environment: where a run of pytest writes what each test ran
CPU_SECONDS = 600       # of one run: it asks some tests, or has no end
JOBS = 2
FLIPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult}

Fault = dict[str, str]         # module, function, statement, before, after; all but the first two are source text


# -- faults ----------------------------------------------------------------------------

def changed(node: ast.AST) -> str | None:
    """The source of a node with a fault in it."""
    match node:
        case ast.Compare(left, [op], [right]) if type(op) in FLIPS:
            return ast.unparse(ast.Compare(left, [FLIPS[type(op)]()], [right]))
        case ast.BoolOp(op, values):
            return ast.unparse(ast.BoolOp(FLIPS[type(op)](), values))
        case ast.BinOp(left, op, right) if type(op) in FLIPS:
            return ast.unparse(ast.BinOp(left, FLIPS[type(op)](), right))
        case ast.UnaryOp(ast.Not(), operand):
            return ast.unparse(operand)
        case ast.IfExp(test, body, other):
            return ast.unparse(ast.IfExp(test, other, body))
        case ast.Constant(bool(value)):
            return repr(not value)
        case ast.Constant(int(value)):
            return repr(value + 1)
        case ast.Return(value) if value is not None and ast.unparse(value) != "None":
            return "return None"
        case ast.Expr(ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            return "pass"
        case ast.Continue():
            return "break"
    return None


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{inside}{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield name, node
            yield from functions(node, f"{name}.")


def statements(function: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            yield from statements(node)


def nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The statement and the expressions in it; of a compound one, those of its head. Not what is in an
    f-string: Python 3.11 does not say where that is."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, (ast.JoinedStr, ast.Lambda)):
            waiting += [each for each in ast.iter_child_nodes(node) if isinstance(each, (ast.expr, ast.keyword))]


def head(statement: ast.stmt) -> str:
    return ast.unparse(statement).split("\n")[0]


def every(path: Path, module: str) -> Iterator[tuple[Fault, ast.AST]]:
    for name, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
        for statement in statements(function):
            for node in nodes(statement):
                after = changed(node)
                if after is None and node is getattr(statement, "test", None):
                    after = f"not ({ast.unparse(node)})"
                if after is not None:
                    yield {"module": module, "function": name, "statement": head(statement),
                           "before": ast.unparse(node), "after": after}, node


def modules(tree: Path) -> list[str]:
    return [path.relative_to(tree).as_posix() for path in sorted((tree / "helpers").rglob("*.py"))]


def index(tree: Path) -> dict[tuple[str, ...], list[tuple[str, ast.AST]]]:
    """Where each possible fault is: {all of it but the module: [(module, node)]}."""
    found: dict[tuple[str, ...], list[tuple[str, ast.AST]]] = defaultdict(list)
    for module in modules(tree):
        for fault, node in every(tree / module, module):
            found[key(fault)].append((module, node))
    return found


def key(fault: Fault) -> tuple[str, ...]:
    return tuple(fault[part] for part in ("function", "statement", "before", "after"))


def locate(fault: Fault, found: dict) -> tuple[str, ast.AST] | None:
    """The module that it is in now and the node; None where the code is gone. A module that was
    renamed is found by what is in it."""
    places = found.get(key(fault), [])
    return next((place for place in places if place[0] == fault["module"]), places[0] if places else None)


def draw(count: int, trees: Sequence[Path], seed: int = 13) -> list[Fault]:
    """So many faults of code that all trees have, the packages by turns."""
    chance, drawn = random.Random(seed), []
    shared = set.intersection(*({each for each, places in index(tree).items() if len(places) == 1} for tree in trees))
    packages: dict[str, list[Fault]] = defaultdict(list)
    for module in modules(trees[0]):
        found = [fault for fault, _ in every(trees[0] / module, module) if key(fault) in shared]
        found = [fault for fault in found if fault["after"] != "return None" or chance.random() < 0.1]     # else half of all
        packages[module.split("/")[1]] += chance.sample(found, min(len(found), 3))     # of one module not more
    for faults in packages.values():
        chance.shuffle(faults)
    while len(drawn) < count and any(packages.values()):
        drawn += [faults.pop() for faults in packages.values() if faults]
    return drawn[:count]


def mutated(text: str, node: ast.AST, after: str) -> str:
    lines = text.encode().splitlines(keepends=True)      # columns count bytes
    start = sum(map(len, lines[:node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[:node.end_lineno - 1])) + node.end_col_offset
    whole = text.encode()
    middle = after if isinstance(node, ast.stmt) else f"({after})"
    return (whole[:start] + middle.encode() + whole[end:]).decode()


# -- which tests run a line: a plugin of the run that records it ------------------------------

def pytest_configure(config: pytest.Config) -> None:
    if RECORD in os.environ:
        config.pluginmanager.register(_Recorder(), "record-lines")


class _Recorder:
    """Notes for each line of helpers/ the tests, or the files where they are collected, that run it."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.coverage = coverage.Coverage(data_file=None, source=["helpers"], config_file=False)
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        self.coverage.switch_context(collector.nodeid)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_unconfigure(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {Path(file).relative_to(ROOT).as_posix(): {
            str(line): sorted({test.partition("[")[0] for test in tests if ".py" in test})
            for line, tests in data.contexts_by_lineno(file).items()} for file in data.measured_files()}
        Path(os.environ[RECORD], f"{os.getpid()}.json").write_text(json.dumps({"lines": lines, "failed": self.failed}))


def record(tree: Path, tests: Sequence[str]) -> tuple[dict, set[str]]:
    """({module: {line: tests}}, the tests that fail without any fault)."""
    lines: dict = defaultdict(lambda: defaultdict(set))
    failed: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        run(tree, ["-n", str(JOBS), "--dist", "loadfile", "-p", "tests.mutants", *tests], **{RECORD: folder, "PYTHONDONTWRITEBYTECODE": ""})
        for path in Path(folder).iterdir():
            told = json.loads(path.read_text())
            failed |= {test.partition("[")[0] for test in told["failed"]}
            for module, seen in told["lines"].items():
                for line, names in seen.items():
                    lines[module][int(line)].update(names)
    return lines, failed


# -- the runs ----------------------------------------------------------------------------

def copied(tree: Path, into: Path) -> Path:
    """A copy, a git repository of its own, of what git keeps or would keep of a tree."""
    listed = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=tree, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (tree / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, into / name)
    shutil.copy2(__file__, into / "tests" / "mutants.py")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "copy"]):
        subprocess.run(["git", *words], cwd=into, check=True)
    return into


def run(tree: Path, arguments: Sequence[str], **variables: str) -> tuple[int, str]:
    """pytest in a tree: (exit code, its output). A run without end is ended."""
    command = ["sh", "-c", f'ulimit -t {CPU_SECONDS}; exec "$@"', "sh", sys.executable, "-m", "pytest", "-q",
               "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTEST_ADDOPTS": "", **variables}
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def judge(base: Path, fault: Fault, place: tuple[str, ast.AST], lines: dict, failing: set[str]) -> str:
    """The test that sees the fault, or "" for one that survives."""
    module, node = place
    tests = set().union(*(lines[module][line] for line in range(node.lineno, node.end_lineno + 1))) - failing
    if not tests:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        shutil.copytree(base, tree, copy_function=os.link, symlinks=True)
        text = (base / module).read_text(encoding="utf-8")
        (tree / module).unlink()     # not the copy's own file, to which this is a link
        (tree / module).write_text(mutated(text, node, fault["after"]), encoding="utf-8")
        near = sorted(tests, key=lambda test: (Path(module).stem not in test, test))
        # Bytecode of a changed file could be taken for that of another: it may have the same length and second.
        code, said = run(tree, ["-n", "0", "-x", *near], PYTHONDONTWRITEBYTECODE="1")
    first = next((line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))), said[-300:] or f"exit code {code}")
    return "" if code == 0 else first.split(" - ")[0].partition(" ")[2] or first


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--tree", type=Path, action="append", default=[], help="other versions of the course")
    parser.add_argument("--draw", type=int, metavar="COUNT", help="draw a new sample, of code that all versions have")
    parser.add_argument("--tests", nargs="+", default=["tests/unit"], help="which tests are asked")
    parser.add_argument("--survivors", type=Path, help="only what survived by this file")
    parser.add_argument("--json", type=Path, default=ROOT / "mutants.json")
    options = parser.parse_args(arguments)
    if options.draw:
        SAMPLE.write_text(json.dumps(draw(options.draw, [ROOT, *options.tree]), indent=1) + "\n")
        return 0
    faults = json.loads(SAMPLE.read_text())
    if options.survivors:
        faults = [{part: each[part] for part in faults[0]} for each in json.loads(options.survivors.read_text()) if each["survived"]]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(JOBS) as pool:
        base = copied(*options.tree[:1] or [ROOT], Path(folder, "base"))
        found = index(base)
        places = [locate(fault, found) for fault in faults]
        lines, failing = record(base, options.tests)
        seen = pool.map(lambda each: each[1] and judge(base, *each, lines, failing), zip(faults, places))
        results = []
        for fault, place, by in zip(faults, places, seen):
            results.append({**fault, "survived": by == "", "gone": place is None, "killed by": by or ""})
            print("gone    " if by is None else "killed  " if by else "SURVIVED",
                  f"{fault['module']} {fault['function']}: {fault['before']} -> {fault['after']}", f"[{by}]" if by else "", flush=True)
    options.json.write_text(json.dumps(results, indent=1))
    survived, gone = sum(each["survived"] for each in results), sum(each["gone"] for each in results)
    print(f"{len(results) - gone} faults, {len(results) - gone - survived} killed, {survived} survived; {gone} are gone.")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
