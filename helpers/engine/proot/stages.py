"""A build in progress: its stages, each with its image so far and, if a step needs one, a file system."""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ...dockerfile import Dockerfile, Stage, architecture
from ...errors import DockerfileError
from .file_systems import FileSystem, FileSystems
from .layers import changes, scan
from .processes import Processes
from .refused import NotFound, RequestRefused
from .settings import environment
from .store import Store


@dataclass(frozen=True)
class Options:
    """The options of `docker build`."""

    dockerfile: str = "Dockerfile"
    tags: tuple[str, ...] = ()
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)   # {id: path on this machine}


@dataclass
class State:
    """A stage, the image that its steps have made so far, and its file system if a step needed one."""

    stage: Stage
    image: str = ""
    config: dict = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    tree: FileSystem | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What instructions and commands see: build arguments and the image's environment."""
        return {**self.args, **environment(self.config)}


class OpenBuild:
    """What the steps of a build share.

    send      called with each message, as in Docker's API
    stopped   asked between steps and during a RUN
    caches    folder for RUN --mount=type=cache"""

    parsed: Dockerfile
    context: str                # folder
    ignored: tuple[str, ...]    # paths in it that no COPY sees
    options: Options

    def __init__(self, store: Store, trees: FileSystems, processes: Processes, send: Callable[[dict], None],
                 stopped: Callable[[], bool] = lambda: False, caches: str = ""):
        self.caches, self.stopped, self.processes = caches, stopped, processes
        self.store, self._trees, self.send = store, trees, send
        self.states: dict[int, State] = {}   # by the stage's index

    @contextlib.contextmanager
    def source(self, reference: str, *, running: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The root that COPY --from or a mount reads ('' for the context), and the paths in it to leave out. With
        `running` a RUN may have written there, since PRoot cannot bind read-only."""
        if not reference:
            yield self.context, self.ignored
            return
        try:
            state = self.states.get(self.parsed.stage(reference).index)
        except DockerfileError:
            state = None
        if state:
            tree = self.tree(state)
            try:
                yield tree.root, ()
            finally:
                if running and scan(tree.root) != tree.seen:
                    self.drop(state)
            return
        tree = self._trees.take(self.store.chain(self.image(reference, "invalid from flag value")))
        try:
            yield tree.root, ()
        finally:
            self._trees.give_back(tree)

    def image(self, reference: str, refusal: str) -> str:
        """The id of an image. Raises RequestRefused, beginning with `refusal`."""
        try:
            return self.store.find(reference)
        except NotFound:
            raise RequestRefused(f"{refusal} {reference}: this engine has no such image and fetches none") from None

    def say(self, *texts: str) -> None:
        """Have the client print these texts."""
        for text in texts:
            self.send({"stream": text})

    def tree(self, state: State) -> FileSystem:
        """The file system of the stage's image."""
        chain = self.store.chain(state.image) if state.image else ()
        if state.tree and state.tree.chain != chain:
            self.drop(state)
        if state.tree is None:
            state.tree = self._trees.take(chain)
        return state.tree

    def drop(self, state: State) -> None:
        """Return the stage's file system; the next one is unpacked from its layers."""
        if state.tree:
            self._trees.give_back(state.tree)
            state.tree = None

    def commit(self, state: State, step: str, mark: str = "", made: Callable[[FileSystem], None] | None = None, *,
               history: str = "", running: bool = False) -> None:
        """Replace the stage's image by that of the next step, from the cache if possible.

        step     as its history names it; part of the cache key
        mark     the rest of the cache key: a digest of what is copied, arguments
        made     performs the step in the stage's file system; None if it changes no file
        history  the line in the image's history, if not `step`
        running  whether a program runs: this makes a layer even if it is empty"""
        key = hashlib.sha256(json.dumps([state.image, step, mark, state.config], sort_keys=True).encode()).hexdigest()
        known = None if self.options.no_cache else self.store.cached(key)
        if known:
            state.image = known
            self.say(" ---> Using cache\n")
            return
        before = self.store.config(state.image) if state.image else {"rootfs": {"diff_ids": []}}
        digest = self._layer(state, made, running, running or not step.startswith("WORKDIR")) if made else ""
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = {"created": created, "created_by": history or f"/bin/sh -c #(nop)  {step}",
                **({} if digest else {"empty_layer": True})}
        diff_ids = [*before["rootfs"]["diff_ids"], *([f"sha256:{digest}"] if digest else [])]
        state.image = self.store.add_image({
            "architecture": architecture(), "os": "linux", "created": created, "config": state.config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [*(before.get("history") or []), line]}, parent=state.image)
        self.store.remember(key, state.image)

    def _layer(self, state: State, made: Callable[[FileSystem], None], running: bool, always: bool) -> str:
        """The digest of the layer that `made` makes; '' if it changes nothing, unless `always`."""
        tree = self.tree(state)
        try:
            made(tree)
            now = scan(tree.root)
            tree.unbind(now, (*self.processes.bound, *tree.mounts) if running else ())
        except BaseException:
            self.drop(state)   # it no longer matches its layers
            raise
        changed, digest = changes(tree.seen, now), ""
        tree.owners = {path: owner for path, owner in tree.owners.items() if path in now}
        if changed or always:
            digest = self.store.add_layer(tree.root, changed, now, tree.owners)
            tree.chain += (digest,)
        tree.seen, tree.mounts = now, ()
        return digest
