"""The smallest base from which the program of an image can start."""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..bases.references import parse
from ..errors import CourseError
from ..formats import Elf
from ..inventory import Inventory
from ..inventory.libraries import Libraries
from .entrypoint import Entrypoint
from .files import INSTALLED

# Libraries in the distroless images, besides the loader. Source: their README and build files.
_BASE = frozenset(["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2",
                   "libutil.so.1", "libanl.so.1", "libssl.so.3", "libcrypto.so.3"])
_CC = _BASE | frozenset(["libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1", "libatomic.so.1"])

# {interpreter: (image, package, parts of the version in a tag, end of the smaller tag)}. Source: the images' pages on
# Docker Hub.
_IMAGES = {"python": ("python", "python", 2, "-slim"), "node": ("node", "node", 1, "-slim"),
           "ruby": ("ruby", "ruby", 2, "-slim"), "perl": ("perl", "perl", 2, "-slim"),
           "java": ("eclipse-temurin", "openjdk", 1, "-jre")}
JAVA, _JAVA_VERSIONS = "gcr.io/distroless/java", ("17", "21")   # those of Debian 12. Source: the distroless README
_DEBIAN = re.compile(r"Debian GNU/Linux (\d+)(?: \((\w+)\))?")
_OTHERS = ((re.compile(r"Ubuntu (\d+\.\d+)"), "ubuntu:{}"), (re.compile(r"Alpine Linux v(\d+\.\d+)"), "alpine:{}"))


@dataclass(frozen=True)
class Advice:
    """A base for the last stage."""

    ref: str    # 'scratch' or the reference of an image
    because: str    # why it is enough
    unpacked: int | None = None    # bytes, None if it is not in this engine
    packages: int | None = None    # their number, None if it is not in this engine


def candidates(main: Entrypoint, system: str, inventory: Inventory) -> tuple[Advice, ...]:
    """Bases from which the program may start, the smallest first, not yet measured. `system` is what it was built on,
    such as 'Debian GNU/Linux 12 (bookworm)'."""
    if main.kind == "static":
        return (Advice("scratch", f"{main.name} is static, and needs no other file to start "
                                  "(gcr.io/distroless/static-debian12 adds certificates and time zones)", 0, 0),)
    if main.kind == "glibc":
        return tuple(_glibc(main, system))
    if main.kind == "musl":
        return tuple(Advice(ref, f"{main.name} is linked with musl, which Alpine has")
                     for ref in _same_distribution(system) if ref.startswith("alpine"))
    return tuple(_interpreted(main, inventory))


def chosen(main: Entrypoint, offered: tuple[Advice, ...], here: Callable[[str], Inventory | None],
           inventory: Inventory | None = None) -> Advice | None:
    """The first of `offered` that has every library of the program, and of what is beside it in the image (`inventory`)
    and can be loaded now. `here` returns the inventory of a base, None if it is not in this engine: its libraries are
    then unknown, and it is chosen unless something beside the program needs any."""
    beside, own = _beside(inventory, main) if inventory else ({}, frozenset())
    wanting = {**beside, main.path: main.elf} if main.elf else beside
    for each in offered:
        found = here(each.ref)
        if found is None:
            if all(elf.static for elf in beside.values()):
                return each
            continue
        libraries = Libraries(found.tree)
        if all(own.issuperset(map(posixpath.basename, libraries.needs(path, elf).missing))
               for path, elf in wanting.items()):
            return replace(each, unpacked=found.image.unpacked, packages=packages(found))
    return None


def packages(inventory: Inventory, layers: int | None = None) -> int:
    """The number of packages in an image, or in its lowest `layers`. A program without a package manager does not
    count."""
    return sum((layers is None or each.layer < layers) and each.package.type != "binary" for each in inventory.packages)


def _beside(inventory: Inventory, main: Entrypoint) -> tuple[dict[str, Elf], frozenset[str]]:
    """({path: ELF} of the loadable programs and modules that a COPY or a language's package manager added; the names of
    all ELF files in the own layers)."""
    own = {node.path: (program.elf, inventory.image.layers[node.layer].instruction.upper())
           for node, program in inventory.tree.under("programs")
           if program.elf and node.layer >= inventory.image.base_layers}
    loaded = Libraries(inventory.tree)
    return ({path: elf for path, (elf, made) in own.items()
             if path != main.path and (INSTALLED.search(path) or made.startswith(("COPY", "ADD")))
             and not loaded.needs(path, elf).missing}, frozenset(map(posixpath.basename, own)))


def _glibc(main: Entrypoint, system: str) -> Iterator[Advice]:
    debian = _DEBIAN.match(system)
    wanted = {name for name in main.libraries if not name.startswith(("ld-", "linux-"))}
    named = ", ".join(sorted(wanted)) or "its loader"
    if main.elf and main.elf.go:
        named += "; built with CGO_ENABLED=0 it would need none, and could use scratch"
    if debian:
        release, codename = debian.groups()
        for kind, have in (("base", _BASE), ("cc", _CC)):
            if wanted <= have:
                yield Advice(f"gcr.io/distroless/{kind}-debian{release}", f"it has what {main.name} needs ({named})")
        if codename:
            yield Advice(f"debian:{codename}-slim",
                         f"it has the C library of {main.name}; install what else the program needs ({named})")
        return
    for ref in _same_distribution(system):
        yield Advice(ref, f"it has the C library of {main.name}")


def _same_distribution(system: str) -> Iterator[str]:
    for expression, ref in _OTHERS:
        if match := expression.match(system):
            yield ref.format(match[1])


def _interpreted(main: Entrypoint, inventory: Inventory) -> Iterator[Advice]:
    if main.kind not in _IMAGES:
        return
    image, package, parts, ending = _IMAGES[main.kind]
    version = _version(image, package, parts, inventory)
    if main.kind == "java" and version in _JAVA_VERSIONS:
        yield Advice(f"{JAVA}{version}-debian12",
                     f"{main.name} needs only a Java runtime, and this has little else; its ENTRYPOINT is `java -jar`, "
                     "so CMD is just the path of the jar")
    if version:
        small = "the runtime without the compiler" if main.kind == "java" else "the interpreter without compilers"
        yield Advice(f"{image}:{version}{ending}", f"{main.name} needs {main.kind}; this is {small}")


def _version(image: str, package: str, parts: int, inventory: Inventory) -> str:
    """The version in the base's tag, else in the interpreter's bytes; '' if unknown."""
    try:
        base = parse(inventory.image.base)
        said = re.match(r"\d+(?:\.\d+)*", base.tag)
        if said and base.repository.rpartition("/")[2] == image:
            return said[0]
    except CourseError:   # the base has no name
        pass
    found = next((each.version for _, recorded in inventory.tree.under("packages") for each in recorded
                  if (each.type, each.name) == ("binary", package)), "")
    return ".".join(re.findall(r"\d+", found)[:parts]) if found else ""
