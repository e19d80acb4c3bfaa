"""The examples of docs/buildkit.md, run in a notebook as a reader would run them, from the first to the last."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.builder import linter
from helpers.builder.tunnel import upgradable

PAGE = Path(__file__).resolve().parents[2] / "docs" / "buildkit.md"
GOOD = """FROM golang:1.22 as builder
WORKDIR /app
ENV WORD=seen
COPY main.go .
RUN cp main.go app
FROM debian:bookworm-slim AS app
COPY --from=builder /app/app /app/app
"""
FAILS = GOOD.replace("cp main.go app", "echo written > half; exit 3")
# These need a registry, an engine that exports caches and platforms, or an image by that name.
ELSEWHERE = ("host/mine", "rewrite-timestamp", "busybox:1.36")
TAG = "course-test:page"

BLOCKS = re.findall(r"^```(?:python)?\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(engine, tmp_path):
    """A folder in which the page's path/to/project is one."""
    if not upgradable(engine):
        pytest.skip("this engine has no BuildKit")
    folder = tmp_path / "path/to/project"
    folder.mkdir(parents=True)
    (folder / "main.go").write_text("package main\n")
    (folder / "Dockerfile").write_text(GOOD)
    return tmp_path


def test_the_page_begins_with_ten_lines_that_check_build_browse_and_enter(engine, project):
    ten = BLOCKS[0]
    assert len(ten.splitlines()) <= 10 and "helpers.lesson" not in ten
    done = subprocess.run([sys.executable, "-c", ten], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("FromAsCasing" in done.stdout) == linter.supported(engine)
    assert all(each in done.stdout for each in ("/app\n", "package main", "WORD=seen"))


def text(cell):
    return "".join(each.get("text", "") or each.get("data", {}).get("text/plain", "") for each in cell.outputs)


@pytest.mark.nightly
def test_every_example_runs_and_shows_what_the_page_says(engine, project):
    cells = []
    for block in BLOCKS:
        asks = "linter.lint" in block and "linter.supported" not in block and not linter.supported(engine)
        if asks or any(each in block for each in ELSEWHERE):
            continue
        about = FAILS if "BuildFailed" in block or block.startswith("%%in_step") else GOOD
        cells += [nbformat.v4.new_code_cell(f"open('path/to/project/Dockerfile', 'w').write({about!r});"),
                  nbformat.v4.new_code_cell(block.replace("mine:1", TAG))]
    notebook = nbformat.v4.new_notebook(cells=cells)
    try:
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(project)}}).execute()
    finally:
        engine.client.images.remove(TAG, force=True)
    shown = {cell.source: text(cell) for cell in notebook.cells[1::2]}
    assert len(shown) > 9 and "go version" in list(shown.values())[-1] and (project / "out/app/app").exists()
    failed, = (said for source, said in shown.items() if "BuildFailed" in source)
    assert "main.go" in failed and failed.rstrip().endswith("3")
