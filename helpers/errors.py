"""What can go wrong, worded so that a person can act on it.

Every error of the course is a `CourseError`, and a user's interrupt is `Interrupted`. The message has four parts, in
this order, and leaves out those that are empty:

    what happened, why, what to do now, and the evidence.

In a notebook an error shows those parts instead of a traceback through the libraries below; the cell still fails.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .text import shown


class _Explained(BaseException):
    """A message of four parts.

    what      what happened, in one sentence
    why       the cause, where it is known
    remedy    what to do now
    evidence  text to read: the end of a log, lines of a file
    line      in the file that it is about, from 1, or None
    """

    def __init__(self, what: str, *, why: str = "", remedy: str = "", evidence: str = "", line: int | None = None):
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.evidence = evidence
        self.line = line

    @property
    def kind(self) -> str:
        """The class name: what `--json` puts under `error.kind`."""
        return type(self).__name__

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append(f"Why: {self.why}")
        if self.remedy:
            parts.append(f"What to do: {self.remedy}")
        if self.evidence:
            parts.append(self.evidence.rstrip("\n"))
        return shown("\n".join(parts))

    def _render_traceback_(self) -> list[str]:
        # IPython's hook: a learner sees the message, not forty frames of urllib3.
        return [f"{self.kind}: {self}"]


class CourseError(_Explained, Exception):
    """Something that the course can explain."""


@contextlib.contextmanager
def writing(file: str | Path) -> Iterator[None]:
    """Raises CourseError where the block cannot write `file`."""
    try:
        yield
    except OSError as error:
        raise CourseError(f"{file} cannot be written.", why=error.strerror or str(error),
                          remedy="Name a file in a folder that exists and is yours to write.") from error


class Interrupted(_Explained, KeyboardInterrupt):
    """The user stopped it (Ctrl-C, or the kernel's interrupt), and it did stop.

    It is no CourseError: a lesson that expects a failure, `except CourseError`, must not take
    the user's interrupt for it.
    """


class EngineError(CourseError):
    """The engine cannot be used, or stopped answering."""


class NoEngine(EngineError):
    """No engine was found, and none can be started here."""


class Unsupported(CourseError):
    """The engine that is here cannot do that; another one could."""


class EngineUnreachable(EngineError):
    """An address was given (DOCKER_HOST, a context) and nothing answers there."""


class EngineRefused(EngineError):
    """The engine's socket is there, and this user may not open it."""


class EngineTooOld(EngineError):
    """The engine's API is older than what the course speaks."""


class EngineGone(EngineError):
    """The engine went away in the middle of a call."""


class EngineFault(EngineError):
    """The engine answered with an error of its own."""


class DiskFull(EngineError):
    """The engine has no room left on its disk."""


class BaseUnavailable(CourseError):
    """A base image is not here, cannot be pulled and cannot be made."""


class DockerfileError(CourseError):
    """A Dockerfile cannot be read."""


class ContextError(CourseError):
    """The build context cannot be sent as it is."""


class BuildFailed(CourseError):
    """A build ended without an image.

    stage        name of the stage, or None where no stage had begun
    instruction  the Dockerfile instruction that failed, or None
    exit_code    of the command of a RUN, or None
    log          the lines that the failed step printed, oldest first
    progress     how far the build came (`helpers.builder.Progress`), or None
    """

    def __init__(self, what: str, *, stage: str | None = None, instruction: str | None = None,
                 exit_code: int | None = None, log: tuple[str, ...] = (), progress: Any = None, **parts: Any):
        super().__init__(what, **parts)
        self.stage = stage
        self.instruction = instruction
        self.exit_code = exit_code
        self.log = log
        self.progress = progress
        self.snapshots: Any = None    # helpers.builder.Snapshots, where BuildKit was the builder

    @property
    def state(self) -> Any:
        """The failed step with what it had written, or, where the engine keeps none, the last good state before it
        (`helpers.builder.Snapshot`): its files, and a place to run commands.

        Raises Unsupported where the builder was not BuildKit, or no line of the Dockerfile failed.
        """
        if self.snapshots is None or self.line is None:
            raise Unsupported("This failure left no state to look into.",
                              why="BuildKit alone keeps one, and only of a step that failed.",
                              remedy="Build with builder='buildkit'.")
        return self.snapshots.failed(self.line)

    def shell(self, image: str = "") -> Any:
        """A small terminal in `state` (`helpers.builder.Shell`), shown in a notebook; where that has no shell, with
        busybox of `image` or of one that is here. Raises Unsupported as `state` does, and where there is no shell."""
        return self.state.open_shell(image)


class BuildStopped(BuildFailed):
    """A build went past a bound and was stopped, in the engine too.

    bound  'time' or 'disk'
    """

    def __init__(self, what: str, *, bound: str = "", **parts: Any):
        super().__init__(what, **parts)
        self.bound = bound


class ExerciseError(CourseError):
    """There is no such exercise, or its check.toml cannot be used; `line` is of that file."""


class NotEnded(CourseError):
    """A container did not end in the time that it was given; the evidence is what it printed."""


class RegistryUnavailable(CourseError):
    """There is no registry to push to, or the engine cannot reach it."""


class TransferFailed(CourseError):
    """A push or a pull failed."""


class ImageNotFound(CourseError):
    """No image of that name is in the engine."""


class ImageUnreadable(CourseError):
    """What the engine sent for an image is not a saved image."""


class LinterUnavailable(CourseError):
    """hadolint is not here, is for another machine, or does not answer as it should."""
