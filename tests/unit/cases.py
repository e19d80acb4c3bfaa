"""Built projects made by hand, for tests of what a report says of them."""

from helpers import dockerfile as dockerfiles
from helpers.image import Image, Layer, Start
from helpers.inventory import take
from helpers.report import entrypoint
from helpers.report.base_advice import candidates, chosen
from helpers.report.context import Project, ReportContext
from tests.elfs import make
from tests.unit import layers

LOADER = "/lib64/ld-linux-x86-64.so.2"
DEBIAN = ("etc/os-release", b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
STATIC = make(kind=2, dynamic=False)
DYNAMIC = make(loader=LOADER, needed=("libc.so.6",))
LIBRARY = make(needed=(), soname="libc.so.6")
GLIBC = ((LOADER[1:], LIBRARY, 0o755), ("lib/libc.so.6", LIBRARY, 0o755))
SHELL = ("bin/sh", DYNAMIC, 0o755)
GCC = ("usr/bin/gcc", DYNAMIC, 0o755)
APT = ("usr/bin/apt-get", DYNAMIC, 0o755)

SLIM = (DEBIAN, *GLIBC, SHELL, APT)
FAT = (*SLIM, GCC, ("usr/bin/git", DYNAMIC, 0o755), ("usr/include/stdio.h", b"h" * 70_000))
SMALL = (DEBIAN, *GLIBC)


def layer(*members):
    """The entries of a layer with these members and the folders that they are in."""
    folders = {"/".join(parts[:n]) for name, *_ in members for parts in [name.split("/")] for n in range(1, len(parts))}
    return layers.layer(*((folder, "d") for folder in sorted(folders)), *members)


def image(base, *own, base_name="base:1") -> Image:
    """An image of layers with these instructions. `base`: {instruction: entries}, `own` pairs of the same."""
    pairs = [*base, *own]
    layers = tuple(Layer(f"sha256:{n}", made, sum(entries.sizes), sum(kind == ord("f") for kind in entries.kinds))
                   for n, (made, entries) in enumerate(pairs))
    return Image("made:1", "sha256:x", layers, "", {}, "An engine", base=base_name if base else "",
                 base_layers=len(base))

USER = Start(("/app",), user="65532")


def case(text, base=SMALL, own=(), *, start=USER, base_name="base:1", advice=True, here=None, **other) -> ReportContext:
    """A built project: its Dockerfile, the members of its base's one layer (None: scratch)
    and of its own layers, as (instruction as the history has it, members)."""
    below = [] if base is None else [("ADD rootfs /", layer(*base))]
    above = [(made, layer(*members)) for made, members in own]
    seen = take(image(below, *above, base_name=base_name), [entries for _, entries in (*below, *above)])
    main = entrypoint.find(seen, start)
    offered = candidates(main, seen.os, seen) if main and advice else ()
    best = chosen(main, offered, (here or {}).get, seen) if offered else None
    return ReportContext(dockerfiles.parse(text), seen, start, main=main, advice=best, **other)


def project(files=None, ignore="", **texts) -> Project:
    """A context with these files {path: bytes}. Manifests by name, dots written as two underscores."""
    return Project(files or {}, ignore,
                   {name.replace("__", ".").replace("_", "-"): text for name, text in texts.items()})
