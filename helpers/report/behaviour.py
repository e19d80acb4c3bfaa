"""What a container of an image does when it is started: its output, its exit code, its answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..container import run, serve
from ..engine import Engine
from ..errors import CourseError, EngineError, NotEnded
from ..image import Start
from ..units import counted

_SHOWN = 60     # characters of a line
_SECONDS = 10   # in which a program ends, or a server answers


@dataclass(frozen=True)
class Behaviour:
    """What a container did.

    code     its exit code, None if it was still running
    output   the lines that it printed
    answer   (status, body) of a server on the lowest port that the image names, None if there was none
    error    why the engine could not start it, '' if it did
    seconds  until it ended or answered
    """

    code: int | None = None
    output: tuple[str, ...] = ()
    answer: tuple[int, bytes] | None = None
    error: str = ""
    seconds: float = 0.0


def observe(image: str, start: Start, engine: Engine) -> Behaviour:
    """Start an image as it is, without a network, and as a server where it names a port. Raises the engine's errors."""
    if start.ports:
        try:
            with serve(image, port=min(start.ports), timeout=_SECONDS, engine=engine) as server:
                answer = server.get("/")
                return Behaviour(None, (), (answer.status, answer.body), seconds=server.first_answer)
        except EngineError:
            raise
        except CourseError:   # no server, or none that answers here
            pass
    began = time.monotonic()
    try:
        ran = run(image, timeout=_SECONDS, engine=engine)
    except NotEnded as error:
        return Behaviour(None, tuple(error.evidence.splitlines()), seconds=time.monotonic() - began)
    except EngineError:
        raise
    except CourseError as error:
        return Behaviour(None, error=f"{error.what} {error.why}")
    return Behaviour(ran.exit_code, tuple(ran.output.splitlines()), seconds=ran.seconds)


def difference(before: Behaviour, again: Behaviour, after: Behaviour) -> str:
    """What another image does otherwise, '' for nothing. `before` and `again` are of the same image: what differs
    between them says nothing."""
    if not is_steady(before, again):
        return "it behaves differently each time it starts"
    if after.error != before.error:
        return after.error or "it starts, and did not before"
    if after.code != before.code:
        return f"{_ending(after)}, and {_ending(before)} before"
    if (after.answer is None) != (before.answer is None) or after.answer and before.answer and (
            after.answer[0] != before.answer[0] or before.answer == again.answer and after.answer != before.answer):
        return "it answers otherwise on its port"
    if len(after.output) != len(before.output):
        return f"it prints {counted(len(after.output), 'line')}, and {len(before.output)} before"
    other = [(new, old) for new, old, second in zip(after.output, before.output, again.output, strict=True)
             if new != old == second]
    return f"it prints {other[0][0][:_SHOWN]!r}, and {other[0][1][:_SHOWN]!r} before" if other else ""


def is_steady(before: Behaviour, again: Behaviour) -> bool:
    """Whether an image does so much the same twice that another one can be compared with it."""
    kinds = [(each.code, bool(each.error), each.answer and each.answer[0], len(each.output))
             for each in (before, again)]
    return kinds[0] == kinds[1]


def described(done: Behaviour) -> str:
    """What was compared, as text: 'ends with exit code 0'."""
    if done.answer:
        return f"answers with status {done.answer[0]}"
    return f"is still running after {_SECONDS} s" if done.code is None else f"ends with exit code {done.code}"


def _ending(done: Behaviour) -> str:
    return "it is still running" if done.code is None else f"it ends with exit code {done.code}"
