"""Turn errors of an engine into `CourseError`s."""

import contextlib
from collections.abc import Iterator

import requests
import urllib3
from docker.errors import APIError, DockerException
from docker.errors import ImageNotFound as SDKImageNotFound

from ..errors import DiskFull, EngineFault, EngineGone, ImageNotFound

# What the SDK raises when the connection is lost.
_LOST = (
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.Timeout,
    requests.exceptions.InvalidJSONError,   # a truncated answer
    urllib3.exceptions.HTTPError,
    ConnectionError,
)


@contextlib.contextmanager
def translate_errors(doing: str, host: str) -> Iterator[None]:
    """Turn errors of the SDK and its libraries in the block into `CourseError`s that name `doing`.

    EngineGone     the connection was lost or timed out
    DiskFull       the engine's disk is full
    ImageNotFound  there is no such image
    EngineFault    any other error"""
    try:
        yield
    except SDKImageNotFound as error:
        raise ImageNotFound(f"The engine could not {doing}: it has no such image.", why=error.explanation or str(error),
                            remedy="Check the name with `docker images` or build the image first.") from error
    except APIError as error:
        raise engine_fault(doing, error.explanation or str(error)) from error
    except _LOST as error:
        raise EngineGone(f"The engine at {host} stopped answering when asked to {doing}.", why=_lost(error),
                         remedy="Run the cell again: the course reconnects. If that fails, `python -m helpers doctor` "
                                "says what is wrong, and `make engine` restarts the course's own engine.") from error
    except DockerException as error:
        raise EngineFault(f"The engine could not {doing}.", why=str(error)) from error


def engine_fault(doing: str, message: str) -> EngineFault | DiskFull:
    """The `CourseError` for an error message of the engine."""
    if "no space left on device" in message.lower():
        return DiskFull(f"The engine could not {doing}: its disk is full.", why=message,
                        remedy="`python -m helpers clean` removes what the course built; "
                               "`docker system df` shows what else takes space.")
    return EngineFault(f"The engine could not {doing}.", why=message)


def message_of(response: requests.Response) -> str:
    """The message of an engine's error."""
    try:
        answer = response.json()
        return answer.get("message") or answer["error"]   # the latter from Podman's push
    except (ValueError, KeyError, AttributeError):
        return f"HTTP {response.status_code} {response.reason}"


def _lost(error: BaseException) -> str:
    """Why the connection was lost. urllib3 reports a truncated chunked answer as a number that it cannot parse."""
    said = root_cause(error)
    return "Its answer was truncated." if "with base 16" in said else said


def root_cause(error: BaseException) -> str:
    """The message of the first error in the chain, usually the operating system's."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = error.__cause__ or error.__context__
        reasons = [arg for arg in getattr(error, "args", ()) if isinstance(arg, BaseException)]
        inner = getattr(error, "reason", None) or (reasons[0] if reasons else inner)
        if not isinstance(inner, BaseException):
            break
        error = inner
    return str(error) or type(error).__name__
