"""Which Python a stage has, as far as its base's name and its RUNs say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .model import SCRATCH, Stage

# What makes the interpreter another one than the base's, or the environment independent of it.
UNSURE = re.compile(
    r"\buv\s+python\b|--python\b|\benv[^;&|\n]*\s-p\s|UV_PYTHON|PYTHONHOME|pyenv|conda|deadsnakes|altinstall|pyvenv\.cfg"
    r"|--relocatable|\bln\b[^;&|\n]*python|\b(?:site|dist)-packages\b|\bpex\b|\bshiv\b")
_PYTHON = re.compile(r"(?:docker\.io/)?(?:library/)?python(?::(?P<tag>[^@]*))?(?:@.*)?\Z")
_UV = re.compile(r"ghcr\.io/astral-sh/uv:python(?P<version>3\.\d+)-\w+")
_DISTROLESS = re.compile(r"gcr\.io/distroless/(?P<name>[a-z0-9]+)-debian(?P<number>\d+)(?::.*)?\Z")
_PLAIN = re.compile(r"(?:docker\.io/)?(?:library/)?(?P<name>debian|ubuntu|alpine|busybox)(?::(?P<tag>[^@]*))?\Z")
_BRANCH = re.compile(r"3\.\d+")
# Versions of the distributions' python3. Sources: packages.debian.org and packages.ubuntu.com, python3.
_OF = {"buster": "3.7", "10": "3.7", "bullseye": "3.9", "11": "3.9", "bookworm": "3.11", "12": "3.11", "trixie": "3.13",
       "13": "3.13", "20.04": "3.8", "focal": "3.8", "22.04": "3.10", "jammy": "3.10", "24.04": "3.12", "noble": "3.12"}
_INSTALLS = re.compile(r"\b(?:apt|apt-get|apk|dnf|yum)\b[^;&|\n]*\b(?:install|add)\b[^;&|]*"
                       r"\bpython3(?:-venv|-pip|-minimal|-full)?(?![\w.-])")
_MAY_INSTALL = re.compile(r"\b(?:install|add|uv|conda|make|curl|wget|tar|nix)\b|\.sh\b|\./")


@dataclass(frozen=True)
class Python:
    """An interpreter: its path ('' for none), its version ('3.12', '' if unknown) and the image that has it."""

    path: str
    version: str
    image: str


def python_of(chain: Sequence[Stage]) -> Python | None:
    """The Python of a stage, given with those below it, the lowest first; None where it cannot be said."""
    image = chain[0].base
    runs = [each.body for stage in chain for each in stage.instructions if each.keyword == "RUN"]
    if found := _PYTHON.match(image):
        return Python("/usr/local/bin/python3", _version(found["tag"]), image)
    if found := _UV.match(image):
        return Python("/usr/local/bin/python3", found["version"], image)
    if found := _DISTROLESS.match(image):
        if found["name"] == "python3":
            return Python("/usr/bin/python3", _OF.get(found["number"], ""), image)
        return Python("", "", image) if found["name"] in ("static", "base", "cc") else None
    found = _PLAIN.match(image)
    if found and any(map(_INSTALLS.search, runs)):
        return Python("/usr/bin/python3", _OF.get((found["tag"] or "").removesuffix("-slim"), ""), image)
    if (found or image == SCRATCH) and not any(map(_MAY_INSTALL.search, runs)):
        return Python("", "", image)
    return None


def _version(tag: str | None) -> str:
    found = _BRANCH.match(tag or "")
    return found.group() if found else ""
