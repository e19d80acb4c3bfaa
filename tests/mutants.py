"""Whether the tests notice what the code does: small faults put into helpers/, one at a time.

    python -m tests.mutants                       the sample in tests/mutants.json, against the unit tests
    python -m tests.mutants --tests tests/engine --survivors mutants.json     what survived, against these
    python -m tests.mutants --tree FOLDER         the same faults in another version of the course
    python -m tests.mutants --draw 60 [--tree FOLDER]      a new sample, of code that all versions have

A fault is known by its function, its statement and what is changed, so it is found again where lines or
modules have moved. Each is put into a copy of its own, and only the tests that reach its place are asked:
one run of a copy that reports at each of these places records which they are.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import compileall
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "mutants.json"
RECORD = "MUTANTS_RECORD"    # in the environment: the folder for what each test reaches
# Calls the recorder; nothing in a process that has none. As `reached(number) or expression` it changes no value.
REACHED = "__import__('builtins').__dict__.get('reached', {}.get)(%d)"
# The recorder of a Python that a test starts.
STARTED = f"""
import builtins, contextlib, os
folder, test = os.environ.get("{RECORD}"), os.environ.get("PYTEST_CURRENT_TEST", "").partition(" (")[0]
def reached(number):
    with contextlib.suppress(OSError), open(os.path.join(folder, "started"), "a") as file:
        file.write(f"{{number}} {{test}}\\n")
if folder and test:
    builtins.reached = reached
"""
CPU_SECONDS, SECONDS = 240, 900      # of one run; a fault may leave it computing, or waiting, without an end
JOBS = 2
PLUGINS = ["-p", "no:nbval", "-p", "no:anyio"]      # more words for pytest
FLIPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Fault = dict[str, str]               # module, function, statement, before, after
Place = tuple[str, ast.AST]          # module, node
Index = dict[tuple[str, ...], list[Place]]       # {all of a fault but its module: its places}


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
        if isinstance(node, SCOPES):
            if not isinstance(node, ast.ClassDef):
                yield f"{inside}{node.name}", node
            yield from functions(node, f"{inside}{node.name}.")


def statements(inside: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.iter_child_nodes(inside):
        if not isinstance(node, (*SCOPES, ast.expr)):
            if isinstance(node, ast.stmt):
                yield node
            yield from statements(node)


def nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement, or the head of a compound one, and the expressions in it. Not those of an f-string:
    Python 3.11 does not say where they are."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, (ast.JoinedStr, ast.Lambda)):
            waiting += [each for each in ast.iter_child_nodes(node) if isinstance(each, (ast.expr, ast.keyword, ast.comprehension))]


def every(tree: Path) -> Iterator[tuple[Fault, ast.AST]]:
    """Each possible fault, and its place."""
    for path in sorted((tree / "helpers").rglob("*.py")):
        for name, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            for statement in statements(function):
                for node in nodes(statement):
                    negated = f"not ({ast.unparse(node)})" if node is getattr(statement, "test", None) else None
                    if (after := changed(node) or negated) is not None:
                        yield {"module": path.relative_to(tree).as_posix(), "function": name, "statement": ast.unparse(statement).split("\n")[0],
                               "before": ast.unparse(node), "after": after}, node


def key(fault: Fault) -> tuple[str, ...]:
    return tuple(fault[part] for part in ("function", "statement", "before", "after"))


def index(tree: Path) -> Index:
    found: Index = defaultdict(list)
    for fault, node in every(tree):
        found[key(fault)].append((fault["module"], node))
    return found


def locate(fault: Fault, found: Index) -> Place | None:
    """The module that has it now, and the node; None where the code is gone."""
    places = found.get(key(fault), [])
    return next((place for place in places if place[0] == fault["module"]), places[0] if places else None)


def draw(count: int, trees: Sequence[Path], seed: int = 13) -> list[Fault]:
    """So many faults of code that all trees have, from each package in turn."""
    chance = random.Random(seed)
    shared = set.intersection(*({each for each, places in index(tree).items() if len(places) == 1} for tree in trees))
    modules: dict[str, list[Fault]] = defaultdict(list)
    for fault, _ in every(trees[0]):
        if key(fault) in shared and (fault["after"] != "return None" or chance.random() < 0.1):     # else they are half
            modules[fault["module"]].append(fault)
    packages: dict[str, list[Fault]] = defaultdict(list)
    for module, faults in modules.items():
        packages[module.split("/")[1]] += chance.sample(faults, min(len(faults), 3))
    turns = [chance.sample(faults, len(faults)) for faults in packages.values()]
    return [faults[turn] for turn in range(count) for faults in turns if turn < len(faults)][:count]


# -- a plugin of pytest: which tests reach a place --------------------------------------------

def pytest_configure(config: pytest.Config) -> None:
    if RECORD in os.environ:
        config.pluginmanager.register(_Recorder(), "record-places")


class _Recorder:
    """Records for each place of a fault the tests, or the files when they are collected, that reach it."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.reached: dict[int, set[str]] = defaultdict(set)
        self.current = ""
        builtins.reached = lambda number: self.reached[number].add(self.current)    # type: ignore[attr-defined]

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        self.current = collector.nodeid
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.current = _function(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed += [_function(report.nodeid)] if report.failed else []

    def pytest_unconfigure(self) -> None:
        reached = {number: [name for name in names if ".py" in name] for number, names in self.reached.items()}
        Path(os.environ[RECORD], f"{os.getpid()}.json").write_text(json.dumps({"reached": reached, "failed": self.failed}))


def _function(nodeid: str) -> str:
    return nodeid.partition("[")[0]


def _by_started(line: str) -> tuple[int, str]:
    number, _, name = line.partition(" ")
    return int(number), _function(name)


def record(tree: Path, tests: Sequence[str], places: Sequence[Place | None]) -> tuple[list[set[str]], set[str]]:
    """(The tests that reach each place, the tests that fail without any fault.) Ends the program where no place is
    reached: every fault would seem to survive."""
    modules: dict[str, dict[int, ast.AST]] = defaultdict(dict)
    for number, place in enumerate(places):
        if place:
            modules[place[0]][number] = place[1]
    texts = {module: (tree / module).read_text(encoding="utf-8") for module in modules}
    for module, found in modules.items():
        (tree / module).write_text(reporting(texts[module], found), encoding="utf-8")
    reached: list[set[str]] = [set() for _ in places]
    failed: set[str] = set()
    (tree / "sitecustomize.py").write_text(STARTED)
    with tempfile.TemporaryDirectory() as folder:
        _, output = run(tree, ["-n", str(JOBS), "--dist", "loadfile", "-p", "tests.mutants", *tests], None,
                        **{RECORD: folder, "PYTHONDONTWRITEBYTECODE": ""})
        for path in Path(folder).glob("*.json"):
            recorded = json.loads(path.read_text())
            failed.update(recorded["failed"])
            for number, names in recorded["reached"].items():
                reached[int(number)].update(names)
        started = Path(folder, "started")
        for number, name in {*map(_by_started, started.read_text().splitlines() if started.exists() else ())}:
            reached[number].add(name)
    (tree / "sitecustomize.py").unlink()
    if not any(reached):
        raise SystemExit(f"The tests ended without a record of what they reach:\n{output[-3000:]}")
    for module, text in texts.items():
        (tree / module).write_text(text, encoding="utf-8")
    compileall.compile_dir(tree / "helpers", quiet=2)     # for all runs that follow
    return reached, failed


# -- the runs ----------------------------------------------------------------------------

def copied(tree: Path, into: Path) -> Path:
    """A copy of what git has or would have of a tree, as a repository of its own."""
    listed = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=tree, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (tree / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, into / name, follow_symlinks=False)
    shutil.copy2(__file__, into / "tests" / "mutants.py")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "copy"]):
        subprocess.run(["git", *words], cwd=into, check=True)
    return into


def run(tree: Path, arguments: Sequence[str], limits: tuple[int, int] | None = (CPU_SECONDS, SECONDS), **variables: str) -> tuple[int, str]:
    """pytest in a tree, with so many seconds of CPU for each process and so many in all: (exit code, its output)."""
    limited = ["timeout", "-k", "5", str(limits[1]), "sh", "-c", f'ulimit -t {limits[0]}; exec "$@"', "sh"] if limits else []
    command = [*limited, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGINS, *arguments]
    done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree), "PYTEST_ADDOPTS": "", **variables},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.returncode, done.stdout


def span(text: bytes, node: ast.AST) -> tuple[int, int]:
    """Where a node begins and ends, in bytes: Python counts columns in them."""
    lines = text.splitlines(keepends=True)
    return tuple(sum(map(len, lines[:line - 1])) + column for line, column in
                 ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)))


def mutated(text: str, node: ast.AST, after: str) -> str:
    whole = text.encode()
    start, end = span(whole, node)
    middle = after if isinstance(node, ast.stmt) else f"({after})"
    return (whole[:start] + middle.encode() + whole[end:]).decode()


def reporting(text: str, found: Mapping[int, ast.AST]) -> str:
    """A module that reports the number of each of these nodes before it runs it, and does the same otherwise."""
    whole, added = text.encode(), []       # (at, order, text): a statement before what begins with it, what is outside first
    for number, node in found.items():
        (start, end), call = span(whole, node), REACHED % number
        if isinstance(node, ast.stmt):
            added.append((start, (1, 0), f"{call}; "))
        else:
            added += [(start, (2, -end), f"({call} or ("), (end, (0, 0), "))")]
    parts, done = [], 0
    for at, _, words in sorted(added):
        parts += [whole[done:at], words.encode()]
        done = at
    return b"".join([*parts, whole[done:]]).decode()


def judge(base: Path, fault: Fault, place: Place, tests: set[str]) -> str:
    """The test that notices the fault; "" if none does."""
    if not tests:
        return ""
    module, node = place
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(shutil.copytree(base, Path(folder, "tree"), copy_function=os.link, symlinks=True))
        (tree / module).unlink()     # a link to the file of the base
        (tree / module).write_text(mutated((base / module).read_text(encoding="utf-8"), node, fault["after"]), encoding="utf-8")
        near = sorted(tests, key=lambda test: (Path(module).stem not in test, test))
        # Bytecode of the changed file would be taken for that of the next: same length, same second.
        code, output = run(tree, ["-n", "0", "-x", *near], PYTHONDONTWRITEBYTECODE="1")
    first = next((line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), f"- exit code {code}")
    return "" if code == 0 else first.partition(" ")[2].partition(" - ")[0]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--tree", type=Path, action="append", default=[], help="another version of the course")
    parser.add_argument("--draw", type=int, metavar="COUNT", help="draw a new sample, of code that all versions have")
    parser.add_argument("--tests", nargs="+", default=["tests/unit"], help="the tests that are asked")
    parser.add_argument("--survivors", type=Path, help="only what survived, by this file")
    parser.add_argument("--json", type=Path, default=ROOT / "mutants.json", help="the results are written to this file")
    options = parser.parse_args(arguments)
    if options.draw:
        SAMPLE.write_text(json.dumps(draw(options.draw, [ROOT, *options.tree]), indent=1) + "\n")
        return
    faults = json.loads((options.survivors or SAMPLE).read_text())
    faults = [fault for fault in faults if fault.get("result", "survived") == "survived"]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(JOBS) as pool:
        base = copied((options.tree or [ROOT])[0], Path(folder, "base"))
        found = index(base)
        places = [locate(fault, found) for fault in faults]
        reached, failing = record(base, options.tests, places)
        print(*(f"fails without any fault: {test}" for test in sorted(failing)), sep="\n", flush=True)
        judged = pool.map(lambda *each: each[1] and judge(base, *each), faults, places, [tests - failing for tests in reached])
        for fault, by in zip(faults, judged):
            fault |= {"result": "gone" if by is None else "killed" if by else "survived", "by": by or ""}
            print(f"{fault['result']:<9}{fault['module']} {fault['function']}: {fault['before']} -> {fault['after']} {fault['by']}", flush=True)
            options.json.write_text(json.dumps(faults, indent=1))
    print(*(f"{sum(fault['result'] == result for fault in faults)} {result}" for result in ("killed", "survived", "gone")), sep=", ")


if __name__ == "__main__":
    main()
