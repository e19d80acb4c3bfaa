"""RUN: a command in a stage's file system, with what is mounted for it."""

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
from .open_build import OpenBuild
from .refused import RequestRefused
from .stages import State

# Build arguments that Docker takes without an ARG, and that are no part of the cache.
_PROXIES = {name for each in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
            for name in (each, each.lower())}


class StepFailed(Exception):
    """A command ended with another exit code than 0."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code


class RunStep:
    """One RUN of a build."""

    def __init__(self, build: OpenBuild, state: State, instruction: Instruction):
        self._build, self._state, self._instruction = build, state, instruction
        self._words = settings.command(state.config, instruction.arguments)
        self._mounts: dict[str, str] = {}   # {place on this machine: path inside}

    def run(self) -> None:
        """Run it, unless the cache has it. Raises RequestRefused and StepFailed."""
        if self._instruction.heredocs or self._instruction.flags.keys() - {"mount"}:
            raise RequestRefused("RUN with a heredoc or with --network or --security takes BuildKit")
        seen = {name: value for name, value in self._state.args.items() if name not in _PROXIES}
        with contextlib.ExitStack() as ends:
            mark = []
            for mount in self._instruction.mounts:
                place, path, digest = self._mount(mount, ends)
                if place:
                    self._mounts[place] = path
                mark.append(f"{path} {digest}")
            count = f"|{len(seen)} {' '.join(f'{n}={v}' for n, v in seen.items())} " if seen else ""
            self._build.commit(self._state, f"RUN {json.dumps(self._words)}", json.dumps([seen, mark], sort_keys=True),
                               self._made, history=count + " ".join(self._words), running=True)

    def _mount(self, given: Mapping[str, str], ends: contextlib.ExitStack) -> tuple[str, str, str]:
        """(place on this machine, path inside, what the cache knows of it) of a --mount."""
        target, config = given.get("target"), self._state.config
        if given.get("type") == "secret":
            return self._secret(given, target)
        if given.get("type") == "cache" and target and "from" not in given:
            target = settings.workdir(config, target)
            place = os.path.join(self._build.caches, hashlib.sha256(given.get("id", target).encode()).hexdigest())
            os.makedirs(place, exist_ok=True)
            return place, target, f"cache {given.get('id', '')}"
        if given.get("type", "bind") != "bind":
            raise RequestRefused(f"the --mount option of type {given.get('type')} requires BuildKit")
        if not target:
            raise RequestRefused("--mount needs a target")
        root, ignored = ends.enter_context(self._build.source(given.get("from", ""), running=True))
        found = copying.sources(root, [given.get("source") or "/"], ignored)
        return found[0][1], settings.workdir(config, target), copying.digest(found, ignored)

    def _secret(self, given: Mapping[str, str], target: str | None) -> tuple[str, str, str]:
        """As `_mount`; the place is '' for a secret that nobody handed over and that need not be there.
        Its value is no part of the cache, as with BuildKit."""
        name = given.get("id") or os.path.basename(target or "")
        place = self._build.options.secrets.get(name, "")
        if not place and given.get("required", "false").lower() in ("true", "1"):
            raise RequestRefused(f"secret {name}: not found")
        return place, settings.workdir(self._state.config, target or f"/run/secrets/{name}"), f"secret {name}"

    def _made(self, tree: FileSystem) -> None:
        folders = [path for place, path in self._mounts.items() if os.path.isdir(place)]
        for path in folders:   # BuildKit, too, leaves the folder over which it mounts
            copying.make_folder(tree.root, path, (0, 0), tree.owners)
        tree.mounts = tuple(os.path.relpath(inside(tree.root, path), tree.root)
                            for path in self._mounts.values() if path not in folders)
        self._execute(tree)

    def _execute(self, tree: FileSystem) -> None:
        build = self._build
        variables = {n: v for n, v in build.options.args.items() if n in _PROXIES} | self._state.variables
        command = programs.command(tree.root, self._state.config, self._words, variables, self._mounts.values())
        if command.problem:
            raise RequestRefused("OCI runtime create failed: container_linux.go: starting container process caused: "
                          f"{command.problem}")
        container = secrets.token_hex(6)
        build.say(f" ---> Running in {container}\n")
        code = build.processes.run(tree.root, command, lambda _, data: build.say(data.decode("utf-8", "replace")),
                                   binds=self._mounts, stopped=build.stopped)
        build.say(f" ---> Removed intermediate container {container}\n")
        if build.stopped():
            raise RequestRefused("the build was cancelled")
        if code:
            raise StepFailed(f"The command '{' '.join(self._words)}' returned a non-zero code: {code}", code)
