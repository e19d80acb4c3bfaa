"""What is asked of a target beside its image: that it holds the same program as the last
stage, opens a shell, and tells good source from bad."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

from .. import container
from ..limits import Bounds
from ..dockerfile import Dockerfile
from ..engine import Engine
from ..errors import BuildFailed, BuildStopped, CourseError, EngineError
from ..image import read_file
from ..image import start as start_of
from ..inventory import inventory, printable
from ..report import entrypoint
from .exercise import Change, Exercise
from .runtime_rules import DISK, SECONDS, quoted, told
from .placeholders import Values
from .verdict import Fail


def same(name: str, shipped: str, image: str, read: Dockerfile, engine: Engine) -> list[Fail]:
    """Rule `same`: the target starts the program that the last stage starts, byte by byte.

    shipped, image  ids of the last stage's image, and of the target's
    """
    line = read.stage(name).line
    ours, theirs = _program(shipped, engine), _program(image, engine)
    if theirs is None:
        return [Fail("same", f"The target {name} starts no program that could be compared with that of the last stage.", line)]
    if ours is not None and ours[1] == theirs[1]:
        return []
    shown = printable(theirs[0])
    return [Fail("same", f"The target {name} starts {shown}, which has other bytes than the program of the last stage: "
                 "what one sees there need not be what was shipped. Copy both from the stage that builds it.", line)]


def _program(image: str, engine: Engine) -> tuple[str, str] | None:
    """(path, SHA-256) of the program that an image starts, None if it is not there."""
    found = inventory(image, engine)
    main = entrypoint.find(found, start_of(found.image, engine))
    if main is None or not main.path:
        return None
    return main.path, hashlib.sha256(read_file(found.image, main.path, engine=engine)).hexdigest()


def shell(name: str, image: str, values: Values, read: Dockerfile, engine: Engine) -> list[Fail]:
    """Rule `shell`: one opens in it, and reckons."""
    line = read.stage(name).line
    failed = f"No shell opens in the target {name} with `docker run --entrypoint sh`."
    try:
        ran = container.run(image, ["-c", f"echo $(({values.a} * {values.b}))"], entrypoint=["sh"],
                            sandbox=container.Sandbox(capabilities=(), bounds=Bounds.of(engine, SECONDS, DISK)),
                            timeout=SECONDS + 10, engine=engine)
    except EngineError:
        raise
    except CourseError as error:
        return [Fail("shell", f"{failed} {told(error)}", line)]
    if ran.exit_code or ran.output.split() != [values.fill("{a*b}")]:
        return [Fail("shell", f"{failed} It ended with exit code {ran.exit_code} and printed: {quoted(ran.output)}", line)]
    return []


def tells(name: str, asked: Exercise, source: Mapping[str, bytes], fresh: Callable[[], Values],
          build: Callable[[Mapping[str, bytes]], object], read: Dockerfile) -> Iterator[tuple[str, Fail]]:
    """(rule, fail) of the rules `breaks` and `keeps`: it is not built from a source that is
    broken, and is built from one that only reads otherwise."""
    line = read.stage(name).line
    for change in asked.targets[name].breaks:
        changed, said = _changed(change, source, fresh())
        try:
            build(changed)
        except BuildStopped as error:
            yield "breaks", Fail("breaks", f"With {said} the target {name} came to no end. {error.what}", line)
        except BuildFailed:
            continue
        else:
            yield "breaks", Fail("breaks", f"With {said} the target {name} is built all the same: nothing in it tells good "
                                 "source from bad.", line)
    for change in asked.targets[name].keeps:
        changed, said = _changed(change, source, fresh())
        try:
            build(changed)
        except BuildFailed as error:
            yield "keeps", Fail("keeps", f"With {said} the program does what it did, and the target {name} is not built: it "
                                f"looks at the words of the source and not at what they do. {error.what}", error.line or line)


def _changed(change: Change, source: Mapping[str, bytes], values: Values) -> tuple[dict[str, bytes], str]:
    """The source with it, and how to say so."""
    by = values.fill(change.by)
    content = source[change.file].replace(change.word.encode(), by.encode())
    return {**source, change.file: content}, f"{change.word!r} turned into {by!r} in {change.file}"
