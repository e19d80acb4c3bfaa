"""Run the lessons and keep their outputs: `python -m tests.outputs NOTEBOOK...`

A notebook is executed in a fresh kernel and written back only if every cell
ran. Widgets are taken out of what is kept: without a kernel they would show as
an error, and the plain HTML beside them is there to be read.
"""

from __future__ import annotations

import sys
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
            cell.outputs = [o for o in cell.outputs if o.get("data", True)]
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main(paths: list[str]) -> None:
    for name in paths:
        print(f"{name} ...", flush=True)
        nbformat.write(plain(execute(Path(name))), name)


if __name__ == "__main__":
    main(sys.argv[1:])
