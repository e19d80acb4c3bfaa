"""What an image says of itself: the instructions that change no file. A configuration is what Docker's API calls
Config."""

import json
import posixpath
import re
from collections.abc import Mapping

from ...dockerfile import Instruction
from ...dockerfile.expand import BadSubstitution, expand
from .refused import RequestRefused

_SHELL = ["/bin/sh", "-c"]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WORD = re.compile(r"""(?:\\.|[^\s"'\\]|"(?:\\.|[^"\\])*"|'[^']*')+""", re.S)


def environment(config: Mapping) -> dict[str, str]:
    """{name: value} of a configuration's Env."""
    return dict(each.partition("=")[::2] for each in config.get("Env") or [])


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text with its variables replaced. Raises RequestRefused."""
    try:
        return expand(text, variables)
    except BadSubstitution as error:
        raise RequestRefused(f"failed to process {text!r}: {error}") from error


def pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """`A=1 B="two words"`, or the old form `A the rest`. Raises RequestRefused."""
    words = WORD.findall(text)
    if words and "=" not in words[0]:
        name, _, rest = text.partition(" ")
        return {name: expanded(rest.strip(), variables)}
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise RequestRefused(f"Syntax error - can't find = in {word!r}. Must be of the form: name=value")
        found[expanded(name, variables)] = expanded(value, variables)
    return found


def listed(text: str) -> list[str] | None:
    """The words of the JSON form, None if it is the shell's."""
    try:
        words = json.loads(text)
    except ValueError:
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def words(text: str, variables: Mapping[str, str]) -> list[str]:
    """The operands of COPY, EXPOSE, VOLUME: JSON or words, with variables replaced."""
    found = listed(text)
    return [expanded(word, variables) for word in (WORD.findall(text) if found is None else found)]


def command(config: Mapping, text: str) -> list[str]:
    """What is executed: the JSON form's words, or the shell with the text."""
    found = listed(text)
    return found if found is not None else [*(config.get("Shell") or _SHELL), text]


def apply(config: dict, instruction: Instruction, variables: Mapping[str, str]) -> str:
    """Change `config` as an instruction says. Returns a word of what is not done, or ''. Raises
    RequestRefused."""
    text = instruction.arguments
    match instruction.keyword:
        case "ENV":
            config["Env"] = [f"{n}={v}" for n, v in {**environment(config), **pairs(text, variables)}.items()]
        case "LABEL":
            config["Labels"] = {**(config.get("Labels") or {}), **pairs(text, variables)}
        case "CMD":
            config["Cmd"] = command(config, text)
        case "ENTRYPOINT":
            config["Entrypoint"] = command(config, text)
        case "USER":
            config["User"] = expanded(text, variables)
        case "WORKDIR":
            config["WorkingDir"] = workdir(config, expanded(text, variables))
        case "EXPOSE":
            ports: dict[str, dict] = {port if "/" in port else f"{port}/tcp": {} for port in words(text, variables)}
            config["ExposedPorts"] = {**(config.get("ExposedPorts") or {}), **ports}
        case "VOLUME":
            config["Volumes"] = {**(config.get("Volumes") or {}), **dict.fromkeys(words(text, variables), {})}
        case "SHELL":
            shell = listed(text)
            if not shell:
                raise RequestRefused("SHELL requires the arguments to be in JSON form")
            config["Shell"] = shell
        case "STOPSIGNAL":
            config["StopSignal"] = expanded(text, variables)
        case "HEALTHCHECK":
            return " ---> [Warning] HEALTHCHECK is not recorded: this engine checks no health\n"
        case "ONBUILD":
            return " ---> [Warning] ONBUILD is not recorded: this engine runs no triggers\n"
        case "MAINTAINER":
            pass
        case _:
            raise RequestRefused(f"{instruction.keyword} is not known to this engine")
    return ""


def workdir(config: Mapping, path: str) -> str:
    """A path as WORKDIR and COPY take it: relative to the working directory so far."""
    return posixpath.normpath(posixpath.join(config.get("WorkingDir") or "/", path))
