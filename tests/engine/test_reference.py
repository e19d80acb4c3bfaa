"""The examples of the reference run, and bring what the page says."""

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = doctest.DocTestParser().get_doctest((ROOT / "docs" / "reference.md").read_text().replace("```\n", "\n"), {}, "reference.md",
                                               "docs/reference.md", 0)


def test_the_examples_of_the_reference_bring_what_the_page_says(engine, monkeypatch):
    if "buildkit" not in engine.builders:
        pytest.skip("this engine has no buildkit")
    monkeypatch.chdir(ROOT)
    said = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(EXAMPLES, out=said.append)
    assert result.attempted > 15 and not result.failed, "".join(said)
