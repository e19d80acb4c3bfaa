"""How a call ends when it fails, and what BuildKit attaches to say where and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ...errors import CourseError
from ..messages import Messages

UNIMPLEMENTED = 12
_PROTO = Messages("google.rpc", """
    message Any { string type_url = 1; bytes value = 2; }
    message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
    """)


@dataclass(frozen=True)
class FailedStep:
    """The step that failed, as BuildKit keeps it (errdefs.Solve).

    mounts   the step's mounts, in its own order (pb.Mount as JSON)
    results  ids of what each held when it failed, to be mounted again; '' for none
    meta     args, env, cwd and user of its process
    """

    mounts: tuple[dict[str, Any], ...]
    results: tuple[str, ...]
    meta: dict[str, Any]


class CallFailed(CourseError):
    """BuildKit answered a call with an error.

    code     gRPC's status code
    message  BuildKit's own words
    """

    def __init__(self, code: int, message: str, details: bytes = b""):
        super().__init__(f"BuildKit refused: {message}" if message else f"BuildKit refused (gRPC status {code}).")
        self.code, self.message = code, message
        self._details = details

    @property
    def details(self) -> dict[str, bytes]:
        """{the last part of each detail's type: its bytes}. Empty on Docker 20.10, which attaches none."""
        found = _PROTO.Status.FromString(self._details).details if self._details else ()
        return {each.type_url.rpartition("/")[2]: each.value for each in found}

    @property
    def lines(self) -> tuple[int, ...]:
        """The Dockerfile's lines that the failed step comes from; empty where BuildKit does not say."""
        source = self._json("errdefs.Source")
        ranges = source.get("ranges") or source.get("Ranges") or ()
        return tuple(sorted({line for each in ranges
                             for line in range(each.get("start", {}).get("line", 0),
                                               each.get("end", {}).get("line", 0) + 1)}))

    @property
    def step(self) -> FailedStep | None:
        """The failed step; None where it was no command, or the engine keeps none (Docker 20.10)."""
        found = self._json("errdefs.Solve")
        operation = found.get("op") or {}
        execution = (operation.get("Op") or operation).get("Exec") or (operation.get("Op") or operation).get("exec")
        if not execution or not found.get("mountIDs"):
            return None
        return FailedStep(tuple(execution.get("mounts", ())), tuple(found["mountIDs"]), execution.get("meta", {}))

    def _json(self, kind: str) -> dict[str, Any]:
        packed = next((value for name, value in self.details.items() if kind in name), b"")
        try:
            found = json.loads(packed)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
