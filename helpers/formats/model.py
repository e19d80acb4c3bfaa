"""The plain values that come out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A piece of software that somebody else made, packed and numbered.

    type     'deb', 'apk', 'npm', 'python', 'go-module', 'java-archive', or 'binary':
             a program known by its own bytes and not from any list
    version  as it is written there; '' where none is
    """

    type: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Elf:
    """A file in the Executable and Linkable Format.

    machine      'x86-64', 'aarch64', ... or the number that the file gives
    bits         32 or 64
    kind         'executable' (at a fixed address), 'pie' (a program at any address),
                 'shared' (a library), 'object' (not linked yet), 'core', 'other'
    static       a program that needs neither an interpreter nor a library
    interpreter  the program that must load it, '' if none
    needed       the libraries that it asks for by name, in its own order
    runpath      where it looks for them first (RUNPATH, or RPATH without one), $ORIGIN kept
    soname       the name that others ask for it by, '' if none
    go           the version of Go that built it, 'go1.22.10'; '' if none is told
    main         the path of its main package, 'cmd/go'; '' if not Go
    packages     the Go modules that are built in, from Go's own record in the file
    """

    machine: str
    bits: int
    kind: str
    static: bool
    interpreter: str
    needed: tuple[str, ...]
    runpath: tuple[str, ...]
    soname: str
    go: str
    main: str
    packages: tuple[Package, ...]


# A name or a version longer than this is none.
_LONGEST = 512


def package(type: str, name: str, version: str) -> Package | None:
    """A Package with a name that can be shown, or None."""
    name, version = name.strip(), version.strip()
    if not name or len(name) > _LONGEST or len(version) > _LONGEST:
        return None
    if not (name.isascii() and version.isascii()):   # half a character out of JSON's \ud800
        name, version = (text(each.encode("utf-8", "replace")) for each in (name, version))
    return Package(type, name, version)


def text(raw: bytes) -> str:
    """`raw` as text. What is no UTF-8 is replaced, so that it can always be shown."""
    return raw.decode("utf-8", "replace")
