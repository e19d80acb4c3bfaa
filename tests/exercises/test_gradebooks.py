"""The gradebooks' examples, with the real tools: the starter of an exercise has no points, its solution all."""

import csv
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

from helpers.checks import find
from helpers.checks.goals import goals

pytestmark = pytest.mark.nightly
ROOT = Path(__file__).resolve().parents[2]
STUDENT, NBGRADER, OTTER = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "gradebooks.md").read_text(), re.S)
EXERCISE = find("01-split-the-stage")
MOST = len([goal for rules in goals(EXERCISE).values() for goal in rules])
DOCKERFILES = {"none": (EXERCISE.starter, 0), "all": (EXERCISE.folder / "solution" / "Dockerfile", MOST)}


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    """tool(name) is a function that runs a tool's command. The tool is installed beside the course's own packages, which
    the environment shares and nothing is written into."""
    def installed(name, package, *called):
        folder = tmp_path_factory.mktemp(name)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        [site] = folder.glob("lib/python*/site-packages")
        (site / "course.pth").write_text(f"{ROOT}\n{sysconfig.get_paths()['purelib']}\n")
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", package], check=True)
        for each in called:     # what it runs as a program has to be in its own environment
            subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--ignore-installed", "--no-deps", each], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "ipykernel", "install", "--prefix", folder], check=True, capture_output=True)

        def run(*words, cwd):
            done = subprocess.run([folder / "bin" / name, *map(str, words)], cwd=cwd, capture_output=True, text=True,
                                  env=os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"})
            assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]

        return run

    return installed


def sheet(dockerfile, *cells):
    """A learner's notebook with a Dockerfile in it."""
    text = STUDENT.replace("FROM golang:1.22\n", dockerfile.read_text())
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text), *cells], metadata={"kernelspec": {
        "name": "python3", "display_name": "Python 3", "language": "python"}})


def test_nbgrader_gives_a_point_for_each_goal(engine, tool, tmp_path):
    nbgrader = tool("nbgrader", "nbgrader", "alembic")
    graded = nbformat.v4.new_code_cell(NBGRADER, metadata={"nbgrader": {
        "grade": True, "grade_id": "split", "points": MOST, "locked": True, "solution": False, "task": False, "schema_version": 3}})
    source = tmp_path / "source" / "stages"
    source.mkdir(parents=True)
    nbformat.write(sheet(EXERCISE.starter, graded), source / "split.ipynb")
    nbgrader("generate_assignment", "stages", cwd=tmp_path)
    for learner, (dockerfile, _) in DOCKERFILES.items():
        released = nbformat.read(tmp_path / "release" / "stages" / "split.ipynb", as_version=4)
        released.cells[0].source = sheet(dockerfile).cells[0].source
        folder = tmp_path / "submitted" / learner / "stages"
        folder.mkdir(parents=True)
        nbformat.write(released, folder / "split.ipynb")
    nbgrader("autograde", "stages", "--ExecutePreprocessor.timeout=300", cwd=tmp_path)
    nbgrader("export", cwd=tmp_path)
    with open(tmp_path / "grades.csv") as file:
        scores = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
    assert scores == {learner: most for learner, (_, most) in DOCKERFILES.items()}


def test_otter_gives_a_point_for_each_goal(engine, tool, tmp_path):
    otter = tool("otter", "otter-grader")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "split.py").write_text(OTTER)
    otter("generate", "-t", "tests", "-o", "autograder.zip", "--no-environment", cwd=tmp_path)
    for learner, (dockerfile, most) in DOCKERFILES.items():
        folder = tmp_path / learner
        folder.mkdir()
        checked = nbformat.v4.new_code_cell("import otter\notter.Notebook().check('split')")
        nbformat.write(sheet(dockerfile, checked), folder / "split.ipynb")
        otter("run", folder / "split.ipynb", "-a", "autograder.zip", "-o", folder, "--no-logo", cwd=tmp_path)
        results = json.loads((folder / "results.json").read_text())
        assert sum(each.get("score", 0) for each in results["tests"]) == most
