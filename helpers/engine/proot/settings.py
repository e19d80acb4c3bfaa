"""An image's configuration (`Config` in Docker's API), and the instructions that change it and no file."""

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
    """A configuration's Env as {name: value}."""
    return dict(each.partition("=")[::2] for each in config.get("Env") or [])


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """`text` with variables replaced. Raises RequestRefused."""
    try:
        return expand(text, variables)
    except BadSubstitution as error:
        raise RequestRefused(f"failed to process {text!r}: {error}") from error


def pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The pairs of `A=1 B="two words"` or the old form `A the rest`. Raises RequestRefused."""
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
    """The words of the JSON form, None if it is the shell form."""
    try:
        words = json.loads(text)
    except ValueError:
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def words(text: str, variables: Mapping[str, str]) -> list[str]:
    """The operands of COPY, EXPOSE or VOLUME in either form, with variables replaced."""
    found = listed(text)
    return [expanded(word, variables) for word in (WORD.findall(text) if found is None else found)]


def command(config: Mapping, text: str) -> list[str]:
    """The command to execute: the words of the JSON form, or the shell with the text."""
    found = listed(text)
    return found if found is not None else [*(config.get("Shell") or _SHELL), text]


def apply(config: dict, instruction: Instruction, variables: Mapping[str, str]) -> str:
    """Apply an instruction to `config`. Returns a warning, or ''. Raises RequestRefused."""
    keyword, text = instruction.keyword, instruction.arguments
    match keyword:
        case "ENV":
            config["Env"] = [f"{n}={v}" for n, v in {**environment(config), **pairs(text, variables)}.items()]
        case "LABEL":
            config["Labels"] = {**(config.get("Labels") or {}), **pairs(text, variables)}
        case "CMD" | "ENTRYPOINT":
            config[keyword.capitalize()] = command(config, text)
        case "USER" | "STOPSIGNAL":
            config["User" if keyword == "USER" else "StopSignal"] = expanded(text, variables)
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
        case "HEALTHCHECK" | "ONBUILD":
            return f" ---> [Warning] {keyword} is ignored: this engine does not support it\n"
        case "MAINTAINER":
            pass
        case _:
            raise RequestRefused(f"{keyword} is not supported by this engine")
    return ""


def workdir(config: Mapping, path: str) -> str:
    """A path relative to the working directory, as WORKDIR and --mount resolve it."""
    return posixpath.normpath(posixpath.join(config.get("WorkingDir") or "/", path))
