"""What a lesson asks: no answer stands in its source, and every prediction is compared."""

import ast
import json
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from helpers import lesson
from helpers.errors import CourseError
from helpers.lesson.building import outcome
from helpers.questions import QUESTIONS, in_notebook
from helpers.widgets.ask import Question, ask
from tests import bench, minutes
from tests.unit.test_project import NOTEBOOKS, each_notebook

ASKED = tomllib.loads(QUESTIONS.read_text())


@cache
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


@each_notebook
def test_no_answer_stands_in_a_visible_source(path):
    assert {source: found for source in sources(path) if (found := given_away(source))} == {}
    given = [facts["because"] for facts in ASKED.values() if facts["because"] in "\n".join(sources(path))]
    assert given == []


def test_an_answer_in_a_source_is_seen():
    assert given_away('ask("Which?", ["a", "b"], "b", "So it is.")')
    assert given_away('ask("03-name-of-a-stage", "nothing" if same else "")') == ["nothing"]
    assert given_away('ask("03-name-of-a-stage", numbered.cached)') == []


def compares_layers(source: str) -> bool:
    """Whether a cell compares layers as `inspect` has them: beneath it stands no command that shows their digests."""
    return any(getattr(each, "attr", "") == "layers" for node in ast.walk(ast.parse(source))
               if isinstance(node, ast.Compare | ast.BinOp) for each in ast.walk(node))


@each_notebook
def test_layers_are_compared_by_the_digests_that_a_terminal_shows(path):
    assert [source for source in sources(path) if compares_layers(source)] == []


def test_a_comparison_of_layers_is_seen():
    assert compares_layers("inspect(a).layers == b") and compares_layers("set(inspect(a).layers) ^ set(b)")
    assert not compares_layers("layer_digests(a) == b, [each for each in inspect(a).layers if each.digest in new]")


def test_every_question_is_asked_once():
    asked = Counter(call.args[0].value for path in NOTEBOOKS for source in sources(path) for call in calls(source, "ask"))
    assert asked == dict.fromkeys(ASKED, 1)


@pytest.mark.parametrize("name", ASKED)
def test_every_answer_is_one_of_the_choices(name):
    answer = ASKED[name].get("answer")
    for found in answer if isinstance(answer, dict) else [""] if answer else ASKED[name]["choices"]:
        assert isinstance(ask(name, found), Question)


def test_an_answer_that_depends_on_the_run():
    assert ask("03-stage-not-asked-for", "skipped").answer == "the builder stage was skipped"
    assert (ask("03-name-of-a-stage", True).answer, ask("03-name-of-a-stage", False).answer) == ("nothing", "both stages")
    assert ask("12-tests-nobody-copies-from", "skipped").because.startswith("The stage with the tests was skipped:")
    with pytest.raises(ValueError, match="none of the choices"):
        ask("03-stage-not-asked-for", "lost")
    with pytest.raises(KeyError, match="99-none"):
        ask("99-none")


def not_compared(cells: list[str]) -> list[str]:
    """The predictions that nothing compares: each is to be kept under a name, `guess = predict(...)`, and that name's
    `compare(...)` is to follow before the name is used again."""
    waiting, lost = {}, []
    for statement in ast.parse("\n".join(cells)).body:
        source = ast.unparse(statement)
        if calls(source, "predict"):
            name = ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
            lost += [each for each in (waiting.pop(name, None), "" if name else source) if each]
            waiting |= {name: source} if name else {}
        for call in calls(source, "compare"):
            waiting.pop(ast.unparse(call.func).removesuffix(".compare"), None)
    return [*lost, *waiting.values()]


@each_notebook
def test_every_prediction_is_compared(path):
    assert not_compared(sources(path)) == []


def test_a_prediction_that_is_not_compared_is_seen():
    asked = "guess = predict('Which?', ['a'])"
    assert not_compared([asked, "guess.compare({'a': True}) if engine else say('none')"]) == []
    assert not_compared([asked]) == [asked] and not_compared(["predict('Which?')"]) == ["predict('Which?')"]
    assert not_compared([asked, "other.compare('a')", asked, "guess.compare('a')"]) == [asked]


def told_by_the_comparison(source: str) -> list[str]:
    """The choices that are the only ones which a comparison looks for: whoever reads the cell first knows the answer."""
    return [ast.unparse(call) for call in calls(source, "compare") for found in call.args
            if isinstance(found, ast.Dict) and len(found.keys) == 1]


@each_notebook
def test_no_comparison_gives_the_answer_away(path):
    assert [told for source in sources(path) for told in told_by_the_comparison(source)] == []


def test_a_comparison_that_gives_the_answer_away_is_seen():
    assert told_by_the_comparison("guess.compare({'refuses': True})") == ["guess.compare({'refuses': True})"]
    assert told_by_the_comparison("guess.compare({'refuses': True, 'installs': False})") == []
    assert told_by_the_comparison("guess.compare(measured)") == []


def test_every_prediction_of_the_course_asks_something_else():
    """And every question too: the live class view keeps answers by the question's text."""
    asked = Counter(each.question for path in NOTEBOOKS for each in in_notebook(path, ASKED))
    assert len(asked) > 120 and set(asked.values()) == {1}


@each_notebook
def test_everything_that_a_lesson_asks_is_found(path):
    found = in_notebook(path, ASKED)
    code = "\n".join(sources(path))
    assert Counter(each.predicted for each in found) == Counter(
        {True: len(calls(code, "predict")), False: len(calls(code, "ask"))})
    assert all(each.choices or each.unit for each in found) and {each.lesson for each in found} == {path.stem}


def reused(cells: list[str]) -> list[str]:
    """The names that more than one prediction is kept under: going back, a learner would compare another one."""
    names = Counter(ast.unparse(statement.targets[0]) for statement in ast.parse("\n".join(cells)).body
                    if isinstance(statement, ast.Assign) and calls(ast.unparse(statement.value), "predict"))
    return [name for name, count in names.items() if count > 1]


@each_notebook
def test_every_prediction_has_a_name_of_its_own(path):
    assert reused(sources(path)) == []


def test_a_name_for_two_predictions_is_seen():
    assert reused(["guess = predict('Which?', ['a'])", "guess.compare('a')", "guess = predict('How?', ['b'])"]) == ["guess"]
    assert reused(["one = predict('Which?', ['a'])", "other = predict('How?', ['b'])"]) == []


def foretold(source: str) -> list[str]:
    """The failures that a cell announces: it raises where what it tries succeeds."""
    return [ast.unparse(node.orelse) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Try)
            and any(isinstance(each, ast.Raise) for each in node.orelse)]


@each_notebook
def test_no_cell_says_before_its_run_that_it_will_fail(path):
    assert [failure for source in sources(path) for failure in foretold(source)] == []


def test_a_failure_that_is_announced_is_seen():
    source = "try:\n    build('x')\nexcept BuildFailed as error:\n    failure = error\nelse:\n    raise AssertionError('It should fail.')"
    assert foretold(source) and not foretold("failure = outcome(build, 'x')")


def test_an_outcome_is_the_result_or_the_error_of_the_course():
    def refused():
        raise error

    error = CourseError("It could not be done.")
    assert outcome(int, "12", base=8) == 10 and outcome(refused) is error
    with pytest.raises(ValueError):     # a slip in the cell is no outcome of the experiment
        outcome(int, "twelve")


def text_of(node: ast.expr) -> str:
    """The text of a string in the source, {} for each value that the run puts in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    return str(node.value) if isinstance(node, ast.Constant) else "{}"


def unmeasured(source: str) -> list[str]:
    """The sentences of a verdict, or of what is said of a run, that hold no measured value, and a verdict that is no computation."""
    lost = [sentence for call in calls(source, "say") if isinstance(call.args[0], ast.JoinedStr)
            for sentence in bare(text_of(call.args[0]))]
    for call in calls(source, "verdict"):
        judged = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "partly")]
        lost += [ast.unparse(each) for each in judged if isinstance(each, ast.Constant)]
        lost += bare(text_of(call.args[2]))
    return lost


def bare(text: str) -> list[str]:
    """The sentences without a value of the run."""
    return [sentence for sentence in re.split(r"[.;:!?] ", text) if "{}" not in sentence and sentence.endswith(".")]


@each_notebook
def test_a_verdict_says_what_was_measured_and_its_source_no_finding(path):
    assert [lost for source in sources(path) for lost in unmeasured(source)] == []


def test_a_verdict_that_is_written_down_is_seen():
    assert unmeasured('verdict("C1", found, "Nothing crossed.")') == ["Nothing crossed."]
    assert unmeasured('verdict("C1", found, f"{left} crossed. So it is.", partly=True)') == ["True", "So it is."]
    assert unmeasured('verdict("C1", left == 0, f"{left} crossed.", partly=bool(right))') == []
    assert unmeasured('say(f"{left} crossed. So it is.")') == ["So it is."] and unmeasured('say("No registry.")') == []


@each_notebook
def test_a_lesson_can_be_done_in_the_time_that_it_states(path):
    assert minutes.estimated(path) <= 1.1 * minutes.stated(path)


@each_notebook
def test_a_lesson_ends_with_its_commands(path):
    *_, heading, last, _next = json.loads(path.read_text())["cells"]
    assert heading["source"][0] == "## In your terminal\n" and "".join(last["source"]) == "in_your_terminal()"


def test_the_first_lesson_says_which_builder_a_terminal_has():
    assert "which_builder()" in sources(NOTEBOOKS[0])


@each_notebook
def test_a_kept_question_is_the_one_in_the_file(path):
    """Its output in the notebook, with one of the answers that it can have."""
    for cell in json.loads(path.read_text())["cells"]:
        for call in calls("".join(cell["source"]), "ask") if cell["cell_type"] == "code" else ():
            answer = ASKED[(name := call.args[0].value)].get("answer")
            found = [*answer, "anything"] if isinstance(answer, dict) and "else" in answer else answer
            asked = [ask(name, each)._repr_mimebundle_()["text/html"]
                     for each in (found if isinstance(found, list | dict) else ASKED[name]["choices"])]
            assert "".join(cell["outputs"][0]["data"]["text/html"]) in asked


@each_notebook
def test_a_lesson_has_at_most_60_cells(path):
    assert len(json.loads(path.read_text())["cells"]) <= 60


def test_the_benchmark_s_notebook_uses_names_that_a_lesson_has():
    names = [node for line in bench.FIRST_CHART for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    assert {node.id for node in names} - made <= set(lesson.__all__)
