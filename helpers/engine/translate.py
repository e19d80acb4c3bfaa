"""An engine's errors in the course's words: what happened, why, and what to do now."""

import contextlib
from collections.abc import Iterator

import requests
import urllib3
from docker.errors import APIError, DockerException
from docker.errors import ImageNotFound as SDKImageNotFound

from ..errors import DiskFull, EngineFault, EngineGone, ImageNotFound

# What the SDK lets through when the other end goes away.
_LOST = (
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.Timeout,
    requests.exceptions.InvalidJSONError,   # an answer that was cut off
    urllib3.exceptions.HTTPError,
    ConnectionError,
)


@contextlib.contextmanager
def translate_errors(doing: str, host: str) -> Iterator[None]:
    """Turn what the SDK and its libraries raise into `CourseError`s.

    EngineGone     the connection broke or never answered
    DiskFull       the engine has no room
    ImageNotFound  an image is not there
    EngineFault    any other answer of the engine that is an error"""
    try:
        yield
    except SDKImageNotFound as error:
        raise ImageNotFound(f"The engine could not {doing}: it has no such image.", why=error.explanation or str(error),
                            remedy="Check the name with `docker images`, or build the image first.") from error
    except APIError as error:
        raise engine_fault(doing, error.explanation or str(error)) from error
    except _LOST as error:
        raise EngineGone(f"The engine at {host} stopped answering while it was to {doing}.", why=_lost(error),
                         remedy="Run the cell again: the course reconnects. If it stays away, "
                                "`python -m helpers doctor` says what is wrong; for an engine of the "
                                "course `make engine` starts it again.") from error
    except DockerException as error:
        raise EngineFault(f"The engine could not {doing}.", why=str(error)) from error


def engine_fault(doing: str, message: str) -> EngineFault | DiskFull:
    """The error for an engine's own error `message`."""
    if "no space left on device" in message.lower():
        return DiskFull(f"The engine could not {doing}: its disk is full.", why=message,
                        remedy="`python -m helpers clean` removes what the course built; "
                               "`docker system df` shows what else takes room.")
    return EngineFault(f"The engine could not {doing}.", why=message)


def message_of(response: requests.Response) -> str:
    """The engine's own words in an answer that is an error."""
    try:
        answer = response.json()
        return answer.get("message") or answer["error"]   # Podman's pushes fail with the other word
    except (ValueError, KeyError, AttributeError):
        return f"HTTP {response.status_code} {response.reason}"


def _lost(error: BaseException) -> str:
    """Why a connection is no more. An answer that ends in the middle of a piece is an
    error in a number to the library that reads the pieces."""
    said = root_cause(error)
    return "Its answer ended in the middle." if "with base 16" in said else said


def root_cause(error: BaseException) -> str:
    """The cause at the end of the chain, where the operating system speaks."""
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
