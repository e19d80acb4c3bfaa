"""What an image says of itself: the instructions that change no file.

A configuration is the dictionary that Docker's API calls Config: Env, Cmd, Entrypoint,
User, WorkingDir, Labels, ExposedPorts, Volumes, Shell, StopSignal, OnBuild.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
from collections.abc import Mapping

from ...dockerfile import Instruction
from ...dockerfile.expand import BadSubstitution, expand
from .paths import inside

SHELL = ["/bin/sh", "-c"]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WORD = re.compile(r"""(?:\\.|[^\s"'\\]|"(?:\\.|[^"\\])*"|'[^']*')+""", re.S)


class Refused(Exception):
    """An instruction that this engine cannot carry out; the message says why."""


def environment(config: Mapping) -> dict[str, str]:
    return dict(each.partition("=")[::2] for each in config.get("Env") or [])


def expanded(text: str, variables: Mapping[str, str]) -> str:
    try:
        return expand(text, variables)
    except BadSubstitution as error:
        raise Refused(f"failed to process {text!r}: {error}") from error


def pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """`A=1 B="two words"`, or the old form `A the rest`."""
    words = WORD.findall(text)
    if words and "=" not in words[0]:
        name, _, rest = text.partition(" ")
        return {name: expanded(rest.strip(), variables)}
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise Refused(f"Syntax error - can't find = in {word!r}. Must be of the form: name=value")
        found[expanded(name, {}) if "$" not in name else expanded(name, variables)] = expanded(value, variables)
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
    return found if found is not None else [*(config.get("Shell") or SHELL), text]


def apply(config: dict, instruction: Instruction, variables: Mapping[str, str]) -> str:
    """Change `config` as an instruction says. Returns a word of what is not done, or ''."""
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
            ports = {port if "/" in port else f"{port}/tcp": {} for port in words(text, variables)}
            config["ExposedPorts"] = {**(config.get("ExposedPorts") or {}), **ports}
        case "VOLUME":
            config["Volumes"] = {**(config.get("Volumes") or {}), **dict.fromkeys(words(text, variables), {})}
        case "SHELL":
            shell = listed(text)
            if not shell:
                raise Refused("SHELL requires the arguments to be in JSON form")
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
            raise Refused(f"{instruction.keyword} is not known to this engine")
    return ""


def workdir(config: Mapping, path: str) -> str:
    return posixpath.normpath(posixpath.join(config.get("WorkingDir") or "/", path))


def ids(root: str, who: str) -> tuple[int, int]:
    """User and group ids of 'user', 'user:group' or numbers, as the image's own files
    say. Raises Refused for a name that they do not have."""
    user, _, group = who.partition(":")
    if not user:
        return 0, 0
    rows = _rows(root, "etc/passwd")
    row = next((row for row in rows if user in (row[0], row[2])), None)
    if row is None and not user.isdigit():
        raise Refused(f"unable to find user {user}: no matching entries in passwd file")
    uid = int(row[2] if row else user)
    gid = int(row[3]) if row and not group else 0
    if group:
        entry = next((row for row in _rows(root, "etc/group") if group in (row[0], row[2])), None)
        if entry is None and not group.isdigit():
            raise Refused(f"unable to find group {group}: no matching entries in group file")
        gid = int(entry[2] if entry else group)
    return uid, gid


def home(root: str, uid: int) -> str:
    return next((row[5] for row in _rows(root, "etc/passwd") if row[2] == str(uid) and len(row) > 5 and row[5]), "/")


def name(root: str, uid: int) -> str:
    return next((row[0] for row in _rows(root, "etc/passwd") if row[2] == str(uid)), str(uid))


def _rows(root: str, path: str) -> list[list[str]]:
    try:
        with open(inside(root, path), errors="replace") as file:
            return [row for line in file if len(row := line.rstrip("\n").split(":")) >= 3 and row[2].isdigit()]
    except OSError:
        return []


def program(root: str, config_path: str, folder: str, word: str) -> str:
    """'' if the program `word` can be started, else what an engine says then: it is not
    in the image, or what loads it is not (the second with the first words 'exec /')."""
    places = ([posixpath.join(folder, word)] if "/" in word
              else [posixpath.join(each or folder, word) for each in config_path.split(":")])
    found = next((p for p in places if os.path.isfile(inside(root, p)) and os.access(inside(root, p), os.X_OK)), None)
    if found is None:
        said = "no such file or directory" if "/" in word else "executable file not found in $PATH"
        return f"exec: {json.dumps(word)}: {'stat ' + word + ': ' if '/' in word else ''}{said}: unknown"
    loader = _loader(inside(root, found))
    if loader and not os.path.exists(inside(root, loader)):
        return f"exec {found}: no such file or directory"
    return ""


def _loader(place: str) -> str:
    """The program that the kernel starts for this one: the dynamic loader, or that of #!."""
    from ...formats.elf import elf

    size = os.path.getsize(place)
    with open(place, "rb") as file:
        head = file.read(1 << 16)   # the kernel finds it there, too
    if head.startswith(b"#!"):
        line = shlex.split(head[2:].split(b"\n")[0].decode("utf-8", "replace"))
        return line[0] if line else ""
    found = elf(head, size)
    return found.interpreter if found else ""
