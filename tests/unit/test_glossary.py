"""The glossary: short, in order, and linked where a lesson first uses a term."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TERMS = re.findall(r"(?m)^## (.+)$", (ROOT / "docs" / "glossary.md").read_text())
LINK = re.compile(r"\[([^\]]+)\]\(\.\./docs/glossary\.md#([\w-]+)\)")
CODE = re.compile(r"`[^`\n]*`|^#.*$|^ +.*$|\(https?:[^)]*\)|\]\([^)#]*\.ipynb\)", re.M)


def anchor(term: str) -> str:
    return term.lower().replace(" ", "-")


def paragraphs() -> list[str]:
    """The text cells of all lessons in their order, without the overview that each begins with."""
    texts = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "markdown"]
        texts += ["".join(cell["source"]) for cell in cells[1:]]
    return texts


def test_there_are_at_most_forty_terms_in_alphabetical_order():
    assert 20 <= len(TERMS) <= 40 and [term.lower() for term in TERMS] == sorted(term.lower() for term in TERMS)


def test_every_term_is_linked_once_and_no_link_leads_nowhere():
    assert sorted(at for text in paragraphs() for _, at in LINK.findall(text)) == sorted(map(anchor, TERMS))


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_linked_where_it_is_first_used(term):
    word = re.compile(rf"\b{re.escape(term)}s?\b", re.I)
    for text in paragraphs():
        link = re.search(rf"\(\.\./docs/glossary\.md#{anchor(term)}\)", text)
        before = text[:link.start()].rpartition("[")[0] if link else text
        assert not word.search(CODE.sub("", LINK.sub("", before))), before
        if link:
            return
