"""What a lesson asks: no answer stands in its source, and every prediction is compared."""

import ast
import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from helpers.widgets.ask import QUESTIONS, Question, ask

LESSONS = sorted(QUESTIONS.parent.glob("*.ipynb"))
ASKED = tomllib.loads(QUESTIONS.read_text())
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def sources(path: Path) -> list[str]:
    """The code of a notebook that can be read before it runs: not what is in a collapsed cell."""
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]
            if cell["cell_type"] == "code" and not cell["metadata"].get("jupyter", {}).get("source_hidden")]


def calls(source: str, name: str) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)
            and name == getattr(node.func, "attr" if name == "compare" else "id", None)]


def given_away(source: str) -> list[str]:
    """The answers that a cell shows: of the questions it asks, in any of its strings."""
    texts = [node.value for node in ast.walk(ast.parse(source))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for call in calls(source, "ask") for text in texts
            if len(call.args) > 2 or text in ASKED[call.args[0].value]["choices"]]


@each_lesson
def test_no_answer_stands_in_a_visible_source(path):
    assert {source: found for source in sources(path) if (found := given_away(source))} == {}
    told = [facts["because"] for facts in ASKED.values() if facts["because"] in "\n".join(sources(path))]
    assert told == []


def test_an_answer_in_a_source_is_seen():
    assert given_away('ask("Which?", ["a", "b"], "b", "So it is.")')
    assert given_away('ask("03-order-of-stages", "at the same time" if shared else "")') == ["at the same time"]
    assert given_away('ask("03-order-of-stages", shared > 0)') == []


def test_every_question_is_asked_once():
    asked = Counter(call.args[0].value for path in LESSONS for source in sources(path) for call in calls(source, "ask"))
    assert asked == dict.fromkeys(ASKED, 1)


@pytest.mark.parametrize("name", ASKED)
def test_every_answer_is_one_of_the_choices(name):
    answer = ASKED[name].get("answer")
    for found in answer if isinstance(answer, dict) else [""] if answer else ASKED[name]["choices"]:
        assert isinstance(ask(name, found), Question)


def test_an_answer_that_depends_on_the_run():
    assert ask("02-stage-not-asked-for", "skipped").answer == "skipped"
    assert (ask("03-two-images", 1).answer, ask("03-two-images", 2).answer) == (
        "no, only the last stage", "yes, one for each stage")
    assert ask("09-tests-nobody-copies-from", "skipped").because.startswith("The stage with the tests was skipped:")
    with pytest.raises(ValueError, match="none of the choices"):
        ask("02-stage-not-asked-for", "lost")
    with pytest.raises(KeyError, match="99-none"):
        ask("99-none")


@each_lesson
def test_a_lesson_ends_with_its_commands(path):
    """All but the one that only looks around, and says which builder a terminal has."""
    cells = json.loads(path.read_text())["cells"]
    last = cells[-2]
    if path.stem.startswith("00"):
        assert "which_builder()" in sources(path)
    else:
        assert "".join(last["source"]) == "in_your_terminal()" and cells[-3]["source"][0] == "## In your terminal\n"
