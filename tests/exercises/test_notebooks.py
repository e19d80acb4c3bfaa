"""The notebooks of the exercises, run as a learner would who has found the answer."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from helpers.checks import find, names, notebook

from ..engine.conftest import engine   # noqa: F401

CELL_SECONDS = 300


@pytest.mark.parametrize("name", names())
def test_a_notebook_runs_with_the_sample(name, engine, tmp_path):
    """In a copy of the folder: the learner's own work is left alone. The last cell asks for
    the verdict, so that a notebook that only looks well fails."""
    folder = tmp_path / name
    shutil.copytree(find(name).folder, folder, ignore=shutil.ignore_patterns("work"))
    exercise = find(folder)
    (folder / "work").mkdir()
    for each in (folder / "solution").iterdir():
        if each.name != "Dockerfile":
            shutil.copy(each, folder / "work")
    made = notebook.notebook(exercise, (folder / "solution" / "Dockerfile").read_text())
    cells = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        cell["source"] = [line.replace(f" {name}", f" {folder}") for line in cell["source"]]
    check, = [cell for cell in cells if cell["source"][0].startswith("%check")]
    check["source"] = ["judged = " + check["source"][0], "\n", "assert judged.passed, judged"]
    path = folder / "run.ipynb"
    path.write_text(json.dumps(made))
    environment = {**os.environ, "MULTISTAGE_PROGRESS": str(tmp_path / "progress.json")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env",
         f"--nbval-cell-timeout={CELL_SECONDS}", "--rootdir", str(folder), str(path)],
        env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    kept = json.loads((tmp_path / "progress.json").read_text())["exercises"]
    assert kept[name]["passed"] and kept[name]["attempts"] == 1
