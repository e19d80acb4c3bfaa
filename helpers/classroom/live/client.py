"""A session's client of the live class view.

Outside a class it does nothing. In a class a thread sends the events, so that a lesson never waits or fails because of
it.
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
_said: list[bool] = []    # whether this kernel has shown the notice


def in_class() -> bool:
    """Whether this is a session in a class."""
    return bool(os.environ.get(ADDRESS) and os.environ.get(_TOKEN))


def sending() -> bool:
    """Whether answers are sent: in a class, unless the learner turned it off."""
    return in_class() and not _off().exists()


def switch(on: bool) -> None:
    """Turn sending on or off for all notebooks of this session. Raises CourseError outside a class."""
    _need_class()
    _off().parent.mkdir(parents=True, exist_ok=True)
    if on:
        _off().unlink(missing_ok=True)
    else:
        _off().touch()


def notice() -> str:
    """What is sent and how to stop it, once per kernel; '' afterwards, or if nothing is sent."""
    if _said or not sending():
        return ""
    _said.append(True)
    return _SENDING


def answer(question: str, given: str | float, found: object = None) -> None:
    """Send an answer (sizes in bytes), and what was measured. Never raises or waits."""
    if given:
        _send({"kind": "answer", "question": question, "answer": given, "found": found})


def check(verdict: Verdict) -> None:
    """Send which rules of an exercise failed. Never raises or waits."""
    if not verdict.lacks:
        _send({"kind": "check", "exercise": verdict.exercise, "passed": verdict.passed,
               "fails": [each.rule for each in verdict.fails]})


def mine() -> list[dict[str, Any]]:
    """The class's answers to the questions that were revealed and that this learner answered. Raises CourseError."""
    _need_class()
    try:
        answer = _request("GET", "mine")
        answer.raise_for_status()
        return list(answer.json())
    except (requests.RequestException, ValueError) as error:
        raise CourseError("The class view does not answer.", why=str(error), remedy="Try again in a minute.") from error


def _send(event: dict[str, Any]) -> None:
    if sending():
        with contextlib.suppress(RuntimeError):     # the interpreter is shutting down
            _sender.submit(_post, event)


def _post(event: dict[str, Any]) -> None:
    with contextlib.suppress(Exception):
        _request("POST", "event", json=event)


def _request(method: str, path: str, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False     # the view is on the learners' network: no HTTP proxy
        session.headers["Authorization"] = f"token {os.environ[_TOKEN]}"
        return session.request(method, f"{os.environ[ADDRESS].rstrip('/')}/{path}", timeout=_SECONDS,
                               allow_redirects=False, **options)


def _need_class() -> None:
    if not in_class():
        raise CourseError("This is not a session in a class.", remedy="An instructor opens a class with `make class`.")


def _off() -> Path:
    return paths.state() / "class-view-off"
