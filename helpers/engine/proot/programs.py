"""A command resolved against an image's files: its user, home directory and program."""

import json
import os
import posixpath
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...extraction import inside
from ...formats.elf import elf
from ...text import within
from . import settings
from .refused import RequestRefused


@dataclass(frozen=True)
class Command:
    """A command, ready to be run in a file system."""

    words: list[str]
    variables: dict[str, str]
    folder: str             # its working directory
    ids: tuple[int, int]    # of its user and group
    problem: str            # why it cannot be started, in runc's words; '' if it can


def command(root: str, config: Mapping, words: list[str], variables: Mapping[str, str] | None = None,
            mounted: Iterable[str] = ()) -> Command:
    """`words` with an image's settings, in the file system at `root`.

    variables  its environment (default: that of the settings)
    mounted    mount points, below which programs are not looked for

    Raises RequestRefused for a user that the image does not have."""
    environment = dict(settings.environment(config) if variables is None else variables)
    path = environment.setdefault("PATH", settings.PATH.removeprefix("PATH="))
    folder = config.get("WorkingDir") or "/"
    ids = user_ids(root, config.get("User") or "")
    environment.setdefault("HOME", _home(root, ids[0]))
    hidden = any(within(words[0], each) for each in mounted)
    return Command(words, environment, folder, ids, "" if hidden else program(root, path, folder, words[0]))


def user_ids(root: str, who: str) -> tuple[int, int]:
    """User and group id of 'user' or 'user:group', names or numbers, by the image's own files. Raises RequestRefused
    for an unknown name."""
    user, _, group = who.partition(":")
    if not user:
        return 0, 0
    entry = _found(root, "passwd", "user", user)
    if group:
        return int(entry[2]), int(_found(root, "group", "group", group)[2])
    return int(entry[2]), int(entry[3])


def _found(root: str, file: str, kind: str, wanted: str) -> list[str]:
    """The row of a name or number in /etc/passwd or /etc/group; an unknown number gets group 0. Raises
    RequestRefused."""
    for row in _rows(root, f"etc/{file}"):
        if wanted in (row[0], row[2]):
            return row
    if not wanted.isdigit():
        raise RequestRefused(f"unable to find {kind} {wanted}: no matching entries in {file} file")
    return [wanted, "", wanted, "0"]


def _home(root: str, uid: int) -> str:
    return next((row[5] for row in _rows(root, "etc/passwd") if row[2] == str(uid) and len(row) > 5 and row[5]), "/")


def _rows(root: str, path: str) -> list[list[str]]:
    try:
        with open(inside(root, path), errors="replace") as file:
            return [row for line in file if len(row := line.rstrip("\n").split(":")) >= 3 and row[2].isdigit()]
    except OSError:
        return []


def program(root: str, config_path: str, folder: str, word: str) -> str:
    """'' if the program `word` can be started, else the engine's error: 'exec: ...' if it is not in the image,
    'exec /...' if its loader is not."""
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
    """The program that the kernel starts for this one: its dynamic loader or its #! line's interpreter."""
    size = os.path.getsize(place)
    with open(place, "rb") as file:
        head = file.read(1 << 16)   # the kernel reads no further for it, either
    if head.startswith(b"#!"):
        line = shlex.split(head[2:].split(b"\n")[0].decode("utf-8", "replace"))
        return line[0] if line else ""
    found = elf(head, size)
    return found.interpreter if found else ""
