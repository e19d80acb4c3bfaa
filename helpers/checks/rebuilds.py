"""Rules on builds after the first: that an edit reruns no more than it must (`cache`), that a target starts the program
of the last stage (`same`), and that it is not built from broken source (`breaks`)."""

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
RAN_AGAIN = "this step ran again, without need. Copy what has changed after this step, or in another stage."
_LEFT_OUT = "this step did not run again: it does not see the change. Copy what has changed before this step."


def same(name: str, shipped: str, image: str, line: int, engine: Engine) -> list[Fail]:
    """Rule `same`: the target starts the program that the last stage starts, byte for byte.

    name             the target, at `line` of the Dockerfile
    shipped, image   ids of the last stage's image, and of the target's
    """
    ours, theirs = _program(shipped, engine), _program(image, engine)
    if theirs is None:
        return [Fail("same", f"The target {name} starts no program that could be compared with that of the last stage.",
                     line)]
    if ours is not None and ours[1] == theirs[1]:
        return []
    return [Fail("same", f"The target {name} starts {printable(theirs[0])}, whose bytes are not those of the program in "  # noqa: E501
                 "the last stage: what you see there need not be what ships. Copy both from the stage that builds it.",
                 line)]


def _program(image: str, engine: Engine) -> tuple[str, str] | None:
    """(path, SHA-256) of the program that an image starts, None if it is not there."""
    from ..report import entrypoint  # brings the whole report, which no check needs before its image is built

    found = inventory(image, engine)
    main = entrypoint.find(found, start_of(found.image, engine))
    if main is None or not main.path:
        return None
    return main.path, hashlib.sha256(read_file(found.image, main.path, engine=engine)).hexdigest()


def breaks(name: str, changes: Sequence[Change], source: Source, fresh: Fresh, build: Build,
           line: int) -> Iterator[Fail]:
    """Rule `breaks`: the target `name`, at `line` of the Dockerfile, is not built from broken source.

    changes  that break it
    source   {path: content}; fresh: new random values
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
            yield Fail("breaks", f"{said} {why}, and was stopped. A test that fails has to end.", line)
        except BuildFailed:
            continue
        else:
            yield Fail("breaks", f"{said} still builds: nothing in it tells good source from bad.", line)


def rebuilt(edits: Sequence[Edit], source: Source, fresh: Fresh, build: Callable[[Source], BuildResult],
            reason: Callable[[BuildFailed], str], ran_again: str = RAN_AGAIN) -> Iterator[Fail]:
    """The failures of builds, each after one of the edits.

    source     {path: content} before the edit
    fresh      new random values
    build      builds a source, and raises BuildFailed, of which `reason` says why
    ran_again  what is said of a step that should have come from the cache
    """
    found: dict[tuple[int | None, str], dict[str, None]] = {}    # {(line, what is wrong): files whose change shows it}
    for edit in edits:
        changed = {**source, edit.file: source[edit.file] + fresh().fill(edit.append).encode()}
        try:
            for wrong in missed(edit, build(changed), ran_again):
                found.setdefault(wrong, {})[edit.file] = None
        except BuildFailed as error:
            yield Fail("cache", f"After a change in {edit.file} it did not build: {reason(error)}", error.line)
    for (line, said), files in found.items():
        yield Fail("cache", f"After a change in {listed([*files], 'or')} {said}", line)


def missed(edit: Edit, result: BuildResult, ran_again: str = RAN_AGAIN) -> Iterator[tuple[int | None, str]]:
    """The steps of a build after an edit that are not cached, or run again, as they should: (line, what is wrong)."""
    for wanted, cached in [*((each, True) for each in edit.cached), *((each, False) for each in edit.again)]:
        steps = [step for step in result.steps if step.stage and wanted in step.instruction]
        if not steps:
            yield None, f"no step contains {wanted!r}."
        yield from ((step.line, ran_again if cached else _LEFT_OUT) for step in steps if step.cached != cached)
