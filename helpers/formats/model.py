"""The values that the readers of formats return."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A package of software."""

    type: str     # 'deb', 'apk', 'npm', 'python', 'go-module', 'java-archive', or 'binary', recognized by its own bytes
    name: str
    version: str  # as written there; '' if none is


@dataclass(frozen=True, slots=True)
class Elf:
    """A file in the Executable and Linkable Format."""

    machine: str                   # 'x86-64', 'aarch64', ... or the number in the file
    bits: int                      # 32 or 64
    kind: str  # 'executable', 'pie', 'shared' (a library), 'object' (not linked yet), 'core', 'other'
    static: bool                   # a program that needs neither an interpreter nor a library
    interpreter: str               # the loader that must start it, '' if none
    needed: tuple[str, ...]        # the libraries that it needs, by name, in its own order
    runpath: tuple[str, ...]       # where it looks for them first (RUNPATH, or RPATH without one), $ORIGIN kept
    soname: str                    # the name by which others need it, '' if none
    go: str                        # the version of Go that built it, 'go1.22.10'; '' if unknown
    main: str                      # the path of its main package, 'cmd/go'; '' if not Go
    packages: tuple[Package, ...]  # the Go modules that are built in, from Go's own record in the file


_LONGEST = 512   # characters of a name or a version; a longer one is not one


def package(type: str, name: str, version: str) -> Package | None:
    """A Package with a printable name, None without a name."""
    name, version = name.strip(), version.strip()
    if not name or len(name) > _LONGEST or len(version) > _LONGEST:
        return None
    if not (name.isascii() and version.isascii()):   # a lone surrogate out of JSON's \ud800
        name, version = (text(each.encode("utf-8", "replace")) for each in (name, version))
    return Package(type, name, version)


def text(raw: bytes) -> str:
    """`raw` as text; what is not UTF-8 is replaced."""
    return raw.decode("utf-8", "replace")
