"""How JupyterLab is opened on a lesson."""

import sys

import pytest

from helpers.maintenance import lab


def test_jupyterlab_replaces_the_process_and_opens_the_notebook(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    notebook = tmp_path / "notebooks" / "01.ipynb"
    became = []
    monkeypatch.setattr(lab.os, "execv", lambda program, words: became.append((program, words)))
    monkeypatch.setattr(sys, "argv", ["lab", str(notebook)])
    with pytest.raises(SystemExit, match="usage"):
        lab.main()
    notebook.touch()
    lab.main()
    (program, words), = became
    assert program == sys.executable and "--LabApp.default_url=/lab/tree/notebooks/01.ipynb" in words
