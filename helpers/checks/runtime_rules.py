"""The rules about a running image. It has no network outside this machine, no capabilities, and little memory and time.
Its answers are compared as text, and never run."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial

from .. import container
from ..engine import Engine
from ..errors import CourseError, EngineError
from ..limits import Bounds
from .exercise import Request, Run, Serve
from .placeholders import Values
from .verdict import Fail, Findings

SECONDS = 30           # for a program to end
DISK = 500_000_000     # bytes that a container may write
_TIMES = 2             # runs of a program, and of each request, with new random values each time
_HEALTH = 5            # seconds for a health check to end
_SHOWN = 300           # characters of an answer that a message quotes

Fresh = Callable[[], Values]


def programs(runs: Sequence[Run], image: str, fresh: Fresh, engine: Engine, found: Findings) -> None:
    """Judge `starts`, `output` and `proof`, for programs that run to their end. `fresh` returns new random values."""
    fails = [failed for asked in runs if (failed := _first(partial(_program, asked, image, engine), fresh))]
    _judge(found, fails, "output", [text for each in runs for text in each.output])


def _first(judge: Callable[[Values], Fail | None], fresh: Fresh) -> Fail | None:
    """The first fail of several runs, each with new values."""
    return next(filter(None, (judge(fresh()) for _ in range(_TIMES))), None)


def _program(asked: Run, image: str, engine: Engine, values: Values) -> Fail | None:
    arguments = None if asked.arguments is None else [values.fill(each) for each in asked.arguments]
    said = f"Run with {' '.join(arguments or ()) or 'no arguments'}, it"
    bounds = Bounds.of(engine, SECONDS, DISK)
    try:
        sandbox = container.Sandbox(asked.read_only, capabilities=(), bounds=bounds)
        ran = container.run(image, arguments, sandbox=sandbox, timeout=SECONDS + 10, engine=engine)
    except EngineError:
        raise
    except CourseError as error:
        return Fail("starts", reason(error))
    if bounds.exceeded:
        what = f"did not end within {SECONDS} s" if bounds.exceeded == "time" else "wrote more than it may"
        return Fail("starts", f"The program {what} and was stopped.")
    if ran.exit_code != asked.exit:
        return Fail("output", f"{said} ended with exit code {ran.exit_code}; it should end with {asked.exit}. "
                    f"It printed: {quoted(ran.output)}")
    return _texts("output", asked.output, asked.not_output, ran.output, values, f"{said} printed")


def server(asked: Serve, image: str, fresh: Fresh, engine: Engine, may_be_root: bool, found: Findings) -> None:
    """Judge `starts`, `user` (of its processes, unless they may be root), `answers`, `proof` and `healthy`, for a
    server. `fresh` returns new random values."""
    bounds = Bounds.of(engine, asked.seconds + SECONDS, DISK)
    as_root, unwell = False, ""
    try:
        sandbox = container.Sandbox(asked.read_only, asked.writable, asked.capabilities, isolated=True, bounds=bounds)
        with container.serve(image, port=asked.port, sandbox=sandbox, timeout=asked.seconds, engine=engine) as running:
            as_root = not may_be_root and engine.has_users and 0 in _users(running)
            fails = [failed for each in asked.requests if (failed := _first(partial(_request, each, running), fresh))]
            unwell = _health(running, engine) if asked.healthy else ""
    except EngineError:
        raise
    except CourseError as error:
        stopped = " It was stopped, since it wrote more than it may." if bounds.exceeded == "disk" else ""
        fails = [Fail("starts", reason(error) + stopped)]
    if as_root:
        found.judge("user", [Fail("user", "Its processes run as root.")])
    _judge(found, fails, "answers", [text for each in asked.requests for text in each.contains])
    if asked.healthy and not found.failed("starts"):
        found.judge("healthy", [Fail("healthy", unwell)] if unwell else ())


def _health(running: container.ServedContainer, engine: Engine) -> str:
    """Why the health check is wrong; '' if it passes while the server works, and fails while the server hangs. It is
    run at once, without waiting for the engine."""
    with engine.translate_errors("show the health check"):
        asked = engine.client.api.inspect_container(running.name)["Config"].get("Healthcheck") or {}
    kind, *words = asked.get("Test") or ["NONE"]
    if kind == "NONE" or not words:
        return "There is no HEALTHCHECK in the last stage, so nobody notices when the server hangs."
    command = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
    named = f"the health check {' '.join(words)!r}"
    if refused := _ask(running, command):
        return f"The server works, but {named} fails. {refused}"
    with engine.translate_errors("pause the server"):
        engine.client.api.kill(running.name, "SIGSTOP")
    try:
        return "" if _ask(running, command) else (
            f"The server was made to hang, but {named} still passes. It has to send the server a request.")
    finally:
        with engine.translate_errors("resume the server"):
            engine.client.api.kill(running.name, "SIGCONT")


def _ask(running: container.ServedContainer, command: list[str]) -> str:
    """Why a health check fails; '' if it passes. One that does not end fails."""
    answers = [f"It did not end within {_HEALTH} s."]

    def ask() -> None:
        try:
            ran = running.run(command)
            answers.append(f"It ended with exit code {ran.exit_code}. It printed: {quoted(ran.output)}"
                           if ran.exit_code else "")
        except CourseError as error:
            answers.append(reason(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_HEALTH)
    return answers[-1]


def _users(running: container.ServedContainer) -> frozenset[int]:
    with contextlib.suppress(CourseError, ValueError, KeyError):   # some engines list no user IDs
        return running.users
    return frozenset()


def _request(asked: Request, running: container.ServedContainer, values: Values) -> Fail | None:
    path = values.fill(asked.path)
    try:
        answer = running.get(path)
    except EngineError:
        raise
    except CourseError as error:
        return Fail("answers", reason(error))
    if answer.status != asked.status:
        return Fail("answers", f"Asked for {path}, it answered with status {answer.status}: {quoted(answer.text)} It "
                    f"should answer with status {asked.status}.")
    return _texts("answers", asked.contains, asked.lacks, answer.text, values, f"Asked for {path}, it answered")


def _texts(rule: str, wanted: Sequence[str], unwanted: Sequence[str], text: str, values: Values,
           said: str) -> Fail | None:
    for each in wanted:
        if values.fill(each) not in text and "{proof}" in each:
            return Fail("proof", "The check changed a word in a copy of the source, and the program does not know it: "
                        f"it was not compiled from this source in this build. {said}: {quoted(text)}")
        if values.fill(each) not in text:
            return Fail(rule, f"{said}: {quoted(text)} It should say {values.fill(each)!r}; each check uses "
                        "different words.")
    for each in unwanted:
        if values.fill(each) in text:
            return Fail(rule, f"{said}: {quoted(text)} It should not say {values.fill(each)!r}.")
    return None


def _judge(found: Findings, fails: list[Fail], rule: str, expected: list[str]) -> None:
    """Whether it starts, then what it says, then the proof: after a fail, the next is not judged."""
    for each in ("starts", rule, *(("proof",) if any("{proof}" in text for text in expected) else ())):
        if not found.judge(each, [fail for fail in fails if fail.rule == each]):
            break


def reason(error: CourseError) -> str:
    """Why something did not run, in words for a learner, who does not know the ID of the image."""
    what = "The image" + error.what[error.what.index(" "):] if error.what.startswith("sha256:") else error.what
    printed = f"It printed: {quoted(error.evidence)}" if error.evidence else ""
    return " ".join(filter(None, (what, error.why, printed)))


def quoted(text: str) -> str:
    """The beginning of what was printed, quoted."""
    text = text.strip()
    return repr(text[:_SHOWN] + (" ..." if len(text) > _SHOWN else "")) + "."
