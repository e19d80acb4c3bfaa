"""Java: archives, archives inside archives, and the JDK's own note of itself.

Maven writes META-INF/maven/GROUP/ARTIFACT/pom.properties for the archive itself, and
tools that merge archives carry those of the others along: each names a package. What
has none is named by its file, as Maven names it: NAME-VERSION.jar, with the version
from META-INF/MANIFEST.MF where the file's name has none.

Sources: "JAR File Specification" of Java SE; Maven Archiver's documentation; PKWARE's
APPNOTE.TXT, 4.3.7, for what is read of an archive that is cut off.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from .model import Package, package, text

SUFFIXES = ("jar", "war", "ear", "par", "sar", "nar", "jpi", "hpi", "kar", "lpkg")

_POM, _MANIFEST = "/pom.properties", "META-INF/MANIFEST.MF"
_ENDINGS = tuple(f".{suffix}" for suffix in SUFFIXES)
_SMALL, _ARCHIVE = 1 << 16, 64 << 20      # bytes wanted of a text, of an archive inside
_DEEPEST = 5                              # an ear, a war, a jar, what is merged into that
_VERSIONS = ("Implementation-Version", "Bundle-Version", "Plugin-Version", "Specification-Version")
_HEADER = struct.Struct("<4s5HIIIHH")     # of each file in an archive


@dataclass(slots=True)
class _Purse:
    """What may still be spent on one file: entries listed, bytes unpacked. An archive
    of 42 kB can unpack to petabytes, and one that holds itself never ends."""

    entries: int = 200_000
    bytes: int = 256 << 20


def archive(path: str, data: bytes) -> Iterator[Package | None]:
    """Every package in a Java archive, and in the archives inside it."""
    yield from _archive(path, data, _Purse(), _DEEPEST)


def jdk(path: str, data: bytes) -> Iterator[Package | None]:
    """The file `release` in the home of a JDK or a runtime made from one."""
    told = dict(re.findall(r'^([A-Z_]+)="?([^"\r\n]*)', text(data), re.M))
    if "JAVA_VERSION" in told:
        version = told.get("JAVA_RUNTIME_VERSION") or told.get("FULL_VERSION") or told["JAVA_VERSION"]
        yield package("binary", "openjdk", version)


def _archive(path: str, data: bytes, purse: _Purse, depth: int) -> Iterator[Package | None]:
    if b"PK\3\4" not in data:
        return   # no archive at all, or an empty one
    poms: list[Package] = []
    manifest = ""
    for name, content in _entries(data, purse, depth):
        if name == _MANIFEST:
            manifest = manifest or text(content)
        elif name.endswith(_POM):
            poms += filter(None, [_pom(text(content))])
        else:
            yield from _archive(name, content, purse, depth - 1)
    yield from poms
    stem = path[path.rfind("/") + 1:].rpartition(".")[0]
    own = _own(stem, manifest)
    if own and not any(_same(own, stem, pom, alone=len(poms) == 1) for pom in poms):
        yield own


# -- what is in it -------------------------------------------------------------------

def _entries(data: bytes, purse: _Purse, depth: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of all that tells something of packages."""
    listed = data.count(b"PK\1\2")   # at most so many entries; zipfile would list them all
    purse.entries -= listed
    if purse.entries < 0:
        return
    try:
        whole = zipfile.ZipFile(io.BytesIO(data))
    except Exception:   # it raises a dozen kinds; whichever, there is no list of contents
        yield from _salvaged(data, purse, depth)
        return
    for entry in whole.infolist():
        limit = min(_wanted(entry.filename, depth), purse.bytes)
        if limit and entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            try:
                with whole.open(entry) as file:
                    content = file.read(limit)
            except Exception:   # damaged, encrypted, ...: this one cannot be read
                continue
            purse.bytes -= len(content)
            yield entry.filename, content


def _salvaged(data: bytes, purse: _Purse, depth: int) -> Iterator[tuple[str, bytes]]:
    """The same of an archive without its end, where the list of contents is: each file
    has a header of its own too."""
    start = data.find(b"PK\3\4")
    while 0 <= start <= len(data) - _HEADER.size and purse.entries > 0 < purse.bytes:
        purse.entries -= 1
        _, _, _, method, _, _, _, packed, _, named, extra = _HEADER.unpack_from(data, start)
        begin = start + _HEADER.size
        name = text(data[begin:begin + named])
        begin += named + extra
        start = data.find(b"PK\3\4", begin)
        limit = min(_wanted(name, depth), purse.bytes)
        if limit and method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            content = data[begin:begin + min(packed, limit)]
            if method == zipfile.ZIP_DEFLATED:
                content = _inflated(data[begin:begin + (packed or limit)], limit)
            elif packed:
                start = data.find(b"PK\3\4", begin + packed)
            purse.bytes -= len(content)
            yield name, content


def _inflated(data: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, limit)
    except zlib.error:
        return b""


def _wanted(name: str, depth: int) -> int:
    """How many bytes of an archive's entry are worth unpacking."""
    if name == _MANIFEST or name.startswith("META-INF/maven/") and name.endswith(_POM):
        return _SMALL
    return _ARCHIVE if depth > 1 and name.endswith(_ENDINGS) else 0


# -- what it says --------------------------------------------------------------------

def _pom(properties: str) -> Package | None:
    told = dict(re.findall(r"^[ \t]*(artifactId|version)[ \t]*[=:][ \t]*(.*)", properties, re.M))
    version = told.get("version", "")
    return package("java-archive", told.get("artifactId", ""), "" if "${" in version else version)


def _own(stem: str, manifest: str) -> Package | None:
    """The archive itself, by the name of its file and what its manifest says."""
    # akka-actor_2.12-2.5.6: the version follows a hyphen if there is one before a digit
    split = re.search(r"-(?=\d)", stem) or re.search(r"[-_]v?(?=\d)", stem)
    name, version = (stem[:split.start()], stem[split.end():]) if split else (stem, "")
    main = manifest.replace("\r\n", "\n").partition("\n\n")[0].replace("\n ", "")
    told = dict(re.findall(r"^([\w-]+): *(.*)", main, re.M))
    for key in _VERSIONS:
        version = version or told.get(key, "")
    return package("java-archive", name, version)


def _same(own: Package, stem: str, pom: Package, alone: bool) -> bool:
    """Whether a pom.properties is the archive's own. Distributions rename files
    (maven-core to maven3-core), so only letters are compared; the only one there is
    counts unless it is of another version."""
    artifact = _letters(pom.name)
    alike = any(name and artifact and (name.endswith(artifact) or artifact.endswith(name))
                for name in (_letters(own.name), _letters(stem)))
    return alike or alone and own.version in ("", pom.version)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
