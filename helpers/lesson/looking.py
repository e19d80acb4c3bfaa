"""The words with which a lesson looks into images and into the builder."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from docker.errors import NotFound

from .. import container, image
from .. import inventory as inventories
from ..builder import BuildResult
from ..builder import cache as build_cache
from ..builder.control import Control
from ..container import attack
from ..errors import Unsupported
from ..image import Image, Layer
from ..inventory import Comparison, Inventory, Needs
from ..maintenance.docker_command import docker_build_uses
from ..views.lesson import Attributes, Finds, Traces, say
from ..views.lists import Images, Records, ordered
from . import commands
from .commands import docker
from .session import engine, reference
from .terminal import look, note, read_to, word

__all__ = ["attributes", "break_in", "cache_records", "compare", "find", "images", "inspect", "inventory",
           "layer_digests", "needs", "new_runner", "paths", "prune", "read_file", "search", "which_builder"]
_PRUNE = f"{docker('buildx', 'prune')}    # asks first; it removes what other builds left, too"


def inspect(built: BuildResult | str) -> Image:
    """The image of a build, or of a name, with its layers measured."""
    look(docker("history", reference(built)))
    return _inspected(built)


def _inspected(built: BuildResult | str) -> Image:
    seen = image.inspect(reference(built), engine())
    return image.with_copy_arguments(seen, built) if isinstance(built, BuildResult) else seen


def layer_digests(built: BuildResult | str) -> tuple[str, ...]:
    """The digests of an image's layers, the lowest first: the same digest is the same layer."""
    look(commands.digests(reference(built)))
    return tuple(layer.digest for layer in _inspected(built).layers)


def paths(built: BuildResult | str) -> frozenset[str]:
    """Every path in the image's file system. Nothing is run to find them."""
    look(commands.listing(reference(built)))
    return frozenset(image.layer_by_path(_inspected(built), engine()))


def find(built: BuildResult | str, wanted: Mapping[str, str]) -> Finds:
    """Look for files: {what it is: its path}. Each find with the instruction that
    brought it."""
    look(commands.listing(reference(built)))
    seen = _inspected(built)
    return Finds(seen, dict(wanted), image.layer_by_path(seen, engine()))


def inventory(built: BuildResult | str) -> Inventory:
    """What is in an image: files, tools and packages, each with what brought it."""
    found = _inventory(built)
    look(commands.inventory(reference(built), any(each.package.type == "deb" for each in found.packages)))
    return found


def _inventory(built: BuildResult | str) -> Inventory:
    return inventories.inventory(reference(built), engine())


def needs(built: BuildResult | str, path: str) -> Needs:
    """What a program needs to start, and whether the image has it. Raises KeyError for a path that is no program."""
    look(commands.needs(reference(built), path))
    return _inventory(built).needs(path)


def compare(*built: BuildResult | str | Inventory) -> Comparison:
    """Inventories side by side, and what only one of them has."""
    found = [each if isinstance(each, Inventory) else _inventory(each) for each in built]
    look(*commands.comparison([each.image.reference for each in found]))
    return inventories.compare(found)


def attributes(built: BuildResult | str, *paths: str) -> Attributes:
    """Kind, mode and owner of some paths in an image, as `ls -l` writes them."""
    found = Attributes(_inventory(built), paths)
    look(commands.listing(reference(built), found.capable))
    return found


def read_file(built: BuildResult | str, path: str, layer: Layer | None = None) -> bytes:
    """A file's content, read out of a layer, even if a later one hides it."""
    seen = _inspected(built)
    content = image.read_file(seen, path, layer, engine())
    hidden = layer is not None or path not in image.layer_by_path(seen, engine())
    look(commands.reading(reference(built), path, hidden, read_to(path, content)))
    return content


def search(built: BuildResult | str, needle: str) -> Traces:
    """Every place in an image where a text stands: hidden files too, and the history."""
    look(commands.searching(reference(built), word(needle)))
    seen = _inspected(built)
    return Traces(seen, image.search(seen, needle, engine()))


def break_in(built: BuildResult | str, port: int) -> tuple[attack.AttackResult, ...]:
    """Start the server of an image, break in, and try five things there."""
    with container.serve(reference(built), port=port, engine=engine()) as server:
        found = attack.run_attacks(server, port)
    tried = [docker("exec", commands.SERVED, *each.words) + "    # fails" * (not each.worked)
             for each in found if each.words]
    begin, end = commands.serving(reference(built), port), [docker("top", commands.SERVED), commands.STOPPED]
    note("\n".join([begin, *tried, *end]))
    return found


def images(mark: str) -> Images:
    """What `docker images` shows of the builds that had the word `mark` in a step.

    Raises Unsupported without BuildKit, since what a lesson says of the list is said of BuildKit's:
    the other builders keep their stages in it.
    """
    if "buildkit" not in engine().builders:
        raise Unsupported(
            "What BuildKit leaves in the list of images cannot be seen here.",
            why=f"This engine builds with {' and '.join(engine().builders)}, which leaves other things in it.",
            remedy="Use a Docker Engine.")
    found = image.marked(image.listed(engine()), mark, engine())
    look(docker("images"))
    return Images((line, image.inspect(line.id, engine())) for line in found)


def cache_records(mark: str) -> Records:
    """What BuildKit's cache holds of the steps with the word `mark`, and of those that
    stand on them."""
    found = _records(mark)
    look(docker("buildx", "du", "--verbose"))
    return found


def _records(mark: str) -> Records:
    return ordered(build_cache.marked(build_cache.records(engine()), mark))


def prune(mark: str) -> Records:
    """Remove those records from the build cache, and no other; the ones that went."""
    ours = _records(mark)
    gone = build_cache.prune(engine(), [record.id for record in ours])
    note(_PRUNE)
    return Records(record for record in ours if record.id in gone)


def new_runner(mark: str, *tags: str) -> Records:
    """Forget these images of the lesson, and what the steps with the word `mark` left in the cache, as a machine has it
    that never built them; the records that went."""
    client = engine().client
    for tag in tags:
        with engine().translate_errors(f"remove {tag}"), contextlib.suppress(NotFound):
            client.images.remove(tag, force=True)
    note(docker("image", "rm", *tags))
    note(_PRUNE)
    ours, gone = _records(mark), set()
    if ours:    # without a filter, everything would go
        with Control(engine()) as control:    # one call: on a large cache, each takes seconds
            gone = {each.id for each in control.prune(*(f"id=={each.id}" for each in ours), all_kinds=True)}
    return Records(record for record in ours if record.id in gone)


def which_builder() -> say:
    """Which builder the `docker build` of a terminal uses here, and what this engine offers."""
    return say(docker_build_uses(engine()))
