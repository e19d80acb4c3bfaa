"""What has to be asked of the engine about an image that was built."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator

from .. import paths
from ..builder import BuildResult, ensure_bases
from ..dockerfile import SCRATCH, Dockerfile, parse
from ..engine import Engine
from ..image import inspect, stored
from ..inventory import inventory
from .exercise import Content, Exercise
from .image_rules import tools_fail, unwanted
from .verdict import Fail


def base_fails(asked: Content, read: Dockerfile, target: str | None, engine: Engine,
               say: Callable[[str], None]) -> Iterator[Fail]:
    """Rule `absent`, as far as the base of a stage (None: the last) decides it: nothing needs to be built for that."""
    stages = read.chain(target)
    if asked.absent and stages[0].base != SCRATCH:
        base, = ensure_bases(engine, [stages[0].base], report=say)
        if tools := unwanted(asked, inventory(base.name, engine)):
            yield tools_fail(tools, stages[-1].line, stages[0].base)


def bytes_added(result: BuildResult, read: Dockerfile, engine: Engine) -> int:
    """Bytes on top of the base, as the engine counts them, before anything is read.

    A sparse file counts with its whole length: it takes no room on the disk, but all of it is read.
    """
    base = read.chain(result.target)[0].base
    below = 0 if base == SCRATCH else stored(result.substitutions.get(base, base), engine)[1]
    return stored(result.image, engine)[1] - below


def starter_bytes(exercise: Exercise, builder: str, engine: Engine, build: Callable[[str], str]) -> int:
    """Bytes of the starter's image, measured once for each starter, source, set of bases and engine.

    build  builds a Dockerfile's text, and returns the id of the image
    """
    text = exercise.starter.read_text()
    bases = [(base.ref, stored(base.name, engine)[0])
             for base in ensure_bases(engine, parse(text).bases)]
    made_of = repr((text, exercise.source(), bases, builder, engine.version, engine.store))
    path = paths.cache() / "starters" / hashlib.sha256(made_of.encode()).hexdigest()
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    count = inspect(build(text), engine).unpacked
    paths.write_whole(path, str(count).encode())
    return count
