"""Rule `ci-cache`: what an empty builder takes from the cache of an earlier build in a registry.

A pipeline starts with an empty builder. So the check builds with the learner's `cache-to`, into its own registry,
removes the records of that build from the builder, and builds again after an edit, with the learner's `cache-from`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..builder import BuildRequest, BuildResult, cache, exports
from ..dockerfile import Dockerfile
from ..engine import Engine
from ..errors import BuildFailed, CourseError
from .exercise import CI
from .placeholders import Values, random_word
from .rebuilds import Source, rebuilt
from .verdict import Fail

_SPEED = 1e9      # bytes per second, since nothing is measured
_TRIES = 3        # a record stays while others are built on it
_REGISTRY = "${REGISTRY}"
_EMPTY = "this step ran again in an empty builder, since the registry's cache does not have it. {why}"
_MIN = "cache-to has mode=min, which keeps only the last stage's layers; mode=max keeps those of every stage."


@dataclass(frozen=True)
class Caches:
    """The caches in a bake file, as arguments of `helpers.builder.build`."""

    cache_to: tuple[str, ...]
    cache_from: tuple[str, ...]


def fails(asked: CI, read: Dockerfile, source: Source, engine: Engine, fresh: Callable[[], Values],
          build: Callable[..., BuildResult], reason: Callable[[BuildFailed], str]) -> Iterator[Fail]:
    """The fails of a pipeline's builds.

    read    the learner's Dockerfile
    source  {path: content} of the build context
    fresh   returns new random values
    build   builds a source with options of `helpers.builder.build`, and raises BuildFailed, which `reason` explains

    Raises RegistryUnavailable, and the engine's errors.
    """
    from ..registry import Registry  # one exercise needs it, and every check would wait for it

    with Registry(_SPEED, engine) as registry:
        try:
            found = caches(source[asked.file].decode(errors="replace"), registry.address)
        except ValueError as error:
            yield Fail("ci-cache", f"{asked.file}: {error}")
            return
        word = random_word()
        text = marked(read, word)
        try:
            build(source, text=text, cache_to=found.cache_to)
        except BuildFailed as error:
            why = reason(error).replace(f" # {word}", "")
            yield Fail("ci-cache", f"With the cache-to of {asked.file}, the build failed: {why}", error.line)
            return
        why = "" if any("mode=max" in each for each in found.cache_to) else _MIN
        for edit in asked.edits:
            empty(engine, word)
            yield from rebuilt([edit], source, fresh, partial(build, text=text, cache_from=found.cache_from), reason,
                               _EMPTY.format(why=why))


def caches(text: str, registry: str) -> Caches:
    """The caches of a bake file's only target, or of the target default.

    registry  the address in place of ${REGISTRY}

    Raises ValueError, with a sentence on what is wrong.
    """
    try:
        targets = json.loads(text)["target"]
        target = targets["default"] if "default" in targets else next(iter(targets.values()))
        asked = Caches(*(tuple(each.replace(_REGISTRY, registry) for each in target.get(key, ()))
                         for key in ("cache-to", "cache-from")))
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ValueError('it is not a bake file in JSON with strings in "cache-to" and "cache-from" of '
                         f'{{"target": {{"default": ...}}}}: {error!r}.') from error
    if not asked.cache_to:
        raise ValueError("there is no cache-to, so a build leaves nothing for the next machine.")
    if not asked.cache_from:
        raise ValueError("there is no cache-from, so a build takes nothing from the registry.")
    try:
        read = exports.read(BuildRequest(cache_to=asked.cache_to, cache_from=asked.cache_from))
    except CourseError as error:
        raise ValueError(f"{error.what} {error.why} {error.remedy}".replace(registry, _REGISTRY)) from error
    places = [[each.fields.get("ref", "") for each in side] for side in (read.cache_to, read.cache_from)]
    if not all(each.startswith(f"{registry}/") for side in places for each in side):
        raise ValueError("a cache is not in the registry of the pipeline. Each needs type=registry, and a ref that "
                         f"begins with {_REGISTRY}/.")
    if not set(places[0]) & set(places[1]):
        raise ValueError("cache-from names another place than cache-to. Use the same ref in both.")
    return asked


def marked(read: Dockerfile, word: str) -> str:
    """The text of a Dockerfile with a shell comment after each RUN, which identifies its cache records."""
    lines = read.text.split("\n")
    for instruction in read.instructions:
        if instruction.keyword == "RUN" and not instruction.heredocs and not instruction.arguments.startswith("["):
            lines[instruction.end_line - 1] = f"{lines[instruction.end_line - 1].rstrip()} # {word}"
    return "\n".join(lines)


def empty(engine: Engine, word: str) -> None:
    """Remove the records of the steps with `word`, and of those built on them, from the builder.

    Raises CourseError if they stay.
    """
    for _ in range(_TRIES):
        if not (ours := cache.marked(cache.records(engine), word)):
            return
        cache.prune(engine, [each.id for each in ours])
    if cache.marked(cache.records(engine), word):
        raise CourseError("The builder could not be emptied, so the pipeline's cache was not judged.",
                          why="Another build is using the same steps.",
                          remedy="Check again when no other build is running.")
