"""What a learner's session sends to the live class view, and reads of it.

Without a class nothing is sent and nothing said. In one, a thread sends: a lesson neither waits for it nor fails
with it.
"""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from ... import paths
from ...checks import Verdict
from ...errors import CourseError

ADDRESS = "MULTISTAGE_CLASS_VIEW"    # the hub of a class sets it in each session
_TOKEN = "JUPYTERHUB_API_TOKEN"
_SECONDS = 3
_SENDING = ("Your instructor sees, with your name, what you answer and which rules fail in an exercise. Nothing else "
            "is sent. %class off stops it; %class shows you and the class.")
_sender = ThreadPoolExecutor(1, "class-view")
_said: list[bool] = []    # in this kernel


def in_class() -> bool:
    """Whether this is a session of a class."""
    return bool(os.environ.get(ADDRESS) and os.environ.get(_TOKEN))


def sending() -> bool:
    """Whether answers are sent: in a class, unless the learner has switched it off."""
    return in_class() and not _off().exists()


def switch(on: bool) -> None:
    """Send from now on, or no more, in every notebook of this session. Raises CourseError outside of a class."""
    _need_class()
    _off().parent.mkdir(parents=True, exist_ok=True)
    if on:
        _off().unlink(missing_ok=True)
    else:
        _off().touch()


def notice() -> str:
    """What is sent and how to stop it, once in a kernel; '' where nothing is sent, and afterwards."""
    if _said or not sending():
        return ""
    _said.append(True)
    return _SENDING


def answer(question: str, given: str | float, found: object = None) -> None:
    """Send an answer to a question (in bytes, where it is a size), with what was found. Never raises or waits."""
    if given:
        _send({"kind": "answer", "question": question, "answer": given, "found": found})


def check(verdict: Verdict) -> None:
    """Send which rules failed in an exercise. Never raises or waits."""
    if not verdict.lacks:
        _send({"kind": "check", "exercise": verdict.exercise, "passed": verdict.passed,
               "fails": [each.rule for each in verdict.fails]})


def mine() -> list[dict[str, Any]]:
    """The class's answers to questions that the instructor has revealed and this learner has answered. Raises
    CourseError."""
    _need_class()
    try:
        answer = _request("GET", "mine")
        answer.raise_for_status()
        return list(answer.json())
    except (requests.RequestException, ValueError) as error:
        raise CourseError("The class view does not answer.", why=str(error), remedy="Try again in a minute.") from error


def _send(event: dict[str, Any]) -> None:
    if sending():
        with contextlib.suppress(RuntimeError):     # the kernel is ending
            _sender.submit(_post, event)


def _post(event: dict[str, Any]) -> None:
    with contextlib.suppress(Exception):
        _request("POST", "event", json=event)


def _request(method: str, path: str, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False     # the view is in the learners' own network, behind no proxy
        session.headers["Authorization"] = f"token {os.environ[_TOKEN]}"
        return session.request(method, f"{os.environ[ADDRESS].rstrip('/')}/{path}", timeout=_SECONDS,
                               allow_redirects=False, **options)


def _need_class() -> None:
    if not in_class():
        raise CourseError("This is no session of a class.", remedy="An instructor opens one with `make class`.")


def _off() -> Path:
    return paths.state() / "class-view-off"
