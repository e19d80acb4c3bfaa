"""The scope of an ARG, and variables that are used outside it.

Only FROM sees an ARG above the first FROM. An ARG in a stage is seen below it in that stage, and in the stages that are
FROM it. Source: docs.docker.com, Dockerfile reference, "Scope".
"""

import contextlib
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .expand import BadSubstitution, expand
from .model import Dockerfile, Stage
from .reader import Instruction
from .source import SHELL_WORD

# The instructions in which the builder, or in RUN the shell, expands variables.
# Source: Dockerfile reference, "Environment replacement".
_EXPANDED = frozenset(
    ["ADD", "ARG", "COPY", "ENV", "EXPOSE", "LABEL", "RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"])
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386"}
_VARIANTS = {"armv7l": "v7", "armv6l": "v6"}
PLATFORM = frozenset(side + name for side in ("BUILD", "TARGET")
                      for name in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT"))
_NAME = re.compile(r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?P<more>.?))")
# Sourcing a file, or eval, may set any variable.
_OPAQUE = re.compile(r"(?:^|[\s;&|(])(?:\.|source|eval)\s+\S")


@dataclass(frozen=True)
class Unset:
    """A use of an ARG where it has no value."""

    name: str
    line: int              # of the use, from 1
    stage: Stage
    declared: int | None   # line of an ARG elsewhere, None for BuildKit's own arguments
    own: bool = False      # whether that ARG is in the same stage, below the use
    global_: bool = False  # whether that ARG is above the first FROM
    in_from: bool = False  # whether FROM uses it


def unset(dockerfile: Dockerfile) -> Iterator[Unset]:
    """The first use in each stage of an ARG that is out of scope."""
    everywhere = {name: each.line for stage in reversed(dockerfile.stages) for each in reversed(stage.instructions)
                  for name in _declared(each, ("ARG",))}
    above = {name: each.line for each in dockerfile.preamble for name in _declared(each, ("ARG",))}
    known: dict[str, frozenset[str]] = {}   # {stage: names with a value at its end}
    for stage in dockerfile.stages:
        for name in _used(stage.instructions[0], dockerfile.escape):
            if name in everywhere and name not in above and name not in PLATFORM:
                yield Unset(name, stage.line, stage, everywhere[name], in_from=True)
        names, seen = set(known.get(stage.base_stage or "", ())), set[str]()
        own = {name: each.line for each in reversed(stage.instructions) for name in _declared(each, ("ARG",))}
        for each in stage.instructions[1:]:
            if each.keyword in _EXPANDED:
                for name in _used(each, dockerfile.escape):
                    if name not in names | seen and (name in everywhere or name in above or name in PLATFORM):
                        seen.add(name)
                        declared = own.get(name) or above.get(name) or everywhere.get(name)
                        yield Unset(name, each.line, stage, declared, name in own, name not in own and name in above)
            names.update(_declared(each, ("ARG", "ENV")))
        known[stage.label] = frozenset(names)


def architecture() -> str:
    """This machine's architecture in Docker's words, such as 'amd64'; the kernel's word for one that Docker lacks."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def platform_args() -> dict[str, str]:
    """BuildKit's predefined arguments for a build on this machine, for this machine."""
    variant = _VARIANTS.get(platform.machine(), "")
    whole = "/".join(part for part in ("linux", architecture(), variant) if part)
    values = {"PLATFORM": whole, "OS": "linux", "OSVERSION": "", "ARCH": architecture(), "VARIANT": variant}
    named = {side + name: value for side in ("BUILD", "TARGET") for name, value in values.items()}
    return {**named, "TARGETSTAGE": "default"}


def declared(dockerfile: Dockerfile, stage: Stage, given: Mapping[str, str]) -> Iterator[
        tuple[Instruction, str, str, str]]:
    """(instruction, name, value as written, value) of each ARG and ENV in a stage, after those of its base stages.

    A value is '' for none. `given` are the build arguments. The environment of a base image is unknown.
    """
    known: dict[str, str] = {}
    above = platform_args() | {name: value for name, value in dockerfile.global_args.items() if value is not None}
    for instruction in (each for below in dockerfile.chain(stage.label) for each in below.instructions):
        for name, written in settings(instruction) if instruction.keyword in ("ARG", "ENV") else ():
            value = written
            with contextlib.suppress(BadSubstitution):
                value = expand(written, known, dockerfile.escape)
            if instruction.keyword == "ARG":
                value = given.get(name, value if written else above.get(name, ""))
            known[name] = value
            yield instruction, name, written, value


def arguments(dockerfile: Dockerfile, line: int, given: Mapping[str, str]) -> dict[str, str]:
    """{name: value} of each ARG in scope after the instruction at `line`; '' for no value. `given`: build arguments."""
    stage = next(each for each in reversed(dockerfile.stages) if each.line <= line)
    return {name: value for each, name, _, value in declared(dockerfile, stage, given)
            if each.keyword == "ARG" and each.line <= line}


def settings(each: Instruction) -> Iterator[tuple[str, str]]:
    """(name, value) of each setting in an ARG, ENV or LABEL, without the quotes around the value."""
    text = each.arguments
    head, *rest = text.split(None, 1) or [""]
    if each.keyword == "ENV" and rest and "=" not in head:   # the old form: ENV NAME the value
        yield head, rest[0].strip()
        return
    for word in SHELL_WORD.findall(text):
        name, _, value = word.partition("=")
        name = name.strip("\"'")
        if re.fullmatch(r"[A-Za-z_]\w*", name):
            yield name, value.strip("\"'")


def _declared(each: Instruction, keywords: tuple[str, ...]) -> list[str]:
    return [name for name, _ in settings(each)] if each.keyword in keywords else []


def _used(each: Instruction, escape: str) -> list[str]:
    """Names of the variables that an instruction uses without a default and does not set itself."""
    if each.keyword != "RUN":
        return list(dict.fromkeys(_names(each.value, escape)))
    is_script = re.fullmatch(r"<<-?\s*\w+", each.arguments)
    text = "\n".join(each.heredocs) if is_script else each.value
    if each.arguments.startswith("[") or _OPAQUE.search(text):
        return []
    return [name for name in dict.fromkeys(_names(text, escape)) if not _sets(text, name)]


def _names(text: str, escape: str) -> Iterator[str]:
    """The variables of a text, except those escaped, in single quotes or with a default."""
    at, double = 0, False
    while at < len(text):
        if text[at] == escape or text.startswith("$$", at):
            at += 2
            continue
        if text[at] == "'" and not double:
            at = text.find("'", at + 1) + 1 or len(text)
            continue
        double ^= text[at] == '"'
        match = _NAME.match(text, at)
        if match and match["more"] in (None, "", "}", "#", "%", "/"):
            yield match["plain"] or match["braced"]
        at += 1


def _sets(text: str, name: str) -> bool:
    """Whether a RUN sets the variable: in its shell, or by mounting a secret as an environment variable."""
    given = (rf"\b{name}\+?=", rf"\b(?:for|select|printf -v|getopts\s+\S+)\s+{name}\b",
             rf"\b(?:read|mapfile|readarray|local|declare)\b[^;&|\n]*\b{name}\b", rf",env={name}\b")
    return any(re.search(each, text) for each in given)
