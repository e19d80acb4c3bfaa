"""Rules and sizes that need the engine."""

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from .. import paths
from ..bases.saving import registry_digest
from ..builder import BuildResult, ensure_bases
from ..builder.context import Context
from ..dockerfile import SCRATCH, Dockerfile, parse
from ..engine import Engine
from ..experiments import incremental
from ..image import inspect, stored
from ..inventory import inventory
from .exercise import STARTER, Content, Exercise
from .globs import matches
from .image_rules import tools_fail, unwanted
from .verdict import Fail


def base_fails(asked: Content, read: Dockerfile, target: str | None, engine: Engine,
               say: Callable[[str], None]) -> Iterator[Fail]:
    """Rule `absent`, for the base of a stage (None: the last), before anything is built."""
    stages = read.chain(target)
    if asked.absent and stages[0].base != SCRATCH:
        base, = ensure_bases(engine, [stages[0].base], report=say)
        if tools := unwanted(asked, inventory(base.name, engine)):
            yield tools_fail(tools, stages[-1].line, stages[0].base)


def pin_fails(read: Dockerfile, engine: Engine, say: Callable[[str], None]) -> Iterator[Fail]:
    """Rule `pinned`: every base is named by its digest in this engine."""
    for edge in read.edges:
        if edge.external and edge.source != SCRATCH:
            tag = edge.source.partition("@")[0]
            if edge.source != (wanted := f"{tag}@{digest(tag, engine, say)}"):
                why = "may be another image tomorrow" if edge.source == tag else "is not the image in this engine"
                yield Fail("pinned", f"{edge.source} {why}. Write {wanted}.", edge.line)


def digest(ref: str, engine: Engine, say: Callable[[str], None] = lambda _: None) -> str:
    """The digest by which a Dockerfile can name a base: its registry's, or its ID if it is from no registry."""
    base, = ensure_bases(engine, [ref], report=say)
    image = engine.find_image(base.name) or {}
    return registry_digest(image, ref) or image["Id"]


def bytes_added(result: BuildResult, read: Dockerfile, engine: Engine) -> int:
    """Bytes on top of the base, as the engine counts them. A sparse file counts in full, since all of it is read
    later."""
    base = read.chain(result.target)[0].base
    below = 0 if base == SCRATCH else stored(result.substitutions.get(base, base), engine)[1]
    return stored(result.image, engine)[1] - below


def report_fails(rules: Sequence[str], result: BuildResult, source: Mapping[str, bytes],
                 engine: Engine) -> Iterator[Fail]:
    """Rule `report`: findings of the course's report whose rules match one of these globs.

    source  {path: content} of the build context
    """
    from ..report import context_of, findings_of  # few exercises need it, and every check would wait for it

    with tempfile.TemporaryDirectory(prefix="multistage-exercise-") as folder:
        incremental.write({**source, STARTER: result.dockerfile.text.encode()}, folder)
        sent = context_of(result, inventory(result.image, engine), Context.scan(Path(folder), STARTER), engine)
    for each in findings_of(sent):
        if any(matches(each.rule, rule) for rule in rules):
            yield Fail("report", f"The report finds ({each.rule}): {each.what} {each.why} {each.remedy}", each.line)


def starter_bytes(exercise: Exercise, builder: str, engine: Engine, build: Callable[[str], str]) -> int:
    """Bytes of the starter's image, measured once per starter, source, bases and engine.

    build  builds a Dockerfile's text, and returns the id of the image
    """
    text = exercise.starter.read_text()
    bases = [(base.ref, stored(base.name, engine)[0]) for base in ensure_bases(engine, parse(text).bases)]
    made_of = repr((text, exercise.source(), bases, builder, engine.version, engine.store))
    path = paths.cache() / "starters" / hashlib.sha256(made_of.encode()).hexdigest()
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    count = inspect(build(text), engine).unpacked
    paths.write_whole(path, str(count).encode())
    return count
