"""Stages while they are built: each one's image so far, and its file system if a step needs it."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...dockerfile import Stage, architecture
from .file_systems import FileSystem, FileSystems
from .layers import changes, scan
from .settings import environment
from .store import Store


@dataclass
class State:
    """Where a stage stands: its image so far, and its file system if a step needed one."""

    stage: Stage
    image: str = ""
    config: dict = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    tree: FileSystem | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What instructions and commands see: arguments, and the environment of the image."""
        return {**self.args, **environment(self.config)}


class Stages:
    """The stages of one build. `bound` are paths over which a running step binds this machine's; with `no_cache` every
    step is done again."""

    def __init__(self, store: Store, trees: FileSystems, bound: Sequence[str], no_cache: bool):
        self._store, self._trees, self._bound, self._no_cache = store, trees, bound, no_cache
        self._states: dict[int, State] = {}

    def begin(self, stage: Stage) -> State:
        """A stage that has nothing yet."""
        state = self._states[stage.index] = State(stage)
        return state

    def find(self, stage: Stage) -> State | None:
        """None for one that was not begun."""
        return self._states.get(stage.index)

    def end(self) -> None:
        """Give all file systems back."""
        for state in self._states.values():
            self.drop(state)

    def tree(self, state: State) -> FileSystem:
        """The stage's file system, as its image says."""
        chain = self._store.chain(state.image) if state.image else ()
        if state.tree and state.tree.chain != chain:
            self.drop(state)
        if state.tree is None:
            state.tree = self._trees.take(chain)
        return state.tree

    def commit(self, state: State, step: str, mark: str, made: Callable[[FileSystem], None] | None, *,
               history: str = "", running: bool = False) -> bool:
        """Give `state` the image after a step; whether the cache had it, made of the same before.

        step     in its history's words, which are part of what the cache knows
        mark     what else it is made of: a digest of what is copied, arguments
        made     does it in the stage's file system; None for a step that changes no file
        history  the line in the image's history, where that is another than `step`
        running  whether a program runs: it makes a layer even if that is empty"""
        key = hashlib.sha256(json.dumps([state.image, step, mark, state.config], sort_keys=True).encode()).hexdigest()
        known = None if self._no_cache else self._store.cached(key)
        if known:
            state.image = known
            return True
        before: dict = self._store.config(state.image) if state.image else {"rootfs": {"type": "layers",
                                                                                       "diff_ids": []}, "history": []}
        digest = self._layer(state, made, running, running or not step.startswith("WORKDIR")) if made else ""
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = {"created": created, "created_by": history or f"/bin/sh -c #(nop)  {step}",
                **({} if digest else {"empty_layer": True})}
        state.image = self._store.add_image({
            "architecture": architecture(), "os": "linux", "created": created, "config": state.config,
            "rootfs": {"type": "layers",
                       "diff_ids": [*before["rootfs"]["diff_ids"], *([f"sha256:{digest}"] if digest else [])]},
            "history": [*(before.get("history") or []), line]}, parent=state.image)
        self._store.remember(key, state.image)
        return False

    def _layer(self, state: State, made: Callable[[FileSystem], None], running: bool, always: bool) -> str:
        """The digest of the layer of what `made` does; '' if it changes nothing, unless `always`."""
        tree = self.tree(state)
        try:
            made(tree)
            now = scan(tree.root)
            tree.unbind(now, (*self._bound, *tree.mounts) if running else ())
        except BaseException:
            self.drop(state)   # it is not what its layers say any more
            raise
        changed, digest = changes(tree.seen, now), ""
        tree.owners = {path: owner for path, owner in tree.owners.items() if path in now}
        if changed or always:
            digest = self._store.add_layer(tree.root, changed, now, tree.owners)
            tree.chain += (digest,)
        tree.seen, tree.mounts = now, ()
        return digest

    def drop(self, state: State) -> None:
        """Give its file system back: whoever borrows that next gets what its layers say."""
        if state.tree:
            self._trees.give_back(state.tree)
            state.tree = None
