"""The events that a session may send: an answer to a question, or the verdict on an exercise.

    {"kind": "answer", "question": Q, "answer": a choice or a number, "found": the measured one, optional}
    {"kind": "check", "exercise": NAME, "passed": true or false, "fails": [RULE, ...]}

Everything is checked against the course: apart from numbers, a learner cannot make anything up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import questions
from ...checks import RULES, find, names
from ...questions import Asked


class EventRefused(ValueError):
    """A refused event; `status` is the HTTP status."""

    def __init__(self, why: str, status: int = 400):
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Course:
    """The questions by their text, and the rules of each exercise by its name."""

    questions: Mapping[str, Asked]
    exercises: Mapping[str, frozenset[str]]

    @classmethod
    def here(cls) -> Course:
        """The course in this checkout."""
        return cls({each.question: each for each in questions.asked()}, {
            name: frozenset([*RULES, *(f"{target}: {rule}" for target in find(name).targets for rule in RULES)])
            for name in names()})

    def event(self, body: object) -> dict[str, Any]:
        """A request's body as an event, with the known keys only. Raises EventRefused."""
        if not isinstance(body, dict):
            raise EventRefused("An event is a JSON object.")
        if body.get("kind") == "answer":
            return self._answer(body)
        if body.get("kind") == "check":
            return self._check(body)
        raise EventRefused("An event is an answer or a check.")

    def _answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        asked = self.asked(body.get("question"))
        event = {"kind": "answer", "question": asked.question, "answer": _valid(asked, body.get("answer"))}
        if body.get("found") is not None:
            found = body["found"]
            event["found"] = found if asked.choices and found == questions.NONE_OF_THESE else _valid(asked, found)
        return event

    def _check(self, body: Mapping[str, Any]) -> dict[str, Any]:
        name, passed, fails = body.get("exercise"), body.get("passed"), body.get("fails")
        rules = self.exercises.get(name) if isinstance(name, str) else None
        if rules is None or not isinstance(passed, bool) or not isinstance(fails, list):
            raise EventRefused("A check needs an exercise of the course, whether it passed, and the rules that failed.")
        if not all(isinstance(each, str) and each in rules for each in fails) or passed == bool(fails):
            raise EventRefused("A failed check names the failed rules of its exercise; a passed one names none.")
        return {"kind": "check", "exercise": name, "passed": passed, "fails": sorted(set(fails))}

    def asked(self, question: object) -> Asked:
        """A question of the course by its text. Raises EventRefused if there is none."""
        found = self.questions.get(question) if isinstance(question, str) else None
        if found is None:
            raise EventRefused("The course has no such question.")
        return found


def _valid(asked: Asked, answer: object) -> str | float:
    if asked.choices and isinstance(answer, str) and answer in asked.choices:
        return answer
    number = isinstance(answer, int | float) and not isinstance(answer, bool)
    if not asked.choices and number and 0 < answer < 1e18:    # type: ignore[operator]
        return float(answer)    # type: ignore[arg-type]
    raise EventRefused("Not a valid answer to this question.")
