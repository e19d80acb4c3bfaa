"""Rules about later builds: an edit reruns no more than it must (`cache`), a target starts the same program as the last
stage (`same`), it does not build from broken source (`breaks`), and the last stage builds elsewhere (`platforms`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..builder import BuildResult
from ..dockerfile import SCRATCH, Dockerfile
from ..dockerfile.scope import platform_args
from ..engine import Engine
from ..errors import BuildFailed, BuildStopped
from ..formats import elf
from ..image import read_file
from ..image import start as start_of
from ..inventory import inventory, printable
from ..units import listed
from .exercise import PLATFORMS, Change, Edit
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


def _program(image: str, engine: Engine) -> tuple[str, bytes] | None:
    """(path, content) of the program that an image starts, None if there is none."""
    from ..report import entrypoint  # brings the whole report, which no check needs before its image is built

    found = inventory(image, engine)
    main = entrypoint.find(found, start_of(found.image, engine))
    if main is None or not main.path:
        return None
    return main.path, read_file(found.image, main.path, engine=engine)


def elsewhere(platforms: Iterable[str], read: Dockerfile, build: Callable[..., BuildResult],
              reason: Callable[[BuildFailed], str], engine: Engine) -> Iterator[Fail]:
    """Rule `platforms`: the last stage builds for each of these without an emulator, and starts a program for it.

    This machine may have no base for another platform. So no command may need one, and where a stage only copies to
    its base, this machine's takes its place. This machine's own platform has been built already.

    build  builds another text for a platform, and raises BuildFailed, which `reason` explains
    """
    own = platform_args()["BUILDPLATFORM"]
    emulated = {read.chain(stage.label)[0] for stage in read.stages if stage.label in read.needed()
                and any(each.keyword == "RUN" for each in stage.instructions)}
    fails = [Fail("platforms", f"Commands on {each.base.partition('@')[0]} need an emulator for another platform. "
                  "With FROM --platform=$BUILDPLATFORM they run on the machine that builds.", each.line)
             for each in sorted(emulated, key=lambda stage: stage.line) if each.platform != own]
    yield from fails
    for platform in () if fails else (each for each in platforms if each != own):
        try:
            program = _program(build(text=_on_bases_at_hand(read), platform=platform).image, engine)
        except BuildFailed as error:
            yield Fail("platforms", f"For {platform} the build failed: {reason(error)}", error.line)
            continue
        made = elf(program[1], len(program[1])) if program else None
        if made is None or made.machine != PLATFORMS[platform]:
            path = printable(program[0]) if program else "nothing"
            kind = f"{path}, a program for {made.machine}" if made else f"{path}, which is no machine code"
            yield Fail("platforms", f"Built for {platform}, the image starts {kind}. Declare ARG TARGETARCH where "
                       "the program is compiled, and compile for it; in Go, GOARCH=$TARGETARCH.")


def _on_bases_at_hand(read: Dockerfile) -> str:
    text = read.text
    for stage in reversed(read.stages):
        if stage.base_stage is None and stage.base != SCRATCH and stage.platform is None:
            at = stage.instructions[0].source_spans(0, 1)[0][0]
            text = f"{text[:at]}--platform=$BUILDPLATFORM {text[at:]}"
    return text


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
