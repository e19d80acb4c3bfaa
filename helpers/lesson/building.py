"""The words with which a lesson builds and runs, one application or every language."""

from __future__ import annotations

import atexit
import contextlib
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from .. import builder as builds
from .. import container, image
from ..bases.catalogue import CURRENT
from ..builder import BuildRequest, BuildResult, ensure_bases
from ..builder.linter import lint, supported
from ..builder.secrets import lent_by_default
from ..container import Ran, ServedContainer, lifecycle
from ..container.lifecycle import ManagedContainer
from ..dockerfile import parse
from ..errors import CourseError, Unsupported
from ..experiments import incremental
from ..experiments.incremental import executed_steps, step_seconds
from ..experiments.languages import Languages, every
from ..experiments.variants import Absent, Variants
from ..image import Image
from ..inventory import Inventory, Needs
from ..lint import Finding
from ..views.lesson import Bases, Listing
from ..widgets.live import LiveBuild, Status
from . import commands, looking
from .commands import SERVED, docker
from .drawing import charts
from .session import engine, folder_of, reference
from .terminal import look, note, place_of, put_lines

__all__ = ["base", "build", "cache_buster", "check", "create", "every_language", "executed_steps", "fetch", "files",
           "folder", "outcome", "rebuild", "run", "serve", "show", "step_seconds", "variants", "with_supported_bases"]


class AppFiles(dict[str, bytes]):
    """Files of a folder, to be changed. `lend` is which of this machine's settings builds of that folder may mount:
    a copy of one of the course's own applications is built as the application itself."""

    lend: Collection[str] = ()


_LIFE = "life"    # what a created container is called in a terminal
_LEND: dict[str, Collection[str]] = {}   # {folder of a notebook's copy: what its builds may mount}


def build(app: str, dockerfile: str = "Dockerfile", *, since: float = 0, **options: Any) -> BuildResult:
    """Build an application of the course (or a folder of yours), shown as it runs.

    `app` is a folder's name under notebooks/apps, or a path. The options are the fields of
    `helpers.builder.BuildRequest` (tag, target, builder, text, no_cache, args, secrets, ...),
    and the errors are those of `helpers.builder.build`; Unsupported for an engine without BuildKit, or older
    than `since`, the version of Docker Engine whose BuildKit first reads this Dockerfile.
    """
    here = engine()   # first: where there is none, no empty view is drawn
    if since and not supported(here, since):
        raise Unsupported("This engine's builder cannot read this Dockerfile.",
                          why=f"It takes BuildKit as Docker Engine {since:g} has it; this is {here.describe()}.")
    options.setdefault("lend", _LEND.get(str(app)))
    with LiveBuild() as live:
        result = builds.build(BuildRequest(folder_of(app), dockerfile, **options), engine=here,
                              watch=live.watch, report=live.say)
        live.finish(result)
    return result


def outcome(action: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What `action(*args, **options)` returns, or the CourseError that it raises.

    For an experiment that may fail: the source of the cell does not say whether it will. Raises Unsupported.
    """
    try:
        return action(*args, **options)
    except Unsupported:    # no outcome: the engine here cannot try it
        raise
    except CourseError as error:
        return error


def check(app: str, dockerfile: str = "Dockerfile") -> tuple[Finding, ...]:
    """What the builder's own checks find in a Dockerfile; nothing is built. The errors are those of
    `helpers.builder.linter.lint`."""
    place, before = place_of(folder_of(app))
    look("\n".join([*before, docker("build", "--check", "-f", f"{place}/{dockerfile}", place)]))
    return lint(BuildRequest(folder_of(app), dockerfile), engine())


def fetch(*refs: str) -> Bases:
    """See to it that these base images are here; where each came from."""
    bases = Bases(ensure_bases(engine(), refs or None, report=print))
    note(*(docker("pull", each.ref) for each in bases if each.origin in ("pulled", "mirror")))
    return bases


def base(ref: str) -> Image:
    """A base image, fetched if it is not there, looked at under its own name."""
    present, = ensure_bases(engine(), [ref])
    look(docker("history", present.name))
    return image.inspect(present.name, engine())


def run(built: BuildResult | str, command: Sequence[str] | None = None, hide: Sequence[str] = ()) -> Ran:
    """Run the image until it ends; what it printed. `hide` folders from it."""
    hidden = [word for folder in hide for word in ("--tmpfs", folder)]
    return _tried(lambda: container.run(reference(built), command, hide=hide, engine=engine()),
                  note, docker("run", "--rm", *hidden, reference(built), *(command or ())))


def _tried(action: Callable[[], Any], keep: Callable[[str], object], command: str) -> Any:
    """What an action gives, its command kept: one that ends with an error fails in a terminal too."""
    worked = False
    try:
        done = action()
        worked = not getattr(done, "exit_code", 0)
        return done
    finally:
        if command:
            keep(command if worked else f"{command}    # fails")


class Noted:
    """A container of a lesson. What is asked of it or done in it is kept as a command: `told` has for each name a
    function that gives it, '' for none."""

    def __init__(self, container: Any, told: Mapping[str, Callable[..., str]], keep: Callable[[str], object]):
        self._container, self._commands, self._keep = container, told, keep

    def __getattr__(self, name: str) -> Any:
        found, command = getattr(self._container, name), self._commands.get(name)
        if command is None:
            return found
        if callable(found):
            return lambda *args, **given: _tried(lambda: found(*args, **given), self._keep, command(*args, **given))
        self._keep(command())
        return found

    def __dir__(self) -> list[str]:
        return dir(self._container)

    def __repr__(self) -> str:
        return repr(self._container)


def _of_served(address: str, asked: Sequence[str]) -> dict[str, Callable[..., str]]:
    """Commands of a server, at that address in a terminal; the first request there is the one that waits for it."""
    def get(path: str = "/", **_: Any) -> str:
        return shlex.join(["curl", f"{address}{path[1:]}"]) if asked or path != "/" else ""

    def beside(image: str, command: Sequence[str], *, user: str = "", capabilities: Sequence[str] | None = None) -> str:
        who = ["--user", user] if user else []
        may = [] if capabilities is None else ["--cap-drop=ALL", *(f"--cap-add={each}" for each in capabilities)]
        shared = [f"--pid=container:{SERVED}", f"--network=container:{SERVED}"]
        return docker("run", "--rm", *shared, *who, *may, image, *command)

    return {"get": get, "put": lambda path, content: "\n".join(put_lines(SERVED, path, content)),
            "log": lambda: docker("logs", SERVED), "run": lambda command: docker("exec", SERVED, *command),
            "beside": beside}


@contextlib.contextmanager
def serve(built: BuildResult | str, port: int = 80, command: Sequence[str] | None = None, *,
          read_only: bool = False) -> Iterator[ServedContainer]:
    """The image as a server, while a `with` block lasts; `read_only` if it may write no file."""
    begin = [commands.serving(reference(built), port, command, read_only), commands.asking(port)]
    asked: list[str] = []
    try:
        with container.serve(reference(built), command, port=port, sandbox=container.Sandbox(read_only=read_only),
                             engine=engine()) as served:
            yield cast(ServedContainer, Noted(served, _of_served(commands.address(port), asked), asked.append))
    finally:
        note("\n".join([*begin, *asked, commands.STOPPED]))


def create(built: BuildResult | str, command: Sequence[str] | None = None) -> ManagedContainer:
    """A container of the image, not started yet: look at its state, start, stop, remove it."""
    made = lifecycle.create(reference(built), command, engine())
    note(docker("create", "--name", _LIFE, reference(built), *(command or ())))
    told = {"state": lambda: docker("ps", "-a", "--filter", f"name={_LIFE}"), "start": lambda: docker("start", _LIFE),
            "stop": lambda: docker("stop", _LIFE), "remove": lambda: docker("rm", _LIFE)}
    return cast(ManagedContainer, Noted(made, told, note))


def files(app: str) -> AppFiles:
    """{path: content} of an application's files, to be changed and given to `folder`."""
    found = AppFiles(incremental.files(folder_of(app)))
    found.lend = lent_by_default(folder_of(app))
    return found


def folder(files: Mapping[str, bytes]) -> str:
    """A folder that holds these files, which may be run, until the notebook ends."""
    place = Path(tempfile.mkdtemp(prefix="multistage-lesson-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    incremental.write(files, place)
    _LEND[str(place)] = files.lend if isinstance(files, AppFiles) else ()
    return str(place)


def rebuild(app: str, changes: Mapping[str, tuple[str, str] | None], dockerfile: str = "Dockerfile", *,
            tag: str = "") -> dict[str, BuildResult]:
    """Build a copy of an application, then once more after each of some edits:
    {what is edited: (file, a word in it that is changed), or None for nothing}."""
    with Status() as status:
        copy = files(app)
        return incremental.rebuild(copy, changes, dockerfile, tag=tag, lend=copy.lend, engine=engine(), watch=status)


def cache_buster() -> str:
    """The time of now: as a build argument it keeps a step from being cached."""
    return str(time.time_ns())


def show(app: str, dockerfile: str = "Dockerfile") -> Listing:
    """A Dockerfile with its line numbers."""
    return Listing(dockerfile, (folder_of(app) / dockerfile).read_text())


class DrawnVariants(Variants):
    """The variants of an application, which can draw their sizes."""

    def image(self, name: str) -> Image | Absent:
        return self._noted(name, looking.inspect)

    def inventory(self, name: str) -> Inventory | Absent:
        return self._noted(name, looking.inventory)

    def needs(self, name: str, path: str) -> Needs | Absent:
        return self._noted(name, looking.needs, path)

    def run(self, name: str, command: Sequence[str] | None = None) -> Ran | Absent:
        return self._noted(name, run, command)

    def _noted(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """The lesson's own word for it, which shows a command."""
        return self._ask(name, lambda *_: call(self[name], *arguments))

    def sizes(self, *names: str) -> charts.Chart | Image | Absent:
        """The images of these variants, by default of all, drawn to scale."""
        images = self.images(*names)
        return charts.sizes(list(images.values()), list(images)) if images else self.image([*(names or self)][0])


def variants(app: str) -> DrawnVariants:
    """An application to be built in several ways, each shown as it runs. What needs a
    base image that cannot be had says so, and the lesson goes on."""
    return DrawnVariants(app, engine(), build)


def every_language() -> Languages:
    """Every language of the chapter, in one stage and in several, run and looked into."""
    with Status() as status:
        return every(engine(), status)


def with_supported_bases(app: str) -> Listing:
    """The Dockerfile of an application with bases that are looked after in place of the chapter's that are not.
    `build(app, text=with_supported_bases(app).text)` builds it."""
    return Listing("Dockerfile", parse(show(app).text).with_bases(CURRENT))
