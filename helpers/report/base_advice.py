"""A smaller base for an image: the smallest that its program can start from."""

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

# Libraries that come with the distroless images, beside the loader. Source: their
# README, and the packages named in their build files.
_BASE = frozenset(["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2",
                   "libutil.so.1", "libanl.so.1", "libssl.so.3", "libcrypto.so.3"])
_CC = _BASE | frozenset(["libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1", "libatomic.so.1"])

# An interpreter: the image that has it, how much of its version the tag says, what the
# tag of its smaller one ends in. Source: those images' pages on Docker Hub.
_IMAGES = {"python": ("python", "python", 2, "-slim"), "node": ("node", "node", 1, "-slim"),
           "ruby": ("ruby", "ruby", 2, "-slim"), "perl": ("perl", "perl", 2, "-slim"),
           "java": ("eclipse-temurin", "openjdk", 1, "-jre")}
JAVA, _JAVA_VERSIONS = "gcr.io/distroless/java", ("17", "21")   # those of Debian 12. Source: the distroless README
_DEBIAN = re.compile(r"Debian GNU/Linux (\d+)(?: \((\w+)\))?")
_OTHERS = ((re.compile(r"Ubuntu (\d+\.\d+)"), "ubuntu:{}"), (re.compile(r"Alpine Linux v(\d+\.\d+)"), "alpine:{}"))


@dataclass(frozen=True)
class Advice:
    """A base for the last stage."""

    ref: str    # 'scratch' or an image's name
    because: str    # why it is enough
    unpacked: int | None = None    # its bytes, measured in this engine; None if it is not here
    packages: int | None = None    # how many it has; None if it is not here


def candidates(main: Entrypoint, system: str, inventory: Inventory) -> tuple[Advice, ...]:
    """Bases that the program may start from, the smallest first. Not measured yet.
    `system` is what it was built on: 'Debian GNU/Linux 12 (bookworm)'."""
    if main.kind == "static":
        return (Advice("scratch", f"{main.name} is static: it needs no other file to start "
                                  "(gcr.io/distroless/static-debian12 adds certificates and time zones)", 0, 0),)
    if main.kind == "glibc":
        return tuple(_glibc(main, system))
    if main.kind == "musl":
        return tuple(Advice(ref, f"{main.name} is linked with musl's C library, which Alpine has")
                     for ref in _same_distribution(system) if ref.startswith("alpine"))
    return tuple(_interpreted(main, inventory))


def chosen(main: Entrypoint, offered: tuple[Advice, ...], here: Callable[[str], Inventory | None],
           inventory: Inventory | None = None) -> Advice | None:
    """The first of `offered` that does. `here` gives the inventory of a base, None for one
    that is not in this engine; of the others it is known whether they have every library that
    the program wants, and what is beside it in the image (`inventory`) and can be loaded now."""
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
    """How many packages an image has, or its lowest `layers`: of a system or a language, and no lone program."""
    return sum((layers is None or each.layer < layers) and each.package.type != "binary" for each in inventory.packages)


def _beside(inventory: Inventory, main: Entrypoint) -> tuple[dict[str, Elf], frozenset[str]]:
    """(programs and modules that were copied into the image or that an interpreter's package manager installed,
    and that can be loaded; the names of all that its own layers have to load)."""
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
                yield Advice(f"gcr.io/distroless/{kind}-debian{release}", f"it has what {main.name} wants: {named}")
        if codename:
            yield Advice(f"debian:{codename}-slim",
                         f"it has the C library that {main.name} was linked with; install what else it wants: {named}")
        return
    for ref in _same_distribution(system):
        yield Advice(ref, f"it has the C library that {main.name} was linked with")


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
                     f"{main.name} needs no system around it, and this is a runtime without one; its ENTRYPOINT is "
                     "`java -jar`, so that CMD is the path of the jar alone")
    if version:
        small = "the runtime without the compiler" if main.kind == "java" else "the interpreter without compilers"
        yield Advice(f"{image}:{version}{ending}", f"{main.name} needs {main.kind}; this is {small}")


def _version(image: str, package: str, parts: int, inventory: Inventory) -> str:
    """As the base's own tag says it, else as the interpreter's own bytes do."""
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
