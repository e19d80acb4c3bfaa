"""Rules about later builds: an edit reruns no more than it must (`cache`), a target starts the same program as the last
stage (`same`), and it does not build from broken source (`breaks`)."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..builder import BuildResult
from ..engine import Engine
from ..errors import BuildFailed, BuildStopped
from ..image import read_file
from ..image import start as start_of
from ..inventory import inventory, printable
from ..units import listed
from .exercise import Change, Edit
from .runtime_rules import Fresh
from .verdict import Fail

Source = Mapping[str, bytes]
Build = Callable[[Source], object]
RAN_AGAIN = "this step ran again without need. Copy the changed file after this step, or in another stage."
_LEFT_OUT = "this step did not run again: it does not see the change. Copy the changed file before this step."


def same(name: str, shipped: str, image: str, line: int, engine: Engine) -> list[Fail]:
    """Rule `same`: the target starts the same program as the last stage, byte for byte.

    name             the target, at `line` of the Dockerfile
    shipped, image   ids of the last stage's image, and of the target's
    """
    ours, theirs = _program(shipped, engine), _program(image, engine)
    if theirs is None:
        return [Fail("same", f"The target {name} starts no program to compare with that of the last stage.", line)]
    if ours is not None and ours[1] == theirs[1]:
        return []
    return [Fail("same", f"The target {name} starts {printable(theirs[0])}, whose bytes are not those of the last "
                 "stage's program: what you see there may not be what ships. Copy both from the stage that builds it.",
                 line)]


def _program(image: str, engine: Engine) -> tuple[str, str] | None:
    """(path, SHA-256) of the program that an image starts, None if there is none."""
    from ..report import entrypoint  # brings the whole report, which no check needs before its image is built

    found = inventory(image, engine)
    main = entrypoint.find(found, start_of(found.image, engine))
    if main is None or not main.path:
        return None
    return main.path, hashlib.sha256(read_file(found.image, main.path, engine=engine)).hexdigest()


def breaks(name: str, changes: Sequence[Change], source: Source, fresh: Fresh, build: Build,
           line: int) -> Iterator[Fail]:
    """Rule `breaks`: the target `name`, at `line` of the Dockerfile, does not build from broken source.

    changes  that break the source
    source   {path: content}
    fresh    returns new random values
    build    builds the target from a source, and raises BuildFailed
    """
    for change in changes:
        by = fresh().fill(change.by)
        changed = {**source, change.file: source[change.file].replace(change.word.encode(), by.encode())}
        said = f"With {change.word!r} changed to {by!r} in {change.file} the target {name}"
        try:
            build(changed)
        except BuildStopped as error:
            why = "took too long" if error.bound == "time" else "wrote too much"
            yield Fail("breaks", f"{said} {why}, and was stopped. A failing test has to end.", line)
        except BuildFailed:
            continue
        else:
            yield Fail("breaks", f"{said} still builds: no test in it fails.", line)


def rebuilt(edits: Sequence[Edit], source: Source, fresh: Fresh, build: Callable[[Source], BuildResult],
            reason: Callable[[BuildFailed], str], ran_again: str = RAN_AGAIN) -> Iterator[Fail]:
    """Rule `cache`: the fails of a build after each of the edits.

    source     {path: content} before the edit
    fresh      returns new random values
    build      builds a source, and raises BuildFailed, which `reason` explains
    ran_again  the message for a step that should come from the cache
    """
    found: dict[tuple[int | None, str], dict[str, None]] = {}    # {(line, message): changed files}
    for edit in edits:
        changed = {**source, edit.file: source[edit.file] + fresh().fill(edit.append).encode()}
        try:
            for wrong in missed(edit, build(changed), ran_again):
                found.setdefault(wrong, {})[edit.file] = None
        except BuildFailed as error:
            yield Fail("cache", f"After a change in {edit.file}, the build failed: {reason(error)}", error.line)
    for (line, said), files in found.items():
        yield Fail("cache", f"After a change in {listed([*files], 'or')}, {said}", line)


def missed(edit: Edit, result: BuildResult, ran_again: str = RAN_AGAIN) -> Iterator[tuple[int | None, str]]:
    """(line, message) of each step that should be cached after an edit and is not, or the other way round."""
    for wanted, cached in [*((each, True) for each in edit.cached), *((each, False) for each in edit.again)]:
        steps = [step for step in result.steps if step.stage and wanted in step.instruction]
        if not steps:
            yield None, f"no step contains {wanted!r}."
        yield from ((step.line, ran_again if cached else _LEFT_OUT) for step in steps if step.cached != cached)
