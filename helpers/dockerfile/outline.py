"""What a Dockerfile can be built with: its targets, arguments, secrets and SSH agents, with their descriptions.

As in BuildKit's frontend.outline and frontend.targets, a comment above an ARG or FROM describes it if it begins with
the name: `# VERSION of the tool chain`. Source: moby/buildkit, dockerfile2llb/outline.go and instructions/parse.go.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from ..text import shown
from .model import Dockerfile, Stage
from .scope import PLATFORM, declared, settings
from .source import Source

_VARIABLE = re.compile(r"\$\{?(\w+)")


@dataclass(frozen=True)
class Target:
    """A stage: its name ('' for none), base and platform as written, and whether it is built by default."""

    name: str
    base: str
    description: str
    default: bool
    platform: str
    line: int


@dataclass(frozen=True)
class Argument:
    """An ARG of the target. `value` is the build argument or the default, '' for none."""

    name: str
    value: str
    description: str
    line: int


@dataclass(frozen=True)
class Handed:
    """A secret or SSH agent that a RUN mounts."""

    name: str
    required: bool
    line: int


@dataclass(frozen=True)
class Outline:
    """The targets, and what the stages that `target` ('' for the last) needs can be given, by line."""

    target: str
    description: str
    targets: tuple[Target, ...]
    args: tuple[Argument, ...]
    secrets: tuple[Handed, ...]
    ssh: tuple[Handed, ...]

    def facts(self) -> dict[str, object]:
        """The outline in JSON."""
        return asdict(self)

    def __str__(self) -> str:
        targets = [(each.name or f"(line {each.line})", f"FROM {each.base}{', the default' if each.default else ''}",
                    each.description) for each in self.targets]
        args = [(each.name, f"= {each.value}" if each.value else "no value", each.description) for each in self.args]
        handed = [(title, [(each.name, "required" if each.required else "", "") for each in found])
                  for title, found in (("Secrets", self.secrets), ("SSH agents", self.ssh))]
        return shown("\n".join(line for title, rows in (("Targets", targets), ("Arguments", args), *handed) if rows
                               for line in (title, *_columns(rows))))


def outline(read: Dockerfile, target: str | None = None, args: Mapping[str, str] | None = None) -> Outline:
    """The outline of a Dockerfile that was parsed with the build arguments `args`.

    Raises DockerfileError if there is no stage `target`.
    """
    stage = read.stage(target)
    comments = _comments(read)
    arguments: dict[str, Argument] = {}
    mounted: dict[str, dict[str, Handed]] = {"secret": {}, "ssh": {}}
    for each in read.needed_stages(target):
        for argument in _arguments(read, each, args or {}, comments):
            arguments.setdefault(argument.name, argument)
        for instruction in each.instructions:
            for kind, name, required in instruction.handed:
                mounted[kind].setdefault(name, Handed(name, required, instruction.line))
    targets = tuple(Target(each.name or "", each.base_written, _described(comments, each.line, each.name or ""),
                           each is read.stages[-1], each.instructions[0].flags.get("platform", [""])[-1], each.line)
                    for each in read.stages)
    return Outline(stage.name or "", _described(comments, stage.line, stage.name or ""), targets,
                   _by_line(arguments), _by_line(mounted["secret"]), _by_line(mounted["ssh"]))


def _by_line(found: Mapping) -> tuple:
    """The values, by line and name."""
    return tuple(sorted(found.values(), key=lambda each: (each.line, each.name)))


def _arguments(read: Dockerfile, stage: Stage, args: Mapping[str, str],
               comments: Mapping[int, list[str]]) -> Iterator[Argument]:
    """The ARGs of a stage, and the ARGs above the first FROM that it uses, directly or through their defaults."""
    used = _VARIABLE.findall(stage.instructions[0].value)
    for instruction, name, default, value in declared(read, stage, args):
        if instruction.keyword == "ENV" or instruction not in stage.instructions:    # of a stage below it
            continue
        if name not in args and not default and (read.global_args.get(name) is not None or name in PLATFORM):
            used.append(name)
        else:
            yield Argument(name, value, _described(comments, instruction.line, name), instruction.line)
    above = {name: (each.line, default) for each in read.preamble for name, default in settings(each)}
    for name in used:    # grows
        if name in above and name not in used[:used.index(name)]:
            line, default = above[name]
            used += _VARIABLE.findall(default) if name not in args else []
            yield Argument(name, read.global_args.get(name) or "", _described(comments, line, name), line)


def _comments(read: Dockerfile) -> dict[int, list[str]]:
    """{line of an instruction: the comments above it, below the last empty comment}."""
    lines = Source(read.text).lines
    above: dict[int, list[str]] = {}
    last = 0
    for each in (*read.preamble, *read.instructions):
        kept: list[str] = []
        for line in lines[last:each.line - 1]:
            text = line.strip()
            if text.startswith("#"):
                kept = [*kept, text[1:].strip()] if text != "#" else []
        above[each.line], last = kept, each.end_line
    return above


def _described(comments: Mapping[int, list[str]], line: int, name: str) -> str:
    found = (each.removeprefix(f"{name} ") for each in comments.get(line, ()) if name and each.startswith(f"{name} "))
    return next(found, "")


def _columns(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    wide = [max(len(row[column]) for row in rows) for column in range(2)]
    return (f"  {name:<{wide[0]}}  {what:<{wide[1]}}  {description}".rstrip() for name, what, description in rows)
