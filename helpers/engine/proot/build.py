"""Build a Dockerfile step by step. The output is that of the legacy builder: steps are numbered over the whole file,
and stages that the target does not need are skipped."""

import copy
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from ...builder.dockerignore import Ignore
from ...dockerfile import SCRATCH, Instruction, parse
from ...extraction import extract, inside
from . import copying, run_step, settings
from .refused import RequestRefused
from .stages import OpenBuild, Options, State


class Builder(OpenBuild):
    """One build."""

    def build(self, context: Path, options: Options) -> str:
        """Build from the context in a folder. Returns the image's id. Raises RequestRefused, StepFailed and
        DockerfileError."""
        self.context, self.options = str(context), options
        try:
            text = Path(inside(self.context, options.dockerfile)).read_text("utf-8", "surrogateescape")
        except OSError as error:
            raise RequestRefused(f"Cannot locate specified Dockerfile: {options.dockerfile}") from error
        # The client sends both even if they are ignored; no COPY may see them then.
        ignore = Ignore.read(context, options.dockerfile)
        self.ignored = tuple(name for name in (options.dockerfile, ".dockerignore") if ignore.matches(name))
        self.parsed = parse(text, options.args)
        try:
            image = self._run()
        finally:
            for state in self.states.values():
                self.drop(state)
        self.send({"aux": {"ID": f"sha256:{image}"}})
        self.say(f"Successfully built {image[:12]}\n")
        for tag in options.tags:
            self.store.tag(image, tag)
            self.say(f"Successfully tagged {tag}\n")
        return image

    def _run(self) -> str:
        target = self.parsed.stage(self.options.target) if self.options.target else self.parsed.stages[-1]
        stages, needed = self.parsed.stages[: target.index + 1], self.parsed.needed(target.label)
        number = len(self.parsed.preamble)
        total = number + sum(len(stage.instructions) for stage in stages) + bool(self.options.labels)
        for stage in stages:
            if stage.label not in needed:
                number += len(stage.instructions)
                continue
            state = self.states[stage.index] = State(stage)
            for instruction in stage.instructions:
                number += 1
                self.say(f"Step {number}/{total} : {instruction.keyword} {instruction.value}", "\n")
                self._step(state, instruction)
                self.say(f" ---> {state.image[:12]}\n")
        if labels := self.options.labels:
            self.say(f"Step {total}/{total} : LABEL {' '.join(sorted(labels))}", "\n")
            state.config = {**state.config, "Labels": {**(state.config.get("Labels") or {}), **labels}}
            self.commit(state, f"LABEL {json.dumps(labels, sort_keys=True)}")
            self.say(f" ---> {state.image[:12]}\n")
        return state.image

    def _step(self, state: State, instruction: Instruction) -> None:
        if self.stopped():
            raise RequestRefused("the build was cancelled")
        keyword = instruction.keyword
        if keyword == "FROM":
            self._from(state)
        elif keyword == "ARG":
            self._arg(state, instruction)
        elif keyword == "RUN":
            run_step.run(self, state, instruction)
        elif keyword in ("COPY", "ADD"):
            self._copy(state, instruction)
        else:
            config = copy.deepcopy(state.config)
            if warning := settings.apply(config, instruction, state.variables):
                self.say(warning)
            state.config = config
            self.commit(state, f"{keyword} {instruction.arguments}", made=None if keyword != "WORKDIR" else (
                lambda tree: copying.make_folder(tree.root, config["WorkingDir"], (0, 0), tree.owners)))

    def _from(self, state: State) -> None:
        stage = state.stage
        if stage.base != SCRATCH:
            earlier = self.states.get(self.parsed.stage(stage.base_stage).index) if stage.base_stage else None
            state.image = earlier.image if earlier else self.image(stage.base, "pull access denied for")
        state.config = self.store.config(state.image).get("config") or {} if state.image else {"Env": [settings.PATH]}

    def _arg(self, state: State, instruction: Instruction) -> None:
        for word in settings.WORD.findall(instruction.arguments):
            name, equals, default = word.partition("=")
            above = self.parsed.global_args.get(name)
            if name in self.options.args:
                state.args[name] = self.options.args[name]
            elif equals:
                state.args[name] = settings.expanded(default, state.variables)
            elif above is not None:
                state.args[name] = above
        self.commit(state, f"ARG {instruction.arguments}")

    def _copy(self, state: State, instruction: Instruction) -> None:
        flags = instruction.flags
        unknown = flags.keys() - {"from", "chown", "chmod"}
        if unknown or instruction.heredocs:
            raise RequestRefused(f"{instruction.keyword} with {', '.join(unknown) or 'a heredoc'} requires BuildKit")
        *patterns, target = settings.words(instruction.arguments, state.variables)
        if not patterns:
            raise RequestRefused(f"{instruction.keyword} requires at least two arguments")
        if any("://" in pattern for pattern in patterns):
            raise RequestRefused("ADD of a URL is not supported: this engine downloads nothing")
        with self.source(flags.get("from", [""])[-1]) as (root, ignored):
            found = copying.sources(root, patterns, ignored)
            mark = copying.digest(found, ignored)
            owner = settings.expanded(flags["chown"][-1], state.variables) if "chown" in flags else ""
            copied = copying.Copy(found, target, state.config.get("WorkingDir") or "/", owner, ignored=ignored,
                                  mode=int(flags["chmod"][-1], 8) if "chmod" in flags else None,
                                  unpack=instruction.keyword == "ADD")
            kind = "dir" if len(found) > 1 or os.path.isdir(found[0][1]) else "file"
            self.commit(state, f"{instruction.keyword} {kind}:{mark} in {target} ", f"{mark} {copied.mode} {owner}",
                        copied.into, history=f"{instruction.keyword} {' '.join(patterns)} {target}")

def unpack(file: Any, folder: Path) -> None:
    """Extract the archive of a context into a folder. Raises tarfile.TarError."""
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        extract(archive, str(folder))
