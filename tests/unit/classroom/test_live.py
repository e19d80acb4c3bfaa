"""The live class view: accepted events, who sees what, and what a session sends."""

import csv
import io
import json

import pytest

from helpers.checks import Fail, Verdict, progress
from helpers.classroom.live import client
from helpers.classroom.live.events import Course, EventRefused
from helpers.classroom.live.state import State
from helpers.errors import CourseError
from helpers.lesson import kernel
from helpers.questions import Asked
from helpers.views.predictions import YouAndTheClass
from helpers.widgets.ask import ask, predict

SIZE, WHICH = "How large is the image?", "Which <b>?"
COURSE = Course({SIZE: Asked(SIZE, "01-one-stage", unit="MB"), WHICH: Asked(WHICH, "02-two-stages", ("=a", "b"))},
                {"01-split": frozenset({"size", "builds", "test: builds"})})


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def state(tmp_path, clock):
    return State(COURSE, tmp_path / "events.jsonl", clock)


def answer(question, given, found=None):
    return {"kind": "answer", "question": question, "answer": given, "found": found}


def check(*fails):
    return {"kind": "check", "exercise": "01-split", "passed": not fails, "fails": list(fails)}


# -- accepted events -----------------------------------------------------------------

@pytest.mark.parametrize("body", [
    None, [], "text", {}, {"kind": "reveal", "question": SIZE}, answer("What is your password?", "b"), answer(WHICH, "<script>"),
    answer(WHICH, 3), answer(WHICH, None), answer(WHICH, "b", "c"), answer([WHICH], "b"), answer(SIZE, "300"), answer(SIZE, True),
    answer(SIZE, 0), answer(SIZE, -1), answer(SIZE, float("nan")), answer(SIZE, float("inf")), answer(SIZE, 10**400),
    check("no rule"), check(["size"]), {**check("size"), "passed": True}, {**check(), "passed": False},
    {**check("size"), "exercise": "../etc"}, {**check("size"), "exercise": ["01-split"]}, {**check("size"), "fails": "size"}])
def test_an_invalid_event_is_refused(state, body):
    with pytest.raises(EventRefused) as caught:
        state.post("ada", body)
    assert caught.value.status == 400 and state.snapshot(True)["learners"] == 0


def test_only_known_keys_are_kept(state, tmp_path):
    state.post("ada", {**answer(WHICH, "b", "none of these"), "learner": "bob", "at": 1, "code": "FROM scratch"})
    kept, = map(json.loads, (tmp_path / "events.jsonl").read_text().splitlines())
    assert kept == {"at": Clock.now, "learner": "ada", "kind": "answer", "question": WHICH, "answer": "b", "found": "none of these"}


def test_the_rate_and_number_of_events_are_limited_per_learner(state, clock):
    for _ in range(30):
        state.post("ada", check("size"))
    with pytest.raises(EventRefused) as caught:
        state.post("ada", check("size"))
    assert caught.value.status == 429
    state.post("bob", check("size"))
    clock.now += 1
    state.post("ada", check("size"))
    with pytest.raises(EventRefused):
        for _ in range(5000):
            clock.now += 1
            state.post("ada", check("size"))
    assert state.learners["ada"].events == 3000


def test_every_question_of_this_checkout_can_be_answered(tmp_path):
    course = Course.here()
    state = State(course, tmp_path / "events.jsonl")
    for number, (question, asked) in enumerate(course.questions.items()):
        state.post(f"learner{number % 10}", answer(question, asked.choices[0] if asked.choices else 3e8))
    assert len(state.snapshot(False)["questions"]) == len(course.questions) > 120
    assert {"size", "starts", "builds"} <= course.exercises["01-split-the-stage"]
    assert any(": " in rule for rules in course.exercises.values() for rule in rules)     # of a target


# -- who sees what -------------------------------------------------------------------

def test_answers_are_hidden_until_they_are_revealed(state):
    state.post("ada", answer(WHICH, "b", "=a"))
    state.post("bob", answer(WHICH, "b"))
    hidden, = state.snapshot(True)["questions"]
    assert (hidden["answered"], hidden["revealed"]) == (2, False) and "answers" not in hidden
    assert state.mine("ada") == []
    state.reveal(WHICH, True)
    shown, = state.snapshot(True)["questions"]
    assert shown["answers"] == [{"answer": "=a", "engine": True, "count": 0, "names": []},
                                {"answer": "b", "engine": False, "count": 2, "names": ["ada", "bob"]}]
    state.reveal(WHICH, False)
    assert "answers" not in state.snapshot(True)["questions"][0] and state.mine("ada") == []
    with pytest.raises(EventRefused):
        state.reveal("What is your password?", True)


def test_a_learner_sees_only_revealed_and_answered_questions(state):
    state.post("ada", answer(WHICH, "b"))
    state.post("bob", answer(SIZE, 3e8))
    for question in (WHICH, SIZE):
        state.reveal(question, True)
    read, = state.mine("ada")
    assert (read["question"], read["mine"]) == (WHICH, "b") and "ada" not in json.dumps(read)
    assert [each["question"] for each in state.mine("bob")] == [SIZE]
    assert state.mine("eve") == []


def test_a_projector_shows_no_name(state):
    for number in range(10):
        state.post(f"learner{number}", answer(SIZE, 1e8 * (number + 1), 8.37e8))
        state.post(f"learner{number}", check(*["size"] * (number % 2)))
    state.reveal(SIZE, True)
    assert "learner3" in json.dumps(state.snapshot(True)) and "learner3" not in json.dumps(state.snapshot(False))


def test_numbers_are_sorted_with_the_measured_one_among_them(state):
    for name, given, found in (("ada", 2e9, 8.37e8), ("bob", 3e8, 8.37e8), ("eve", 3e8, 9e8)):
        state.post(name, answer(SIZE, given, found))
    state.reveal(SIZE, True)
    answers = state.snapshot(False)["questions"][0]["answers"]
    assert [(each["answer"], each["count"], each["engine"]) for each in answers] == [
        ("300 MB", 2, False), ("837 MB", 0, True), ("2.00 GB", 1, False)]


def test_a_new_answer_replaces_the_old_one_and_keeps_the_measurement(state):
    for event in (answer(WHICH, "b", "=a"), answer(WHICH, "=a")):
        state.post("ada", event)
    state.reveal(WHICH, True)
    answers = state.snapshot(False)["questions"][0]["answers"]
    assert [(each["count"], each["engine"]) for each in answers] == [(1, True), (0, False)]


# -- exercises -----------------------------------------------------------------------

def exercise(state):
    return state.snapshot(True)["exercises"][0]


def test_a_learner_is_stuck_after_three_failures_of_a_rule(state):
    for fails in (("size", "builds"), ("size",), ("builds",)):
        state.post("ada", check(*fails))
    assert exercise(state)["stuck"] == []
    state.post("ada", check("size"))
    assert exercise(state)["stuck"] == [{"why": "size", "count": 1, "names": ["ada"]}]
    state.post("ada", check("builds"))     # the third of that one, and size is no longer what fails
    assert [each["why"] for each in exercise(state)["stuck"]] == ["builds"]
    state.post("ada", check())
    assert exercise(state) == {"exercise": "01-split", "passed": {"count": 1, "names": ["ada"]},
                               "trying": {"count": 0, "names": []}, "stuck": []}


def test_a_learner_is_stuck_after_ten_idle_minutes_in_an_exercise(state, clock):
    for name in ("ada", "bob"):
        state.post(name, check("size"))
    clock.now += 599
    assert exercise(state)["stuck"] == []
    state.post("bob", answer(WHICH, "b"))
    clock.now += 601
    assert exercise(state)["stuck"] == [{"why": "10 minutes without a run", "count": 1, "names": ["ada"]}]


def test_each_learner_is_where_the_last_event_was(state):
    state.post("ada", answer(SIZE, 3e8))
    state.post("bob", answer(SIZE, 3e8))
    state.post("bob", check("size"))
    assert [(each["place"], each["exercise"], each["names"]) for each in state.snapshot(True)["where"]] == [
        ("01-one-stage", False, ["ada"]), ("01-split", True, ["bob"])]


# -- kept, and exported --------------------------------------------------------------

def test_a_restart_keeps_all_complete_lines(state, tmp_path, clock):
    state.post("ada", answer(WHICH, "b", "=a"))
    for _ in range(3):
        state.post("ada", check("size"))
    state.reveal(WHICH, True)
    before = state.snapshot(True)
    with open(tmp_path / "events.jsonl", "a") as file:
        file.write('{"at": 1, "lear')
    after = State(COURSE, tmp_path / "events.jsonl", clock)
    assert after.snapshot(True) == before and after.learners["ada"].events == 4
    after.post("bob", check("size"))
    assert State(COURSE, tmp_path / "events.jsonl", clock).snapshot(True)["learners"] == 2


def test_csv_cells_are_never_formulas(state):
    state.post('=cmd|"/c calc"!A1', answer(WHICH, "=a", "b"))
    state.post("ada", check("size", "test: builds"))
    state.post("bob", answer(SIZE, 3e8))
    rows = list(csv.DictReader(io.StringIO("".join(state.table()))))
    assert [(row["learner"], row["answer"], row["engine"], row["failed rules"]) for row in rows] == [
        ("'=cmd|\"/c calc\"!A1", "'=a", "b", ""), ("ada", "", "", "size, test: builds"), ("bob", "300 MB", "", "")]
    assert rows[0]["time"] == "2027-01-15T08:00:00+00:00" and rows[1]["passed"] == "no"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r\n")]


# -- what a session sends ------------------------------------------------------------

@pytest.fixture
def sent(home, monkeypatch):
    """The events that a session in a class sends."""
    events = []
    monkeypatch.setenv(client.ADDRESS, "http://127.0.0.1:9/services/class")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token")
    monkeypatch.setattr(client, "_said", [])
    monkeypatch.setattr(client._sender, "submit", lambda _, event: events.append(event))
    return events


def test_only_answers_and_failed_rules_are_sent(sent):
    predict(SIZE, unit="MB", value=300).compare(837_000_000)
    predict(WHICH, ["=a", "b"]).compare("b")     # nothing was predicted
    asked = predict(WHICH, ["=a", "b"])
    asked._widget().children[1].value = "b"
    asked.compare({"=a": True, "b": False})
    question = ask("01-uses-the-compiler")
    question._widget().children[1].value = question.choices[0]
    client.check(Verdict("01-split", "Dockerfile", (), (Fail("size", "830 MB of secret text", 3),), text="FROM mine"))
    client.check(Verdict("01-split", "Dockerfile", (), (), lacks=("This engine has no BuildKit.",)))
    assert sent == [answer(SIZE, 3e8, 837_000_000), answer(WHICH, "b"), answer(WHICH, "b", "=a"),
                    answer(question.question, question.choices[0], question.answer), check("size")]


def test_sent_events_are_accepted(sent, state):
    predict(SIZE, unit="MB", value=300).compare(837_000_000)
    predict(WHICH, ["=a", "b"], value="b").compare("none at all")
    for event in sent[:1]:
        state.post("ada", event)
    state.reveal(SIZE, True)
    assert repr(YouAndTheClass(state.mine("ada"))).splitlines()[1:] == [
        "  300 MB  1  ████████████████████  you", "  837 MB  0  the engine"]


def test_outside_a_class_nothing_is_sent(sent, monkeypatch):
    for name in (client.ADDRESS, "JUPYTERHUB_API_TOKEN"):
        with monkeypatch.context() as without:
            without.delenv(name)
            predict(SIZE, unit="MB", value=300).compare(837_000_000)
            assert client.notice() == ""
            for refused in (client.mine, lambda: client.switch(False)):
                with pytest.raises(CourseError, match="not a session in a class"):
                    refused()
    assert sent == []


def test_the_notice_is_shown_once_and_sending_can_be_turned_off(sent):
    assert "%class off" in client.notice() and client.notice() == ""
    client.switch(False)
    client._said.clear()
    predict(SIZE, unit="MB", value=300).compare(837_000_000)
    assert sent == [] and client.notice() == "" and progress.load().predictions
    client.switch(True)
    predict(SIZE, unit="MB", value=300).compare(837_000_000)
    assert len(sent) == 1


def test_the_notice_is_shown_when_a_lesson_starts(sent, monkeypatch):
    shown = []
    monkeypatch.setattr(kernel.magics, "load_ipython_extension", lambda shell: None)
    monkeypatch.setattr(kernel, "get_ipython", lambda: type("Shell", (), {"events": type("Events", (), {
        "callbacks": {"post_run_cell": [kernel.terminal.show_commands]}})}))
    monkeypatch.setattr(kernel, "display", shown.append)
    monkeypatch.setattr(kernel.recorded, "register", lambda *_: None)
    kernel.load()
    kernel.load()
    assert ["%class off" in each for each in shown] == [True]


def test_an_unreachable_hub_breaks_nothing(sent):
    client._post(answer(SIZE, 3e8))
    client._post({"not": object()})
    with pytest.raises(CourseError, match="does not answer"):
        client.mine()


# -- you and the class ---------------------------------------------------------------

def test_you_and_the_class_as_text_and_html():
    nasty = "<script>alert(1)</script>"
    shown = YouAndTheClass([{"question": nasty, "mine": "a & b", "answers": [
        {"answer": "a & b", "count": 4, "engine": True}, {"answer": nasty, "count": 2, "engine": False}]}])
    assert repr(shown).splitlines() == [nasty, f"  a & b  4  {'█' * 20}  you, the engine", f"  {nasty}  2  {'█' * 10}"]
    page = shown._repr_html_()
    assert "<script" not in page and "a &amp; b" in page and "<caption" in page
    assert "nothing to compare yet" in repr(YouAndTheClass([])) and "<p>" in YouAndTheClass([])._repr_html_()
