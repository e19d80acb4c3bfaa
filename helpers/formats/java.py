"""Java: archives, archives inside archives, and the JDK's release file.

Maven writes META-INF/maven/GROUP/ARTIFACT/pom.properties for an archive, and tools that merge archives keep those of
the others: each names a package. An archive without one is named by its file, NAME-VERSION.jar as from Maven, with the
version in META-INF/MANIFEST.MF if the file's name has none.

Sources: "JAR File Specification" of Java SE; Maven Archiver's documentation."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from .model import Package, package, text

SUFFIXES = ("jar", "war", "ear", "par", "sar", "nar", "jpi", "hpi", "kar", "lpkg")

_POM, _MANIFEST = "/pom.properties", "META-INF/MANIFEST.MF"
_ENDINGS = tuple(f".{suffix}" for suffix in SUFFIXES)
_SMALL, _ARCHIVE = 1 << 16, 64 << 20      # bytes read of a text, of an archive inside
_DEEPEST = 5                              # archives in each other: an ear, a war, a jar ...
_VERSIONS = ("Implementation-Version", "Bundle-Version", "Plugin-Version", "Specification-Version")
_FILE = b"PK\3\4"                         # begins the header of each file in an archive
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(slots=True)
class _Budget:
    """What may still be read of a file: entries listed, entries read, bytes unpacked. 42 kB can unpack to petabytes,
    and an archive can contain itself."""

    listed: int = 100_000
    read: int = 10_000
    size: int = 256 << 20


def archive(path: str, data: bytes) -> Iterator[Package | None]:
    """Every package in a Java archive and the archives inside it."""
    return _archive(path, data, _Budget(), _DEEPEST)


def jdk(path: str, data: bytes) -> Iterator[Package | None]:
    """The file `release` of a JDK or a Java runtime."""
    fields = dict(re.findall(r'^([A-Z_]+)="?([^"\r\n]*)', text(data), re.M))
    if "JAVA_VERSION" in fields:
        version = fields.get("JAVA_RUNTIME_VERSION") or fields.get("FULL_VERSION") or fields["JAVA_VERSION"]
        yield package("binary", "openjdk", version)


def _archive(path: str, data: bytes, budget: _Budget, depth: int) -> Iterator[Package | None]:
    if _FILE not in data:
        return   # no archive, or an empty one
    poms: list[Package] = []
    manifest = ""
    for name, content in _entries(data, budget, depth):
        if name == _MANIFEST:
            manifest = manifest or text(content)
        elif name.endswith(_POM):
            poms += filter(None, [_pom(text(content))])
        else:
            yield from _archive(name, content, budget, depth - 1)
    yield from poms
    stem = path[path.rfind("/") + 1:].rpartition(".")[0]
    own = _own(stem, manifest)
    if own and not any(_same(own, stem, pom, alone=len(poms) == 1) for pom in poms):
        yield own


def _entries(data: bytes, budget: _Budget, depth: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every relevant entry."""
    budget.listed -= data.count(b"PK\1\2")   # at least as many as zipfile would list
    if budget.listed < 0:
        return
    try:
        whole = zipfile.ZipFile(io.BytesIO(data))
    except Exception:   # zipfile raises a dozen kinds
        return
    for entry in whole.infolist():
        limit = min(_wanted(entry.filename, depth), budget.size)
        if limit and budget.read and entry.compress_type in _METHODS:
            try:
                with whole.open(entry) as file:
                    content = file.read(limit)
            except Exception:   # damaged, encrypted, ...
                content = b""
            budget.read -= 1
            budget.size -= len(content)
            yield entry.filename, content


def _wanted(name: str, depth: int) -> int:
    """Bytes of an entry to unpack."""
    if name == _MANIFEST or name.startswith("META-INF/maven/") and name.endswith(_POM):
        return _SMALL
    return _ARCHIVE if depth > 1 and name.endswith(_ENDINGS) else 0


def _pom(properties: str) -> Package | None:
    fields = dict(re.findall(r"^[ \t]*(artifactId|version)[ \t]*[=:][ \t]*(.*)", properties, re.M))
    version = fields.get("version", "")
    return package("java-archive", fields.get("artifactId", ""), "" if "${" in version else version)


def _own(stem: str, manifest: str) -> Package | None:
    """The archive itself, by its file's name and its manifest."""
    # akka-actor_2.12-2.5.6: preferably, the version follows a hyphen
    split = re.search(r"-(?=\d)", stem) or re.search(r"[-_]v?(?=\d)", stem)
    name, version = (stem[:split.start()], stem[split.end():]) if split else (stem, "")
    main = manifest.replace("\r\n", "\n").partition("\n\n")[0].replace("\n ", "")
    fields = dict(re.findall(r"^([\w-]+): *(.*)", main, re.M))
    for key in _VERSIONS:
        version = version or fields.get(key, "")
    return package("java-archive", name, version)


def _same(own: Package, stem: str, pom: Package, alone: bool) -> bool:
    """Whether a pom.properties is the archive's own. Distributions rename files (maven-core to maven3-core), so only
    letters are compared. If it is `alone`, it may have another name, but not another version."""
    artifact = _letters(pom.name)
    alike = any(name and artifact and (name.endswith(artifact) or artifact.endswith(name))
                for name in (_letters(own.name), _letters(stem)))
    return alike or alone and own.version in ("", pom.version)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
