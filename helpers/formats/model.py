"""What the readers of formats return."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A package of software."""

    type: str     # 'deb', 'apk', 'npm', 'python', 'go-module', 'java-archive', or 'binary', recognized by its bytes
    name: str
    version: str  # '' if unknown


@dataclass(frozen=True, slots=True)
class Elf:
    """A file in the Executable and Linkable Format."""

    machine: str                   # 'x86-64', 'aarch64', ... or a number
    bits: int                      # 32 or 64
    kind: str  # 'executable', 'pie', 'shared' (a library), 'object' (not linked yet), 'core', 'other'
    static: bool                   # a program that needs neither a loader nor a library
    interpreter: str               # its loader, '' if none
    needed: tuple[str, ...]        # names of the libraries that it needs, in order
    runpath: tuple[str, ...]       # RUNPATH or else RPATH, where these are searched first; $ORIGIN is kept
    soname: str                    # name of a library, '' if none
    go: str                        # version of Go that built it, 'go1.22.10'; '' if unknown
    main: str                      # path of its main package, 'cmd/go'; '' if not Go
    packages: tuple[Package, ...]  # Go modules in it, from Go's build information


_LONGEST = 512   # characters of a name or a version


def package(type: str, name: str, version: str) -> Package | None:
    """A Package with a printable name, None without a valid name."""
    name, version = name.strip(), version.strip()
    if not name or len(name) > _LONGEST or len(version) > _LONGEST:
        return None
    if not (name.isascii() and version.isascii()):   # may be a lone surrogate, as JSON's \ud800
        name, version = (text(each.encode("utf-8", "replace")) for each in (name, version))
    return Package(type, name, version)


def text(raw: bytes) -> str:
    """`raw` as text; what is not UTF-8 is replaced."""
    return raw.decode("utf-8", "replace")
