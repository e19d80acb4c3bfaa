"""Run the lessons and keep their outputs: `python -m tests.outputs NOTEBOOK...`

A notebook is executed in a fresh kernel and written back only if every cell
ran. Widgets are taken out of what is kept: without a kernel they would show as
an error, and the plain HTML beside them is there to be read.

That of an exercise runs with its starter in a copy of its folder, and with a file of
progress of its own: what a learner has done is left alone.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient

_WIDGET = "application/vnd.jupyter.widget-view+json"
_SECONDS = 600   # for a cell


def execute(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a run of its own."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3", store_widget_state=False,
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


def plain(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without widgets, timings and what names this machine."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.data.pop(_WIDGET, None)
        if cell.cell_type == "code":
            # A view that was shown for a moment and taken away leaves an empty one.
            cell.outputs = [o for o in cell.outputs if o.get("data", True) and o.get("data", {}).get("text/html") != ""]
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def of_exercise(path: Path) -> nbformat.NotebookNode:
    """The same for the notebook of an exercise."""
    kept = nbformat.read(path, as_version=4)
    with copied(path.parent) as folder, _environment(MULTISTAGE_PROGRESS=str(folder.parent / "progress.json")):
        notebook = execute(folder / path.name)
    for cell, own in zip(notebook.cells, kept.cells):
        cell.source = own.source
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if not _useless(each.get("data"))]
    return notebook


def _useless(data: dict | None) -> bool:
    """A button, which does nothing without a kernel; a view that was taken away."""
    return data is not None and (set(data) == {_WIDGET, "text/plain"} or data.get("text/html") == "")


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of an exercise's folder without a learner's work, whose notebook means the copy. It lies within the
    exercise: only what the course owns is lent this machine's certificates, which npm and pip may need."""
    with tempfile.TemporaryDirectory(prefix="multistage-outputs-", dir=folder.resolve() / "work") as place:
        copy = Path(place) / folder.name
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("work", ".ipynb_checkpoints"))
        path = copy / f"{folder.name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                first, *rest = cell.source.split("\n")
                cell.source = "\n".join([first.replace(f" {folder.name}", f" {copy}"), *rest])
        nbformat.write(notebook, path)
        yield copy


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def main(paths: list[str]) -> None:
    for name in paths:
        print(f"{name} ...", flush=True)
        run = of_exercise if (Path(name).parent / "check.toml").is_file() else execute
        nbformat.write(plain(run(Path(name))), name)


if __name__ == "__main__":
    main(sys.argv[1:])
