"""What is asked of the engine about an image that was built."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping

from .. import paths
from ..builder import BuildResult, ensure_bases
from ..formats import symbols
from ..dockerfile import SCRATCH, Dockerfile, parse
from ..engine import Engine
from ..errors import CourseError, EngineError
from ..image import Image, inspect, read_file, search, stored
from ..image import start as start_of
from ..inventory import inventory, printable
from ..report.provenance import chain
from .image_rules import Seen
from .exercise import Content, Exercise
from .verdict import Fail

_SHOWN = 4      # tools that a message names


def gather(result: BuildResult, read: Dockerfile, engine: Engine, asked: Content, starter: int | None,
           source: str) -> Seen:
    """The image of a build. Raises the engine's errors."""
    found = inventory(result.image, engine)
    start = start_of(found.image, engine)
    uid = _uid(found.image, start.user, engine) if asked.user else None
    return Seen(found, read, start, result.target, uid, starter, source)


def inherited(asked: Content, read: Dockerfile, engine: Engine, say: Callable[[str], None]) -> list[Fail]:
    """Rule `absent`, as far as the base of the last stage decides it: nothing is built to
    know that. A later layer can hide a file, and the image has it all the same."""
    stages = chain(read)
    base = stages[0].base
    if base == SCRATCH:
        return []
    present, = ensure_bases(engine, [base], report=say)
    tools = [tool for tool in inventory(present.name, engine).tools if tool.kind in asked.absent or tool.name in asked.absent]
    if not tools:
        return []
    named = [f"{tool.name} ({tool.kind}, {printable(tool.path)})" for tool in tools[:_SHOWN]]
    more = f" and {len(tools) - _SHOWN} more" if len(tools) > _SHOWN else ""
    last = stages[-1]
    way = base if len(stages) == 1 else f"{last.base}, and so on {base}"
    return [Fail("absent", f"The last stage stands on {way}, which brings {', '.join(named)}{more}. Whoever runs the program "
                 "has no use for that, and to delete it would only hide it: an image keeps its layers. Begin the "
                 "last stage on a base without it.", last.line)]


def added(result: BuildResult, read: Dockerfile, engine: Engine) -> int:
    """Bytes on top of the base, as the engine counts them: before anything is read."""
    base = chain(read, result.target)[0].base
    below = 0 if base == SCRATCH else stored(result.substitutions.get(base, base), engine)[1]
    return stored(result.image, engine)[1] - below


def _uid(image: Image, user: str, engine: Engine) -> int | None:
    name = user.partition(":")[0]
    if not name or name.isdigit():
        return int(name) if name else 0
    try:
        text = read_file(image, "/etc/passwd", engine=engine).decode("utf-8", "replace")
    except EngineError:
        raise
    except CourseError:
        return None
    rows = [line.split(":") for line in text.splitlines()]
    return next((int(row[2]) for row in rows if len(row) > 2 and row[0] == name and row[2].isdigit()), None)


def traces(seen: Seen, secrets: Mapping[str, str], engine: Engine) -> Iterator[Fail]:
    """Rule `secret`: neither a secret nor its base64 stands anywhere in the image."""
    image = seen.inventory.image
    for name, value in secrets.items():
        for needle in (value, base64.b64encode(value.encode()).decode().rstrip("=")):
            for trace in search(image, needle, engine):
                line = seen.lines.line(trace.layer) if trace.layer is not None else None
                where = {"file": "in the file", "history": "in the history of the image, at",
                         "settings": "in the setting", "label": "in the label"}[trace.where]
                told = printable(trace.what).replace(value, "...")
                yield Fail("secret", f"The secret {name} is {where} {told}. Whoever has the image can read it there.", line)
                break


def stripped(asked: Content, seen: Seen, engine: Engine) -> Iterator[Fail]:
    """Rule `stripped`."""
    for path in [path for pattern in asked.stripped for path in seen.fitting(pattern)]:
        content = read_file(seen.inventory.image, path, engine=engine)
        if symbols(content):
            yield Fail("stripped", f"{printable(path)} still has its symbols, which are for debuggers. Take them out before it "
                       "is copied, with strip, or link it with -s.", seen.lines.line(seen.files[path]))


def starter(exercise: Exercise, text: str, engine: Engine, builder: str | None, build: Callable[[], str]) -> int:
    """Bytes of the starter's image. Measured once, and again when the starter, the source
    or one of its bases has changed."""
    path = paths.cache() / "starters.json"
    key = _key(exercise, text, engine, builder)
    known = _known(path)
    if key not in known:
        known = {**known, key: inspect(build(), engine).unpacked}
        paths.write_whole(path, json.dumps(known, indent=1).encode())
    return known[key]


def _key(exercise: Exercise, text: str, engine: Engine, builder: str | None) -> str:
    told = hashlib.sha256(text.encode("utf-8", "surrogateescape"))
    for path, content in exercise.source().items():
        told.update(f"\0{path}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    for base in ensure_bases(engine, parse(text, exercise.build.args).bases):
        told.update(f"\0{base.ref}\0{stored(base.name, engine)[0]}".encode())
    told.update(f"\0{builder}\0{engine.version}\0{engine.store}".encode())
    return told.hexdigest()


def _known(path) -> dict[str, int]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
