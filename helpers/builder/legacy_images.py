"""Images that the legacy builder and Buildah leave behind, noted for cleaning.

Their cache is the result of every step as an image without name and labels. Only the ids in the answers to the course's
own builds tell these from a learner's images.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from .. import paths
from ..engine import Engine


def _note(engine: Engine) -> Path:
    name = hashlib.sha256(engine.host.encode()).hexdigest()[:16]
    return paths.state() / "legacy-steps" / f"{name}.txt"


def note(engine: Engine, images: Iterable[str]) -> None:
    """Note the images of such a build in `engine`."""
    if ids := [image.removeprefix("sha256:")[:12] for image in images]:
        path = _note(engine)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:   # one write of short lines: safe with several kernels
            file.write("".join(f"{image}\n" for image in ids))


def noted(engine: Engine) -> list[str]:
    """Ids (12 hex digits), newest first, each once."""
    try:
        lines = _note(engine).read_text().split()
    except FileNotFoundError:
        return []
    return list(dict.fromkeys(reversed(lines)))


def forget(engine: Engine) -> None:
    """Delete the notes on this engine."""
    _note(engine).unlink(missing_ok=True)
