"""Rule `ci-cache`: what an empty builder takes from the cache that an earlier build left in a registry.

The builder of a pipeline begins empty. So the check builds with the learner's `cache-to`, into a registry of its own,
removes the records of that build from the builder, and builds again after an edit, with the learner's `cache-from`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from ..builder import BuildRequest, BuildResult, cache, exports
from ..dockerfile import Dockerfile
from ..engine import Engine
from ..errors import BuildFailed, CourseError
from .exercise import CI
from .placeholders import Values, random_word
from .rebuilds import Source, rebuilt
from .verdict import Fail

_SPEED = 1e9      # bytes a second: nothing is measured
_TRIES = 3        # a record that others are built on stays at first
_REGISTRY = "${REGISTRY}"
_EMPTY = "this step ran again in an empty builder: the registry's cache does not have it. {why}"
_MIN = "cache-to has mode=min, which keeps the last stage's layers alone; mode=max keeps those of every stage."


@dataclass(frozen=True)
class Caches:
    """What a bake file says about caches, in the words of `helpers.builder.build`."""

    cache_to: tuple[str, ...]
    cache_from: tuple[str, ...]


def fails(asked: CI, read: Dockerfile, source: Source, engine: Engine, fresh: Callable[[], Values],
          build: Callable[..., BuildResult], reason: Callable[[BuildFailed], str]) -> Iterator[Fail]:
    """The failures of a pipeline's builds.

    read    the learner's Dockerfile; source: {path: content} of the build context
    fresh   new random values
    build   builds a source with options of `helpers.builder.build`, and raises BuildFailed, of which `reason` says why

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
            yield Fail("ci-cache", f"With the cache-to of {asked.file} it did not build: {why}", error.line)
            return
        why = "" if any("mode=max" in each for each in found.cache_to) else _MIN
        for edit in asked.edits:
            empty(engine, word)
            for each in rebuilt([edit], source, fresh, partial(build, text=text, cache_from=found.cache_from), reason,
                                _EMPTY.format(why=why)):
                yield replace(each, rule="ci-cache")


def caches(text: str, registry: str) -> Caches:
    """The caches of a bake file's only target, or the one called default.

    registry  the address that stands for ${REGISTRY}

    Raises ValueError, a sentence on what is wrong.
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
        raise ValueError("there is no cache-to: a build leaves nothing for the next machine.")
    if not asked.cache_from:
        raise ValueError("there is no cache-from: a build takes nothing from the registry.")
    try:
        read = exports.read(BuildRequest(cache_to=asked.cache_to, cache_from=asked.cache_from))
    except CourseError as error:
        raise ValueError(f"{error.what} {error.why} {error.remedy}".replace(registry, _REGISTRY)) from error
    places = [[each.fields.get("ref", "") for each in side] for side in (read.cache_to, read.cache_from)]
    if not all(each.startswith(f"{registry}/") for side in places for each in side):
        raise ValueError(f"a cache is not in the registry of the pipeline. Each of them is type=registry, with a ref "
                         f"that begins with {_REGISTRY}/.")
    if not set(places[0]) & set(places[1]):
        raise ValueError("cache-from names another place than cache-to writes: use the same ref in both.")
    return asked


def marked(read: Dockerfile, word: str) -> str:
    """The text of a Dockerfile with a shell comment behind each RUN, by which its cache records are known."""
    lines = read.text.split("\n")
    for instruction in read.instructions:
        if instruction.keyword == "RUN" and not instruction.heredocs and not instruction.arguments.startswith("["):
            lines[instruction.end_line - 1] = f"{lines[instruction.end_line - 1].rstrip()} # {word}"
    return "\n".join(lines)


def empty(engine: Engine, word: str) -> None:
    """Remove the records of the steps with `word`, and of those built on them, from the builder.

    Raises CourseError where they stay.
    """
    for _ in range(_TRIES):
        if not (ours := cache.marked(cache.records(engine), word)):
            return
        cache.prune(engine, [each.id for each in ours])
    if cache.marked(cache.records(engine), word):
        raise CourseError("The builder could not be emptied, so the cache of a pipeline was not judged.",
                          why="Another build uses the steps of this one.",
                          remedy="Check again when nothing else builds.")
