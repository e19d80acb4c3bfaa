"""What the result says when it is run, strictly held: no network but to this machine,
no capabilities, little memory and time. Its answers are only ever compared as text."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from .. import container
from ..limits import Bounds
from ..engine import Engine
from ..errors import CourseError, EngineError
from .exercise import Content, Request, Run, Serve
from .placeholders import Values
from .verdict import Fail, Findings

SECONDS = 30           # for a program to end
_HEALTH = 5             # for a health check to end
DISK = 500_000_000     # bytes that a container may write
_SHOWN = 300            # characters of an answer that a message quotes

Fresh = Callable[[], Values]


def programs(runs: tuple[Run, ...], image: str, fresh: Fresh, engine: Engine) -> Findings:
    """Rules `starts`, `output` and `proof` of what runs to its end."""
    found = Findings()
    fails: dict[str, list[Fail]] = {}
    for asked in runs:
        for _ in range(asked.times):
            rule, fail = _program(asked, image, fresh(), engine)
            fails.setdefault(rule, []).extend(fail[:1])
            if fail:
                break
    _judge(found, fails, "output", any("{proof}" in text for each in runs for text in each.output))
    return found


def _program(asked: Run, image: str, values: Values, engine: Engine) -> tuple[str, list[Fail]]:
    """(the rule that it is about, its fails)."""
    arguments = None if asked.arguments is None else [values.fill(each) for each in asked.arguments]
    said = " ".join(arguments or ())
    bounds = Bounds.of(engine, SECONDS, DISK)
    try:
        sandbox = container.Sandbox(asked.read_only, capabilities=asked.capabilities, bounds=bounds)
        ran = container.run(image, arguments, sandbox=sandbox, timeout=SECONDS + 10, engine=engine)
    except EngineError:
        raise
    except CourseError as error:
        return "starts", [Fail("starts", f"{told(error)}")]
    if bounds.exceeded:
        what = f"did not end within {SECONDS} s" if bounds.exceeded == "time" else "wrote more than it may"
        return "starts", [Fail("starts", f"The program {what} and was stopped.")]
    if ran.exit_code != asked.exit:
        return "output", [Fail("output", f"Run with {said or 'no words'} it ended with exit code {ran.exit_code}; "
                               f"{asked.exit} is wanted. It printed: {quoted(ran.output)}")]
    return _texts("output", asked.output, asked.not_output, ran.output, values, f"Run with {said or 'no words'} it printed")


def server(asked: Serve, image: str, fresh: Fresh, engine: Engine, content: Content) -> Findings:
    """Rules `starts`, `user` (as its processes have it), `answers` and `proof` of a server."""
    found, fails = Findings(), {}
    bounds = Bounds.of(engine, asked.seconds + SECONDS, DISK)
    try:
        sandbox = container.Sandbox(asked.read_only, asked.writable, asked.capabilities, isolated=True, bounds=bounds)
        with container.serve(image, port=asked.port, sandbox=sandbox, timeout=asked.seconds, engine=engine) as running:
            if content.user == "not root" and engine.has_users and 0 in _users(running):
                found.judge("user", [Fail("user", "Its processes run as root.")])
            for request in asked.requests:
                for _ in range(request.times):
                    rule, fail = _request(request, running, fresh())
                    fails.setdefault(rule, []).extend(fail[:1])
                    if fail:
                        break
            if asked.healthy:
                fails["healthy"] = _health(running, engine)
    except EngineError:
        raise
    except CourseError as error:
        stopped = " It was stopped: it wrote more than it may." if bounds.exceeded == "disk" else ""
        fails = {"starts": [Fail("starts", told(error) + stopped)]}
    _judge(found, fails, "answers", any("{proof}" in text for each in asked.requests for text in each.contains))
    if asked.healthy and not found.failed("starts"):
        found.judge("healthy", fails.get("healthy", ()))
    return found


def _health(running: container.Server, engine: Engine) -> list[Fail]:
    """Rule `healthy`: the command of HEALTHCHECK says yes while the server is well, and no
    while it is stopped. The engine asks it at its own times; here it is asked at once."""
    with engine.translate_errors("show the health check"):
        asked = engine.client.api.inspect_container(running.name)["Config"].get("Healthcheck") or {}
    kind, *words = asked.get("Test") or ["NONE"]
    if kind == "NONE" or not words:
        return [Fail("healthy", "There is no HEALTHCHECK in the last stage, so that nobody notices a server that hangs.")]
    command = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
    told = _ask(running, command)
    if told:
        return [Fail("healthy", f"The server is well, and the health check {' '.join(words)!r} says that it is not. {told}")]
    with engine.translate_errors("stop the server for a moment"):
        engine.client.api.kill(running.name, "SIGSTOP")
    try:
        if not _ask(running, command):
            return [Fail("healthy", f"The server was made to hang, and the health check {' '.join(words)!r} says that all is "
                         "well. It has to ask the server something.")]
    finally:
        with engine.translate_errors("let the server go on"):
            engine.client.api.kill(running.name, "SIGCONT")
    return []


def _ask(running: container.Server, command: list[str]) -> str:
    """Why a health check says no; '' if it says yes. One that does not end says no."""
    answers: list[str] = []

    def ask() -> None:
        try:
            ran = running.run(command)
            answers.append("" if ran.exit_code == 0 else f"It ended with exit code {ran.exit_code}. It printed: {quoted(ran.output)}")
        except CourseError as error:
            answers.append(told(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_HEALTH)
    return answers[0] if answers else f"It did not end within {_HEALTH} s."


def _users(running: container.Server) -> frozenset[int]:
    with contextlib.suppress(CourseError, ValueError, KeyError):   # an engine that lists no numbers
        return running.users
    return frozenset()


def _request(asked: Request, running: container.Server, values: Values) -> tuple[str, list[Fail]]:
    path = values.fill(asked.path)
    try:
        answer = running.get(path)
    except EngineError:
        raise
    except CourseError as error:
        return "answers", [Fail("answers", told(error))]
    if answer.status != asked.status:
        return "answers", [Fail("answers", f"Asked for {path} it answered with status {answer.status}; "
                                f"{asked.status} is wanted.")]
    return _texts("answers", asked.contains, asked.lacks, answer.text, values, f"Asked for {path} it answered")


def _texts(rule: str, wanted, unwanted, text: str, values: Values, said: str) -> tuple[str, list[Fail]]:
    for each in wanted:
        if values.fill(each) not in text:
            if "{proof}" in each:
                return "proof", [Fail("proof", "The check changed a word in a copy of the source, and the program does "
                                      f"not know it: it was not compiled from this source in this build. {said}: "
                                      f"{quoted(text)}")]
            return rule, [Fail(rule, f"{said}: {quoted(text)} It should say {values.fill(each)!r}: the words are "
                               "others at each check.")]
    for each in unwanted:
        if values.fill(each) in text:
            return rule, [Fail(rule, f"{said}: {quoted(text)} It should not say {values.fill(each)!r}.")]
    return rule, []


def _judge(found: Findings, fails: dict[str, list[Fail]], rule: str, proof: bool) -> None:
    """First that it starts; then what it says; then the proof. One that does not start
    says nothing, and one that says the wrong thing need not prove anything."""
    if found.judge("starts", fails.get("starts", ())) and found.judge(rule, fails.get(rule, ())) and proof:
        found.judge("proof", fails.get("proof", ()))


def told(error: CourseError) -> str:
    """Why something did not run, in a learner's words."""
    tail = f" It printed: {quoted(error.evidence)}" if error.evidence else ""
    # The image of a check has no name that a learner knows.
    what = error.what if not error.what.startswith("sha256:") else "The image" + error.what[error.what.index(" "):]
    return f"{what}{f' {error.why}' if error.why else ''}{tail}"


def quoted(text: str) -> str:
    """What was printed, cut short."""
    text = text.strip()
    shown = text[:_SHOWN] + (" ..." if len(text) > _SHOWN else "")
    return repr(shown) + "."

