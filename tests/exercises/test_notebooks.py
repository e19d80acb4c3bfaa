"""The notebooks of the exercises, run with the sample and, as they are kept, with the starter."""

import json
import shutil
import subprocess
import sys

import pytest

from helpers.checks import find, names, notebook

from ..engines.suite import environment
from ..outputs import copied
from .test_exercises import filled

CELL_SECONDS = 300


# They are made by one function of the same cells; test_exercises.py asks every exercise for its verdicts.
each_exercise = pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.nightly] if number else []) for number, name in enumerate(names())])


@each_exercise
def test_a_notebook_runs_with_the_sample(name, engine, tmp_path):
    """In a copy of the folder, which leaves the learner's work alone. The verdict is asserted in the notebook."""
    with copied(find(name).folder) as folder:
        (folder / "work").mkdir()
        for each in (folder / "solution").iterdir():
            if each.name != "Dockerfile":
                shutil.copy(each, folder / "work")
        made = notebook.notebook(find(folder), filled((folder / "solution" / "Dockerfile").read_text(), engine))
        cells = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
        for cell in cells:
            cell["source"] = [line.replace(f" {name}", f" {folder}") for line in cell["source"]]
            if cell["source"][0].startswith("%%writefile"):
                file = cell["source"][0].split("/")[1].strip()
                cell["source"][1:] = (folder / "solution" / file).read_text().splitlines(keepends=True)
        check, = [cell for cell in cells if cell["source"][0].startswith("%check")]
        check["source"] = ["judged = " + check["source"][0], "\n", "assert judged.passed, judged"]
        path = folder / "run.ipynb"
        path.write_text(json.dumps(made))
        ran(path, tmp_path, "--nbval-lax")
    kept = json.loads((tmp_path / "progress.json").read_text())["exercises"]
    assert kept[name]["passed"] and kept[name]["attempts"] == 1


@each_exercise
def test_a_notebook_gives_what_it_is_kept_with(name, engine, tmp_path):
    """Run with the starter: a verdict that needs no build is compared, and every cell runs."""
    with copied(find(name).folder) as folder:
        ran(folder / f"{name}.ipynb", tmp_path, "--nbval")
    kept = json.loads((tmp_path / "progress.json").read_text())["exercises"]
    assert kept[name]["attempts"] == 1 and not kept[name]["passed"]


def ran(path, place, how):
    """Run a notebook under nbval."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", how, "--nbval-current-env",
         f"--nbval-cell-timeout={CELL_SECONDS}", "--rootdir", str(path.parent), str(path)],
        env=environment(MULTISTAGE_PROGRESS=str(place / "progress.json")), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
