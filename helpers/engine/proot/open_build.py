"""A build under way: what each of its steps may ask for."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ...dockerfile import Dockerfile
from ...errors import DockerfileError
from .file_systems import FileSystem, FileSystems
from .layers import scan
from .processes import Processes
from .refused import NotFound, RequestRefused
from .stages import Stages, State
from .store import Store

Send = Callable[[dict], None]


@dataclass(frozen=True)
class Options:
    """What a build was asked with; see `docker build`."""

    dockerfile: str = "Dockerfile"
    tags: tuple[str, ...] = ()
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)   # {id: place on this machine}


class OpenBuild:
    """`send` gets each message, as Docker's API has it; `stopped` is asked between steps and while one runs; `caches`
    is the folder of what RUN --mount=type=cache keeps."""

    _parsed: Dockerfile
    _stages: Stages
    _context: str                # folder
    _ignored: tuple[str, ...]    # paths in it that no COPY may see
    options: Options

    def __init__(self, store: Store, trees: FileSystems, processes: Processes, send: Send,
                 stopped: Callable[[], bool] = lambda: False, caches: str = ""):
        self.caches, self.stopped, self.processes = caches, stopped, processes
        self._store, self._trees, self._send = store, trees, send

    @contextlib.contextmanager
    def source(self, reference: str, *, running: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The root of what COPY takes from, and the paths in it that it does not see.
        `running`: of what a RUN mounts, and may have written into: PRoot binds nothing read-only."""
        if not reference:
            yield self._context, self._ignored
            return
        try:
            state = self._stages.find(self._parsed.stage(reference))
        except DockerfileError:
            state = None
        if state:
            tree = self._stages.tree(state)
            try:
                yield tree.root, ()
            finally:
                if running and scan(tree.root) != tree.seen:
                    self._stages.drop(state)
            return
        tree = self._trees.take(self._store.chain(self._image(reference, "invalid from flag value")))
        try:
            yield tree.root, ()
        finally:
            self._trees.give_back(tree)

    def _image(self, reference: str, refusal: str) -> str:
        try:
            return self._store.find(reference)
        except NotFound:
            raise RequestRefused(f"{refusal} {reference}: this engine has no such image and fetches none") from None

    def commit(self, state: State, step: str, mark: str = "", made: Callable[[FileSystem], None] | None = None, *,
               history: str = "", running: bool = False) -> None:
        """Give `state` the image after a step; see `Stages.commit`."""
        if self._stages.commit(state, step, mark, made, history=history, running=running):
            self.say(" ---> Using cache\n")

    def say(self, *texts: str) -> None:
        """What the client prints."""
        for text in texts:
            self._send({"stream": text})
