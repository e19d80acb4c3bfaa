"""RUN: a command in a stage's file system, with its mounts."""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping

from ...dockerfile import Instruction
from ...extraction import inside
from . import copying, programs, settings
from .file_systems import FileSystem
from .refused import RequestRefused
from .stages import OpenBuild, State

# Build arguments that Docker accepts without an ARG and leaves out of the cache key.
_PROXIES = {name for each in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
            for name in (each, each.lower())}


class StepFailed(Exception):
    """A command ended with the exit code `code`, which is not 0."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code


def run(build: OpenBuild, state: State, instruction: Instruction) -> None:
    """Execute a RUN, unless its result is cached. Raises RequestRefused and StepFailed."""
    if instruction.heredocs or instruction.flags.keys() - {"mount"}:
        raise RequestRefused("RUN with a heredoc, --network or --security requires BuildKit")
    words = settings.command(state.config, instruction.arguments)
    args = {name: value for name, value in state.args.items() if name not in _PROXIES}
    mounts: dict[str, str] = {}   # {path on this machine: path inside}
    with contextlib.ExitStack() as sources:
        marks = []
        for each in instruction.mounts:
            place, path, mark = _mount(build, state.config, each, sources)
            if place:
                mounts[place] = path
            marks.append(f"{path} {mark}")
        count = f"|{len(args)} {' '.join(f'{n}={v}' for n, v in args.items())} " if args else ""
        build.commit(state, f"RUN {json.dumps(words)}", json.dumps([args, marks], sort_keys=True),
                     lambda tree: _execute(build, state, tree, words, mounts),
                     history=count + " ".join(words), running=True)


def _mount(build: OpenBuild, config: Mapping, given: Mapping[str, str],
           sources: contextlib.ExitStack) -> tuple[str, str, str]:
    """(path on this machine, path inside, its part of the cache key) of a --mount. The first is '' for an optional
    secret that was not passed."""
    kind, target = given.get("type", "bind"), given.get("target")
    if kind == "secret":
        name = given.get("id") or os.path.basename(target or "")
        place = build.options.secrets.get(name, "")
        if not place and given.get("required", "false").lower() in ("true", "1"):
            raise RequestRefused(f"secret {name}: not found")
        # As in BuildKit, its value is not part of the cache key.
        return place, settings.workdir(config, target or f"/run/secrets/{name}"), f"secret {name}"
    if kind == "cache" and target and "from" not in given:
        target = settings.workdir(config, target)
        place = os.path.join(build.caches, hashlib.sha256(given.get("id", target).encode()).hexdigest())
        os.makedirs(place, exist_ok=True)
        return place, target, f"cache {given.get('id', '')}"
    if kind != "bind":
        raise RequestRefused(f"the --mount option of type {kind} requires BuildKit")
    if not target:
        raise RequestRefused("--mount needs a target")
    root, ignored = sources.enter_context(build.source(given.get("from", ""), running=True))
    found = copying.sources(root, [given.get("source") or "/"], ignored)
    return found[0][1], settings.workdir(config, target), copying.digest(found, ignored)


def _execute(build: OpenBuild, state: State, tree: FileSystem, words: list[str], mounts: Mapping[str, str]) -> None:
    folders = [path for place, path in mounts.items() if os.path.isdir(place)]
    for path in folders:   # like BuildKit, leave the mount point in the layer
        copying.make_folder(tree.root, path, (0, 0), tree.owners)
    tree.mounts = tuple(os.path.relpath(inside(tree.root, path), tree.root)
                        for path in mounts.values() if path not in folders)
    variables = {n: v for n, v in build.options.args.items() if n in _PROXIES} | state.variables
    command = programs.command(tree.root, state.config, words, variables, mounts.values())
    if command.problem:
        raise RequestRefused("OCI runtime create failed: container_linux.go: starting container process caused: "
                             f"{command.problem}")
    container = secrets.token_hex(6)
    build.say(f" ---> Running in {container}\n")
    code = build.processes.run(tree.root, command, lambda _, data: build.say(data.decode("utf-8", "replace")),
                               binds=mounts, stopped=build.stopped)
    build.say(f" ---> Removed intermediate container {container}\n")
    if build.stopped():
        raise RequestRefused("the build was cancelled")
    if code:
        raise StepFailed(f"The command '{' '.join(words)}' returned a non-zero code: {code}", code)
