"""A class in memory: who answered what, and who is stuck on which rule. Every event is also a line in a file, so that a
restart loses nothing."""

import contextlib
import csv
import io
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...questions import written
from .events import Course, EventRefused

STUCK_FAILS, STUCK_SECONDS = 3, 600
_BURST, _EACH_SECOND = 30, 1.0    # rate limit per learner: a burst, then events per second
_LEARNERS, _EVENTS = 1000, 3000   # learners at most, and events of each: about 0.5 MB in the file
COLUMNS = ("time", "learner", "lesson or exercise", "kind", "question", "answer", "engine", "passed", "failed rules")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass
class Tries:
    """A learner's attempts at an exercise. `counts` has how often each rule failed."""

    passed: bool = False
    fails: tuple[str, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Learner:
    """A learner. `answers` is {question: (answer, measured or None)}; `place` the latest event's lesson or exercise."""

    place: str = ""
    at: float = 0
    answers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    tries: dict[str, Tries] = field(default_factory=dict)
    events: int = 0
    allowance: float = _BURST    # events that may be sent right now
    asked: float = 0             # when `allowance` was computed, in seconds since 1970

    def stuck(self, exercise: str, now: float) -> list[str]:
        """Why the learner is stuck in an exercise: rules that keep failing, or too long without a run. `now` is in
        seconds since 1970."""
        tries = self.tries[exercise]
        if tries.passed:
            return []
        rules = [rule for rule in tries.fails if tries.counts[rule] >= STUCK_FAILS]
        idle = self.place == exercise and now - self.at >= STUCK_SECONDS
        return rules or [f"{STUCK_SECONDS // 60} minutes without a run"] * idle


class State:
    """The class, restored from `file` if that exists."""

    def __init__(self, course: Course, file: Path, clock: Callable[[], float] = time.time):
        self._course, self._file, self._clock = course, file, clock
        self.learners: dict[str, Learner] = {}
        self.revealed: dict[str, None] = {}
        for event in self._kept():
            self._take(event)
        self._end_half_line()

    def post(self, name: str, body: object) -> None:
        """Accept an event from a learner. Raises EventRefused."""
        now = self._clock()
        if name not in self.learners and len(self.learners) >= _LEARNERS:
            raise EventRefused("This class is full.", 429)
        learner = self.learners.setdefault(name, Learner(asked=now))
        learner.allowance = min(_BURST, learner.allowance + (now - learner.asked) * _EACH_SECOND)
        learner.asked = now
        if learner.allowance < 1 or learner.events >= _EVENTS:
            raise EventRefused("Too many events.", 429)
        learner.allowance -= 1
        self._keep({"at": round(now, 3), "learner": name, **self._course.event(body)})

    def reveal(self, question: object, shown: bool) -> None:
        """Show or hide the answers to a question. Raises EventRefused for an unknown one."""
        self._keep({"at": round(self._clock(), 3), "reveal": self._course.asked(question).question, "shown": shown})

    def snapshot(self, names: bool) -> dict[str, Any]:
        """The class for the instructor's page, with or without learners' names."""
        now = self._clock()
        active = {name: each for name, each in self.learners.items() if each.events}
        places: defaultdict[str, list[str]] = defaultdict(list)
        for name, each in active.items():
            places[each.place].append(name)
        return {"learners": len(active), "questions": self._questions(active, names),
                "where": [{"place": place, "exercise": place in self._course.exercises, **_people(places[place], names)}
                          for place in sorted(places)],
                "exercises": [self._exercise(each, active, names, now) for each in self._course.exercises
                              if any(each in learner.tries for learner in active.values())]}

    def mine(self, name: str) -> list[dict[str, Any]]:
        """The class's and the learner's answers to what was revealed and this learner answered."""
        answers = self.learners[name].answers if name in self.learners else {}
        return [{**self._answers(question, self.learners, False), "mine": self._words(question, answers[question][0])}
                for question in self._course.questions if question in self.revealed and question in answers]

    def table(self) -> Iterator[str]:
        """All events as lines of CSV. No cell can be taken for a spreadsheet formula."""
        yield _line(COLUMNS)
        for event in self._kept():
            if "learner" in event:
                with contextlib.suppress(EventRefused):    # a question of an older course
                    yield _line(self._row(event))

    def _row(self, event: Mapping[str, Any]) -> list[str]:
        when = datetime.fromtimestamp(event["at"], UTC).isoformat(timespec="seconds")
        if event["kind"] == "check":
            return [when, event["learner"], event["exercise"], "check", "", "", "", "yes" if event["passed"] else "no",
                    ", ".join(event["fails"])]
        asked = self._course.asked(event["question"])
        found = self._words(asked.question, event["found"]) if "found" in event else ""
        return [when, event["learner"], asked.lesson, "prediction" if asked.predicted else "question", asked.question,
                self._words(asked.question, event["answer"]), found, "", ""]

    def _questions(self, learners: Mapping[str, Learner], names: bool) -> list[dict[str, Any]]:
        """The answered questions in the course's order, with answers if revealed."""
        found = []
        for question, asked in self._course.questions.items():
            if people := [name for name, each in learners.items() if question in each.answers]:
                revealed = question in self.revealed
                shown = self._answers(question, learners, names) if revealed else {"question": question}
                found.append({**shown, "lesson": asked.lesson, "predicted": asked.predicted,
                              "answered": len(people), "revealed": revealed})
        return found

    def _answers(self, question: str, learners: Mapping[str, Learner], names: bool) -> dict[str, Any]:
        """All answers, how many learners gave each, and the one measured most often, even if nobody gave it. Choices
        are in the lesson's order, numbers ascending."""
        given: defaultdict[Any, list[str]] = defaultdict(list)
        engine: Counter[Any] = Counter()
        for name, each in learners.items():
            answer, found = each.answers.get(question, (None, None))
            if answer is not None:
                given[answer].append(name)
            if found is not None:
                engine[found] += 1
        most = [each for each, _ in engine.most_common(1)]
        order = [*dict.fromkeys([*self._course.questions[question].choices, *sorted({*given, *most})])]
        return {"question": question, "answers": [{"answer": self._words(question, each), "engine": each in most,
                                                   **_people(given[each], names)} for each in order]}

    def _exercise(self, name: str, learners: Mapping[str, Learner], names: bool, now: float) -> dict[str, Any]:
        passed: list[str] = []
        trying: list[str] = []
        stuck: defaultdict[str, list[str]] = defaultdict(list)
        for each, learner in learners.items():
            if name in learner.tries:
                (passed if learner.tries[name].passed else trying).append(each)
                for why in learner.stuck(name, now):
                    stuck[why].append(each)
        return {"exercise": name, "passed": _people(passed, names), "trying": _people(trying, names),
                "stuck": [{"why": why, **_people(people, names)} for why, people in stuck.items()]}

    def _words(self, question: str, answer: str | float) -> str:
        return answer if isinstance(answer, str) else written(answer, self._course.questions[question].unit)

    def _keep(self, event: Mapping[str, Any]) -> None:
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
        self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        if "reveal" in event:
            self.revealed.pop(event["reveal"], None)
            if event["shown"]:
                self.revealed[event["reveal"]] = None
            return
        learner = self.learners.setdefault(event["learner"], Learner())
        learner.events, learner.at = learner.events + 1, event["at"]
        if event["kind"] == "check":
            learner.place = event["exercise"]
            tries = learner.tries.setdefault(learner.place, Tries())
            tries.passed, tries.fails = tries.passed or event["passed"], tuple(event["fails"])
            tries.counts.update(event["fails"])
        elif event["question"] in self._course.questions:
            learner.place = self._course.questions[event["question"]].lesson
            _, found = learner.answers.get(event["question"], (None, None))
            learner.answers[event["question"]] = event["answer"], event.get("found", found)

    def _kept(self) -> Iterator[dict[str, Any]]:
        """The events in the file, without a line cut short by a crash."""
        with contextlib.suppress(FileNotFoundError), open(self._file, encoding="utf-8") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def _end_half_line(self) -> None:
        if self._file.exists() and self._file.read_bytes()[-1:] not in (b"", b"\n"):
            with open(self._file, "a") as file:
                file.write("\n")


def _people(names: list[str], shown: bool) -> dict[str, Any]:
    return {"count": len(names), **({"names": sorted(names)} if shown else {})}


def _line(cells: tuple[str, ...] | list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(f"'{each}" if each.startswith(_FORMULA) else each for each in cells)
    return out.getvalue()
