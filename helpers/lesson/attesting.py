"""The words with which a lesson reads a provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..errors import Unsupported
from ..recorded import Recording
from ..views.provenance import Provenances
from .building import build, folder
from .session import folder_of

__all__ = ["provenance"]
_MODES = ("min", "max")


def provenance(app: str, dockerfile: str, args: Mapping[str, str]) -> Provenances:
    """The provenance of a build in both modes, which BuildKit writes beside the files that it exports.

    Where the engine cannot (before Docker 24), the one that `python -m tests.engines.provenance` has recorded of
    the same Dockerfile. Raises Unsupported where none is recorded, and the errors of `build`.
    """
    try:
        return Provenances(args, {mode: _made(app, dockerfile, args, mode) for mode in _MODES})
    except Unsupported:
        kept = recorded_in(app, dockerfile)
        if not kept.is_file():
            raise
        found = json.loads(kept.read_text(encoding="utf-8"))
        return Provenances(found["args"], found["statements"], Recording("", found["engine"], found["date"], (), ()))


def recorded_in(app: str, dockerfile: str) -> Path:
    """The file that a provenance is recorded in: engine, date, args and statements."""
    return folder_of(app) / f"{dockerfile}.provenance.json"


def _made(app: str, dockerfile: str, args: Mapping[str, str], mode: str) -> dict:
    place = folder({})
    build(app, dockerfile, args=args, output=place, provenance=f"mode={mode}")
    made = json.loads(Path(place, "provenance.json").read_text(encoding="utf-8"))
    return {key: value for key, value in made.items() if key != "subject"}    # every file, with its checksum
