"""What a lesson's notebook imports: `from helpers.lesson import *`.

Every name here does its work in another module; this one only puts them
together for a reader who sees one short cell at a time.
"""

from __future__ import annotations

import atexit
import html
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from functools import cache
from pathlib import Path

from . import build as builds
from . import charts, container, image, intruder, languages, reduction, samples, starts
from . import inventory as inventories
from . import twice as twices
from . import ways as several
from .bases import ensure
from .bases.catalogue import CURRENT
from .build import BuildResult
from .build import cache as build_cache
from .container import Ran, Server
from .dockerfile import parse
from .engine import Engine, connect
from .errors import BaseUnavailable, BuildFailed, CourseError, RegistryUnavailable
from .image import Image, Layer, Twins
from .inventory import Comparison, Inventory
from .registry import Copy, Registry, Trip
from .starts import ColdStart
from .units import ratio, seconds, share, size
from .verdicts import verdict
from .ways import APPS, Absent, Ways
from .widgets import LiveBuild, Status, ask, predict, register
from .widgets.lists import Images, Records, ordered
from .widgets.views import code, table
from .workshop.doctor import doctor

__all__ = [
    "BaseUnavailable", "BuildFailed", "CourseError", "ask", "attributes", "base", "break_in",
    "build", "charts", "cold_starts", "compare", "corners", "current", "doctor", "engine",
    "every_language", "faster", "fetch", "find",
    "folder", "fresh", "images", "inventory", "look", "moment", "open_registry", "paths",
    "predict", "prune", "push", "ratio", "read_file", "records", "run", "say", "search",
    "seconds", "serve", "share", "show", "size", "split", "this_run", "twice", "unique",
    "verdict", "warm_starts", "ways",
]

register()


@cache
def _connected() -> Engine:
    return connect()


def engine() -> Engine:
    """The engine of this notebook. One that went away is found again."""
    try:
        _connected().client.ping()
    except Exception:   # whatever it was: look again, and let that say what is wrong
        _connected.cache_clear()
    return _connected()


def this_run() -> say:
    """The line at the head of a lesson: engine, versions, date."""
    return say(f"{engine().describe()}. Python {platform.python_version()}. "
                f"{date.today().isoformat()}.")


def build(app: str, dockerfile: str = "Dockerfile", *, tag: str = "", target: str | None = None,
          builder: str | None = None, text: str | None = None, no_cache: bool = False,
          args: Mapping[str, str] | None = None,
          secrets: Mapping[str, bytes] | None = None) -> BuildResult:
    """Build an application of the course (or a folder of yours), shown as it runs.

    `app` is a folder's name under notebooks/apps, or a path. The other words
    are those of `helpers.build.build`, and so are the errors.
    """
    with LiveBuild() as live:
        result = builds.build(
            _folder(app), dockerfile=dockerfile, text=text, tag=tag, target=target,
            builder=builder, no_cache=no_cache, args=args, secrets=secrets, engine=engine(),
            watch=live.watch, report=live.say)
        live.finish(result)
    return result


def fetch(*refs: str) -> Bases:
    """See to it that these base images are here; where each came from."""
    return Bases(ensure(engine(), refs or None, report=print))


def base(ref: str) -> Image:
    """A base image, fetched if it is not there, looked at under its own name."""
    present, = ensure(engine(), [ref])
    return image.look(present.name, engine())


def look(built: BuildResult | str) -> Image:
    """The image of a build, or of a name, with its layers measured."""
    return image.look(_reference(built), engine())


def paths(built: BuildResult | str) -> frozenset[str]:
    """Every path in the image's file system. Nothing is run to find them."""
    return frozenset(image.where(look(built), engine()))


def find(built: BuildResult | str, wanted: Mapping[str, str]) -> Finds:
    """Look for files: {what it is: its path}. Each find with the instruction that
    brought it."""
    seen = look(built)
    return Finds(seen, dict(wanted), image.where(seen, engine()))


def inventory(built: BuildResult | str) -> Inventory:
    """What is in an image: files, tools and packages, each with what brought it."""
    return inventories.inventory(_reference(built), engine())


def compare(*built: BuildResult | str | Inventory) -> Comparison:
    """Inventories side by side, and what only one of them has."""
    return inventories.compare([each if isinstance(each, Inventory) else inventory(each) for each in built])


def attributes(built: BuildResult | str, *paths: str) -> Attributes:
    """Kind, mode and owner of some paths in an image, as `ls -l` writes them."""
    return Attributes(inventory(built), paths)


def read_file(built: BuildResult | str, path: str, layer: Layer | None = None) -> bytes:
    """A file's content, read out of a layer, be it hidden by a later one or not."""
    return image.read_file(look(built), path, layer, engine())


def search(built: BuildResult | str, needle: str) -> Traces:
    """Every place in an image where a text stands: hidden files too, and the history."""
    seen = look(built)
    return Traces(seen, image.search(seen, needle, engine()))


def break_in(built: BuildResult | str, port: int) -> tuple[intruder.Try, ...]:
    """Start the server of an image, break in, and try five things there."""
    with container.serve(_reference(built), port=port, engine=engine()) as server:
        return intruder.tries(server, port)


def images(mark: str) -> Images:
    """What `docker images` shows of the builds that had the word `mark` in a step."""
    found = image.marked(image.listed(engine()), mark, engine())
    return Images((line, image.look(line.id, engine())) for line in found)


def records(mark: str) -> Records:
    """What BuildKit's cache holds of the steps with the word `mark`, and of those that
    stand on them."""
    return ordered(build_cache.marked(build_cache.records(engine()), mark))


def prune(mark: str) -> Records:
    """Remove those records from the build cache, and no other; the ones that went."""
    ours = records(mark)
    gone = build_cache.prune(engine(), [record.id for record in ours])
    return Records(record for record in ours if record.id in gone)


def run(built: BuildResult | str, command: Sequence[str] | None = None,
        hide: Sequence[str] = ()) -> Ran:
    """Run the image until it ends; what it printed. `hide` folders from it."""
    return container.run(_reference(built), command, hide=hide, engine=engine())


def serve(built: BuildResult | str, port: int = 80, command: Sequence[str] | None = None,
          **words) -> AbstractContextManager[Server]:
    """The image as a server, while a `with` block lasts. The other words are those
    of `helpers.container.serve`."""
    return container.serve(_reference(built), command, port=port, engine=engine(), **words)


def folder(files: Mapping[str, bytes]) -> str:
    """A folder that holds these files, which may be run, until the notebook ends."""
    place = Path(tempfile.mkdtemp(prefix="multistage-lesson-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
        (place / name).chmod(0o755)
    return str(place)


# -- languages -----------------------------------------------------------------------

def ways(app: str) -> Ways:
    """An application to be built in several ways, each shown as it runs. What needs a
    base image that cannot be had says so, and the lesson goes on."""
    return Ways(app, engine(), build)


def every_language() -> languages.Languages:
    """Every language of the chapter, in one stage and in several, run and looked into."""
    with Status() as status:
        return languages.every(engine(), status)


def current(app: str, dockerfile: str = "Dockerfile") -> Listing:
    """A Dockerfile with bases that are looked after in place of the chapter's that are
    not. `build(app, text=current(app).text)` builds it."""
    text = show(app, dockerfile).text
    return Listing(dockerfile, parse(text).with_bases(CURRENT))


def corners(app: str) -> tuple[Image, ...] | Absent:
    """The four images of an application that `split` compares."""
    with Status() as status:
        return several.corners(app, engine(), status)


# -- shipping ------------------------------------------------------------------------

split = reduction.split
faster = samples.compare
_registry: Registry | None = None


def unique(built: BuildResult | str) -> int:
    """Bytes of the layers that no other named image in the engine has."""
    return image.unique(look(built), engine())


def open_registry(speed: float) -> Registry | None:
    """A registry behind a line of `speed` bytes a second, in place of one opened before.

    None, and a sentence that says why, where there is none to be had.
    """
    global _registry
    if _registry:
        _registry.close()
        _registry = None
    try:
        _registry = Registry(speed, engine(), report=print)
    except RegistryUnavailable as error:
        _display(say(f"{error}\nThe lesson goes on without it."))
    return _registry


atexit.register(lambda: _registry and _registry.close())


def push(to: Registry | None, *built: BuildResult | str, name: str = "") -> list[Trip]:
    """Push images; nothing without a registry. `name` in the registry, for one image."""
    with Status() as status:
        return [to.push(_reference(each), name, watch=lambda far: status(f"{_reference(each)}: {far}"))
                for each in built] if to else []


def fresh(registry: Registry | None, trips: Sequence[Trip]) -> list[Copy]:
    """Copies in the registry of which no engine has a layer."""
    with Status() as status:
        copies = []
        for trip in trips:
            status(f"copying {trip.name}")
            copies.append(registry.fresh(trip))
    return copies


def warm_starts(*built: BuildResult | str, port: int, runs: int) -> list[list[float]]:
    """Seconds to the first answer, `runs` times each, the images being here."""
    with Status() as status:
        return starts.warm([_reference(each) for each in built], port, runs, engine(), status)


def cold_starts(registry: Registry | None, copies: Sequence[Copy], port: int,
                runs: int) -> list[list[ColdStart]]:
    """Pull, start and remove again, `runs` times each; nothing without a registry."""
    with Status() as status:
        return starts.cold(registry, copies, port, runs, engine(), status)


def twice(app: str, dockerfile: str = "Dockerfile", first: Mapping[str, str] | None = None,
          second: Mapping[str, str] | None = None) -> Twins:
    """Build an application two times without the cache; what differs."""
    with Status() as status:
        return twices.twice(_folder(app), dockerfile, first=first, second=second,
                            engine=engine(), watch=status)


def moment() -> str:
    """The time of now: as a build argument it keeps a step from being cached."""
    return str(time.time_ns())


def show(app: str, dockerfile: str = "Dockerfile") -> Listing:
    """A Dockerfile with its line numbers."""
    return Listing(dockerfile, (_folder(app) / dockerfile).read_text())


def _display(thing: object) -> None:
    from IPython.display import display

    display(thing)


def _folder(app: str) -> Path:
    ours = APPS / app
    return ours if ours.is_dir() else Path(app)


def _reference(built: BuildResult | str) -> str:
    return built if isinstance(built, str) else built.tag or built.image


class say(str):
    """A sentence made from what was measured, shown without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self).replace(chr(10), '<br>')}</p>"


class Bases(tuple):
    """Base images and where each came from, as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(f"{each.ref:<34} {each.origin}" for each in self)

    def _repr_html_(self) -> str:
        rows = [(code(each.ref), each.origin or "not here", code(each.name), html.escape(each.made_of))
                for each in self]
        return table(("base image", "where from", "name in this engine", "made of"), rows)


class Finds:
    """Which of the wanted files are in an image, and what brought each."""

    def __init__(self, seen: Image, wanted: dict[str, str], everything: Mapping[str, Layer]):
        self.image = seen
        self.wanted = wanted
        self.found = {what: everything.get(path) for what, path in wanted.items()}

    @property
    def present(self) -> list[str]:
        """What was found."""
        return [what for what, layer in self.found.items() if layer]

    def _rows(self) -> list[tuple[str, str, str, str]]:
        below = self.image.layers[: self.image.base_layers]
        return [(what, self.wanted[what], layer.instruction,
                 f"FROM {self.image.base}" if layer in below else "this Dockerfile")
                if layer else (what, "not there", "", "") for what, layer in self.found.items()]

    def __repr__(self) -> str:
        return "\n".join(f"{what:<14} {path:<24} {source:<20} {made}".rstrip()
                         for what, path, made, source in self._rows())

    def _repr_html_(self) -> str:
        rows = [(html.escape(what), code(path), code(source) if source else "",
                 code(made) if made else "") for what, path, made, source in self._rows()]
        return table(("what", "where", "came with", "in the layer of"), rows,
                     caption=self.image.reference)


class Attributes(tuple):
    """(path, mode, owner, where a link leads) of some paths, None for one that is not there."""

    def __new__(cls, seen: Inventory, paths: Sequence[str]):
        made = super().__new__(cls, [cls._row(seen, path) for path in paths])
        made.image = seen.image
        return made

    @staticmethod
    def _row(seen: Inventory, path: str) -> tuple[str, str, str, str] | None:
        if path not in seen.tree:
            return None
        node = seen.tree[path]
        kind = {"d": stat.S_IFDIR, "l": stat.S_IFLNK}.get(node.kind, stat.S_IFREG)
        uid, gid = node.entries.uids[node.row], node.entries.gids[node.row]
        second = f"second name of {seen.tree.origin(node).path}" if node.kind == "h" else ""
        leads = f"leads to {node.link}" if node.kind == "l" else second
        return path, stat.filemode(kind | node.mode), f"{uid}:{gid}", leads

    def __repr__(self) -> str:
        return "\n".join("  ".join((f"{mode} {owner:>9}", path, leads)).rstrip()
                         for path, mode, owner, leads in filter(None, self))

    def _repr_html_(self) -> str:
        rows = [(code(path), code(mode), code(owner), html.escape(leads))
                for path, mode, owner, leads in filter(None, self)]
        return table(("path", "mode", "owner", ""), rows, caption=self.image.reference)


class Traces(tuple):
    """Where a text stands in an image, a row a place."""

    def __new__(cls, seen: Image, found: tuple[image.Trace, ...]):
        made = super().__new__(cls, found)
        made.image = seen
        return made

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(each.where, each.what,
                 "" if each.layer is None else self.image.layers[each.layer].instruction) for each in self]

    def __repr__(self) -> str:
        rows = [f"{where:<9} {what}{f'  ({layer})' if layer else ''}" for where, what, layer in self._rows()]
        return "\n".join(rows) or f"nowhere in {self.image.reference}"

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>Nowhere in {code(self.image.reference)}.</p>"
        rows = [(html.escape(where), code(what), code(layer) if layer else "") for where, what, layer in self._rows()]
        return table(("stands in", "which", "layer of"), rows, caption=self.image.reference)


class Listing:
    """A file with line numbers, as text and as HTML."""

    def __init__(self, name: str, text: str):
        self.name = name
        self.lines = text.splitlines()

    @property
    def text(self) -> str:
        """The file itself."""
        return "\n".join([*self.lines, ""])

    def __repr__(self) -> str:
        return "\n".join(f"{number:>3}  {line}" for number, line in enumerate(self.lines, 1))

    def _repr_html_(self) -> str:
        return (f"<figure style='margin:0'><figcaption>{html.escape(self.name)}</figcaption>"
                f"<pre style='margin:0;white-space:pre;overflow-x:auto'>{html.escape(repr(self))}"
                "</pre></figure>")
