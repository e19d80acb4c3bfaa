"""Build a Dockerfile: every stage that the target needs, step by step, into layers.

The answer has the form of the legacy builder's: a step is known by its number in the
whole file. A stage that nothing needs is not run, and its numbers are not told.
"""

from __future__ import annotations

import contextlib
import hashlib
import copy
import json
import os
import secrets
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...dockerfile import SCRATCH, Dockerfile, Instruction, parse
from ...errors import DockerfileError
from . import copying, layers, settings
from .paths import inside
from .mounts import bound_over
from .processes import Processes
from .scan import scan
from .settings import Refused
from .stages import Stages, State
from .store import Missing, Store
from .trees import Tree, Trees

Tell = Callable[[dict], None]
# Build arguments that Docker takes without an ARG, and that are no part of the cache.
_PROXIES = {name for each in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
            for name in (each, each.lower())}


class StepFailed(Exception):
    """A command ended with another exit code than 0."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code


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


class Builder:
    """One build. `stopped` is asked between steps and while one runs."""

    def __init__(self, store: Store, trees: Trees, processes: Processes, tell: Tell,
                 stopped: Callable[[], bool] = lambda: False, caches: str = ""):
        self._caches = caches   # the folder of what RUN --mount=type=cache keeps
        self._store, self._trees, self._processes = store, trees, processes
        self._tell, self._stopped = tell, stopped
        self._stages = Stages(store, trees, processes.bound, False)
        self._context, self._ignored, self._options = "", (), Options()

    def build(self, context: Path, options: Options) -> str:
        """Build from a context that lies in a folder: the image's id. Everything that goes
        wrong with the Dockerfile is raised as Refused, StepFailed or DockerfileError."""
        self._context, self._options = str(context), options
        self._stages = Stages(self._store, self._trees, self._processes.bound, options.no_cache)
        try:
            text = Path(inside(self._context, options.dockerfile)).read_text("utf-8", "surrogateescape")
        except OSError as error:
            raise Refused(f"Cannot locate specified Dockerfile: {options.dockerfile}") from error
        self._ignored = _ignored(context, options.dockerfile)
        parsed = parse(text, options.args)
        image = self._run(parsed)
        for tag in options.tags:
            self._store.tag(image, tag)
        return image

    def _run(self, parsed: Dockerfile) -> str:
        target = parsed.stage(self._options.target) if self._options.target else parsed.stages[-1]
        needed = parsed.needed(target.label)
        total = len(parsed.preamble) + sum(len(s.instructions) for s in parsed.stages[: target.index + 1])
        total += bool(self._options.labels)
        number = len(parsed.preamble)
        try:
            for stage in parsed.stages[: target.index + 1]:
                if stage.label not in needed:
                    number += len(stage.instructions)
                    continue
                state = self._stages.begin(stage)
                for instruction in stage.instructions:
                    number += 1
                    self._say(f"Step {number}/{total} : {instruction.keyword} {instruction.value}")
                    self._say("\n")
                    self._step(parsed, state, instruction)
            if self._options.labels:
                self._say(f"Step {total}/{total} : LABEL {' '.join(sorted(self._options.labels))}")
                self._say("\n")
                self._labelled(state)
        finally:
            self._stages.end()
        self._tell({"aux": {"ID": f"sha256:{state.image}"}})
        self._say(f"Successfully built {state.image[:12]}\n")
        for tag in self._options.tags:
            self._say(f"Successfully tagged {tag}\n")
        return state.image

    # -- one step ----------------------------------------------------------------

    def _step(self, parsed: Dockerfile, state: State, instruction: Instruction) -> None:
        if self._stopped():
            raise Refused("the build was cancelled")
        keyword = instruction.keyword
        if keyword == "FROM":
            self._from(parsed, state)
        elif keyword == "ARG":
            self._arg(parsed, state, instruction)
        elif keyword == "RUN":
            self._run_step(parsed, state, instruction)
        elif keyword in ("COPY", "ADD"):
            self._copy(parsed, state, instruction)
        else:
            config = copy.deepcopy(state.config)
            warning = settings.apply(config, instruction, self._variables(state))
            if warning:
                self._say(warning)
            state.config, made = config, None
            if keyword == "WORKDIR":
                folder = config["WorkingDir"]
                made = lambda tree: copying.make_folder(tree.root, folder, (0, 0), tree.owners)
            self._commit(state, f"{keyword} {instruction.arguments}", "", made)
        self._say(f" ---> {state.image[:12]}\n")

    def _from(self, parsed: Dockerfile, state: State) -> None:
        stage = state.stage
        if stage.base == SCRATCH:
            state.config = {"Env": [settings.PATH]}
            return
        try:
            state.image = (self._stages.find(parsed.stage(stage.base_stage)).image if stage.base_stage
                           else self._store.find(stage.base))
        except Missing:
            raise Refused(f"pull access denied for {stage.base}: this engine has no such image and fetches none") from None
        state.config = copy.deepcopy(self._store.config(state.image).get("config") or {}) if state.image else {
            "Env": [settings.PATH]}

    def _arg(self, parsed: Dockerfile, state: State, instruction: Instruction) -> None:
        for word in settings.WORD.findall(instruction.arguments):
            name, equals, default = word.partition("=")
            if name in self._options.args:
                state.args[name] = self._options.args[name]
            elif equals:
                state.args[name] = settings.expanded(default, self._variables(state))
            elif parsed.global_args.get(name) is not None:
                state.args[name] = parsed.global_args[name]
        self._commit(state, f"ARG {instruction.arguments}", "", None)

    def _labelled(self, state: State) -> None:
        state.config = {**state.config, "Labels": {**(state.config.get("Labels") or {}), **self._options.labels}}
        self._commit(state, f"LABEL {json.dumps(self._options.labels, sort_keys=True)}", "", None)
        self._say(f" ---> {state.image[:12]}\n")

    def _variables(self, state: State) -> dict[str, str]:
        return {**state.args, **settings.environment(state.config)}

    # -- COPY ----------------------------------------------------------------------

    def _copy(self, parsed: Dockerfile, state: State, instruction: Instruction) -> None:
        flags = instruction.flags
        unknown = flags.keys() - {"from", "chown", "chmod"}
        if unknown or instruction.heredocs:
            raise Refused(f"{instruction.keyword} with {', '.join(unknown) or 'a heredoc'} takes BuildKit")
        *patterns, target = settings.words(instruction.arguments, self._variables(state))
        if not patterns:
            raise Refused(f"{instruction.keyword} requires at least two arguments")
        if any("://" in pattern for pattern in patterns):
            raise Refused("ADD of an address: this engine fetches nothing")
        with self._source(parsed, flags.get("from", [""])[-1]) as (root, ignored):
            found = copying.sources(root, patterns, ignored)
            mark = copying.digest(found, ignored)
            mode = int(flags["chmod"][-1], 8) if "chmod" in flags else None
            who = settings.expanded(flags["chown"][-1], self._variables(state)) if "chown" in flags else ""
            said = ("dir" if len(found) > 1 or os.path.isdir(found[0][1]) else "file") + f":{mark} in {target}"
            folder = state.config.get("WorkingDir") or "/"

            def made(tree: Tree) -> None:
                owner = settings.ids(tree.root, who) if who else (0, 0)
                copying.copy(found, tree.root, target, folder, owner, tree.owners, mode=mode,
                             unpack=instruction.keyword == "ADD", ignored=ignored)
            self._commit(state, f"{instruction.keyword} {said} ", f"{mark} {mode} {who}", made,
                         history=f"{instruction.keyword} {' '.join(patterns)} {target}")

    @contextlib.contextmanager
    def _source(self, parsed: Dockerfile, reference: str, *,
                running: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The root of what COPY takes from, and the paths in it that it does not see.
        `running`: of what a RUN mounts, and may have written into: PRoot binds nothing read-only."""
        if not reference:
            yield self._context, self._ignored
            return
        try:
            state = self._stages.find(parsed.stage(reference))
        except DockerfileError:
            state = None
        if state is not None:
            tree = self._stages.tree(state)
            try:
                yield tree.root, ()
            finally:
                if running and scan(tree.root) != tree.seen:
                    self._stages.drop(state)
            return
        try:
            image = self._store.find(reference)
        except Missing:
            raise Refused(f"invalid from flag value {reference}: this engine has no such image and fetches none") from None
        tree = self._trees.lend(self._store.chain(image))
        try:
            yield tree.root, ()
        finally:
            self._trees.give_back(tree)

    # -- RUN -----------------------------------------------------------------------

    def _run_step(self, parsed: Dockerfile, state: State, instruction: Instruction) -> None:
        if instruction.heredocs or instruction.flags.keys() - {"mount"}:
            raise Refused("RUN with a heredoc or with --network or --security takes BuildKit")
        words = settings.command(state.config, instruction.arguments)
        variables = {**{n: v for n, v in self._options.args.items() if n in _PROXIES}, **self._variables(state)}
        seen = {name: value for name, value in state.args.items() if name not in _PROXIES}
        with contextlib.ExitStack() as ends:
            mounts, mark = {}, []
            for mount in instruction.mounts:
                place, path, digest = self._mount(parsed, state, mount, ends)
                if place:
                    mounts[place] = path
                mark.append(f"{path} {digest}")

            def made(tree: Tree) -> None:
                for place, path in mounts.items():   # BuildKit, too, leaves the folder over which it mounts
                    if os.path.isdir(place):
                        copying.make_folder(tree.root, path, (0, 0), tree.owners)
                with bound_over(tree.root, [path for place, path in mounts.items() if not os.path.isdir(place)]):
                    self._execute(state, tree, words, variables, mounts)
            shown = " ".join(words)
            count = f"|{len(seen)} {' '.join(f'{n}={v}' for n, v in seen.items())} " if seen else ""
            self._commit(state, f"RUN {json.dumps(words)}", json.dumps([seen, mark], sort_keys=True), made,
                         history=count + shown, running=True)

    def _mount(self, parsed, state, given: Mapping[str, str], ends: contextlib.ExitStack) -> tuple[str, str, str]:
        """(place on this machine, path inside, digest of the content) of a --mount."""
        target = given.get("target") or given.get("dst") or given.get("destination")
        if given.get("type") == "secret":
            return self._secret(state, given, target)
        if given.get("type") == "cache" and target and "from" not in given:
            target = settings.workdir(state.config, target)
            place = os.path.join(self._caches, hashlib.sha256(given.get("id", target).encode()).hexdigest())
            os.makedirs(place, exist_ok=True)
            return place, target, f"cache {given.get('id', '')}"
        if given.get("type", "bind") != "bind":
            raise Refused(f"the --mount option of type {given.get('type')} requires BuildKit")
        if not target:
            raise Refused("--mount needs a target")
        root, ignored = ends.enter_context(self._source(parsed, given.get("from", ""), running=True))
        found = copying.sources(root, [given.get("source") or given.get("src") or "/"], ignored)
        target = settings.workdir(state.config, target)
        return found[0][1], target, copying.digest(found, ignored)

    def _secret(self, state: State, given: Mapping[str, str], target: str | None) -> tuple[str, str, str]:
        """As `_mount`; the place is '' for a secret that nobody handed over and that need not be there.
        Its value is no part of the cache, as with BuildKit."""
        name = given.get("id") or os.path.basename(target or "")
        target = settings.workdir(state.config, target or f"/run/secrets/{name}")
        place = self._options.secrets.get(name, "")
        if not place and given.get("required", "false").lower() in ("true", "1"):
            raise Refused(f"secret {name}: not found")
        return place, target, f"secret {name}"

    def _execute(self, state: State, tree: Tree, words: list[str], variables: dict[str, str],
                 mounts: Mapping[str, str]) -> None:
        folder = state.config.get("WorkingDir") or "/"
        ids = settings.ids(tree.root, state.config.get("User") or "")
        path = variables.setdefault("PATH", settings.PATH.removeprefix("PATH="))
        missing = settings.program(tree.root, path, folder, words[0]) if not _within(words[0], mounts) else ""
        if missing:
            raise Refused(f"OCI runtime create failed: container_linux.go: starting container process caused: {missing}")
        variables.setdefault("HOME", settings.home(tree.root, ids[0]))
        container = secrets.token_hex(6)
        self._say(f" ---> Running in {container}\n")
        code = self._processes.run(
            tree.root, words, variables, lambda _, data: self._say(data.decode("utf-8", "replace")),
            folder=folder, ids=ids, binds=mounts, stopped=self._stopped)
        self._say(f" ---> Removed intermediate container {container}\n")
        if self._stopped():
            raise Refused("the build was cancelled")
        if code:
            raise StepFailed(f"The command '{' '.join(words)}' returned a non-zero code: {code}", code)

    # -- what a step leaves ----------------------------------------------------------

    def _commit(self, state: State, said: str, mark: str, made: Callable[[Tree], None] | None, **how) -> None:
        if self._stages.commit(state, said, mark, made, **how):
            self._say(" ---> Using cache\n")

    def _say(self, text: str) -> None:
        self._tell({"stream": text})


def _within(word: str, mounts: Mapping[str, str]) -> bool:
    return any(word == path or word.startswith(f"{path.rstrip('/')}/") for path in mounts.values())


def _ignored(context: Path, dockerfile: str) -> tuple[str, ...]:
    """The Dockerfile and the ignore file, if .dockerignore names them: the client sends
    them all the same, and no COPY may see them."""
    from ...builder.dockerignore import Ignore

    ignore = Ignore.read(context, dockerfile)
    return tuple(name for name in (dockerfile, ".dockerignore") if ignore.matches(name))


def unpack(file, folder: Path) -> None:
    """Lay the archive of a context out in a folder. Raises tarfile.TarError."""
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        layers.lay(archive, str(folder), {}, whiteouts=False)
