"""What a builder says while it builds: one model for all builders.

A parser (`buildkit`, `legacy`, `buildah`) turns an engine's answer into these events;
`progress` folds them into the state of the build.
"""

from dataclasses import dataclass

from ..lint import Finding


@dataclass(frozen=True)
class StepSeen:
    """A step appeared, began, ended or failed. Later news of a `key` replace earlier. A step is an instruction, or
    something that the builder does around the stages."""

    key: str                        # the builder's own name for the step
    name: str                       # the builder's text, e.g. '[builder 2/4] WORKDIR /app'
    started: float | None = None    # seconds since the epoch on the engine's clock, None before it
    completed: float | None = None  # the same
    cached: bool = False
    error: str = ""
    inputs: tuple[str, ...] = ()    # keys of the steps that it needs


@dataclass(frozen=True)
class Output:
    """Bytes that a step printed, decoded; not cut at line ends. `writer`: which of several that may write at once."""

    key: str
    text: str
    writer: str = ""


@dataclass(frozen=True)
class ImageCreated:
    """An image id that the builder reports. The last one is the build's."""

    image: str
    made: bool = True  # whether this build made it; False for the base image of a FROM


@dataclass(frozen=True)
class Failed:
    """The builder gave up; `message` is its own."""

    message: str
    code: int | None = None


@dataclass(frozen=True)
class TransferProgress:
    """A transfer of that step (a pull, the context) goes on: nothing to keep, but time to look at the state again."""

    key: str


# A Finding is one of the builder's own checks.
Event = StepSeen | Output | TransferProgress | ImageCreated | Finding | Failed
