"""Two lessons, run and compared by pytest-notebook: another runner than nbval, and nbdime's comparison, agree."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from helpers.recorded import COMMANDS

pytestmark = pytest.mark.nightly
ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(ROOT.glob("notebooks/*.ipynb"))[:2]
CHECK = """
import json, sys
from pytest_notebook.nb_regression import NBRegressionFixture
path, folder, ignored = json.loads(sys.argv[1])
NBRegressionFixture(exec_timeout=300, exec_cwd=folder, diff_use_color=False, diff_ignore=tuple(ignored)).check(path)
"""
LOOSE = ["/metadata", "/cells/*/metadata", "/cells/*/execution_count", "/cells/*/outputs/*/execution_count",
         "/cells/*/outputs/*/data/application/vnd.jupyter.widget-view+json"]     # the kept outputs have no widgets


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment with pytest-notebook beside the course's own packages: as a plugin of this run it
    would be loaded by each test run."""
    folder = tmp_path_factory.mktemp("runner")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    (site / "course.pth").write_text(f"{ROOT}\n{sysconfig.get_paths()['purelib']}\n")
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "pytest-notebook"], check=True)
    return folder / "bin" / "python"


def compared(python, path, folder):
    """Whether the runner finds the outputs that the notebook at `path` is kept with, and what it prints. It gets a copy in
    `folder` without the outputs of cells that nbval does not compare, and of those with docker commands below them:
    nbdime would compare their pictures letter by letter."""
    notebook = json.loads(path.read_text())
    loose = [(at, cell) for at, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code" and (
        "nbval-ignore-output" in cell["metadata"].get("tags", ()) or any(COMMANDS in each.get("metadata", {}) for each in cell["outputs"]))]
    for _, cell in loose:
        cell["outputs"] = []
    copy = folder / path.name
    copy.write_text(json.dumps(notebook))
    asked = json.dumps([str(copy), str(ROOT / "notebooks"), LOOSE + [f"/cells/{at}/outputs" for at, _ in loose]])
    done = subprocess.run([python, "-W", "ignore", "-c", CHECK, asked], capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_the_outputs_that_it_is_kept_with(engine, python, path, tmp_path):
    same, said = compared(python, path, tmp_path)
    assert same, said


def test_an_output_that_is_not_the_kept_one_is_noticed(engine, python, tmp_path):
    notebook = json.loads(LESSONS[0].read_text())
    answers = [each for cell in notebook["cells"] if "".join(cell["source"]).startswith("ask(") for each in cell["outputs"]]
    answers[0]["data"]["text/plain"] = ["Who builds the image?"]
    changed = tmp_path / "changed.ipynb"
    changed.write_text(json.dumps(notebook))
    same, said = compared(python, changed, tmp_path)
    assert not same and "Who builds the image?" in said
