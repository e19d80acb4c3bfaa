"""The events of a build, of any builder: made by `buildkit` or `text_stream` from the engine's answer, and folded by
`progress` into the state of the build.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..lint import Finding


@dataclass(frozen=True)
class StepSeen:
    """A step (an instruction, or the builder's work around the stages) appeared, began, ended or failed. Replaces what
    was known of its `key`."""

    key: str                        # the builder's name for the step
    name: str                       # the builder's text, e.g. '[builder 2/4] WORKDIR /app'
    started: float | None = None    # seconds since the epoch on the engine's clock
    completed: float | None = None
    cached: bool = False
    error: str = ""
    inputs: tuple[str, ...] = ()    # keys of the steps that it needs


@dataclass(frozen=True)
class Output:
    """Text that a step printed, not split into lines. `writer`: which of several that may write at once."""

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
    """The builder gave up, with its own message."""

    message: str
    code: int | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """The failure in an object of the engine's answer."""
        detail = answer.get("errorDetail") or {}
        return cls((detail.get("message") or answer.get("error", "")).strip(), detail.get("code"))


@dataclass(frozen=True)
class TransferProgress:
    """A transfer of that step (a pull, the context) goes on: a reason to look at the state again."""

    key: str


# A Finding is one of the builder's own checks.
Event = StepSeen | Output | TransferProgress | ImageCreated | Finding | Failed
