"""This machine's sources of Debian packages, from apt's files in either format of sources.list(5): one-line (*.list)
and deb822 (*.sources)."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from .references import on_loopback

_LINE = re.compile(r"deb(?:\s+\[(?P<options>[^\]]*)\])?\s+(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<rest>.*)")
_MIRROR_FILE = "mirror+file:"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")   # part of every Debian root

# Settings for proxies, TLS interception and snapshot archives.
_PASSED_ON = re.compile(r'Acquire::(?:https?::|Check-|Max-ValidTime|Retries|ForceIPv)\S* "[^"]+";')


@dataclass(frozen=True)
class Source:
    """One entry; `signed_by` is '', paths, fingerprints, or a key's text."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...] = ("main",)
    signed_by: str = ""

    @property
    def keyrings(self) -> tuple[Path, ...]:
        """The paths in `signed_by`."""
        words = re.split(r"[\s,]+", self.signed_by)
        return tuple(Path(word) for word in words if word.startswith("/"))

    @property
    def local(self) -> bool:
        """Whether it needs no network: files, or a server on this machine."""
        parts = [urlsplit(uri) for uri in self.uris]
        return all(p.scheme in ("file", "copy") or on_loopback(p.hostname or "") for p in parts)


def machine(suite: str, root: Path = Path("/")) -> tuple[Source, ...]:
    """This machine's entries for a Debian suite, its updates and security updates; () without one for the suite."""
    etc = root / "etc/apt"
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    found: list[Source] = []
    for file in files:
        if file.suffix not in (".list", ".sources"):
            continue
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        found += parse(text, deb822=file.suffix == ".sources")
    return debian(found, suite, root)


def parse(text: str, *, deb822: bool) -> list[Source]:
    """The enabled entries for binary packages in a file's text."""
    return _paragraphs(text) if deb822 else _lines(text)


def debian(sources: Iterable[Source], suite: str, root: Path = Path("/")) -> tuple[Source, ...]:
    """Those of `sources` that have Debian's `suite`. Third parties use Debian's suite names with other keys, so sources
    with such keys count only if there are no others (a company's mirror with its own key)."""
    wanted = (suite, f"{suite}-updates", f"{suite}-security")
    taken = []
    for source in sources:
        uris = tuple(uri for each in source.uris for uri in _expanded(each, root) if not uri.startswith("cdrom:"))
        suites = tuple(s for s in source.suites if s in wanted)
        if uris and suites and "main" in source.components:
            taken.append(replace(source, uris=uris, suites=suites, components=("main",)))
    own = [s for s in taken if all(k.name.startswith("debian-archive") for k in s.keyrings)]
    chosen = own if any(suite in s.suites for s in own) else taken
    return tuple(chosen) if any(suite in s.suites for s in chosen) else ()


def written(sources: Iterable[Source]) -> str:
    """The text of a *.sources file."""
    paragraphs = []
    for source in sources:
        lines = ["Types: deb", f"URIs: {' '.join(source.uris)}", f"Suites: {' '.join(source.suites)}",
                 f"Components: {' '.join(source.components)}"]
        if source.signed_by:
            space = "" if source.signed_by.startswith("\n") else " "
            lines.append(f"Signed-By:{space}{source.signed_by}")
        paragraphs.append("\n".join(lines) + "\n")
    return "\n".join(paragraphs)


def public(sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources to keep in an image: without credentials, addresses of this machine, and keys that Debian does not
    ship."""
    kept = (replace(each, uris=tuple(filter(_is_public, each.uris)),
                    signed_by=str(KEYRING) if KEYRING in each.keyrings else "") for each in sources)
    return tuple(each for each in kept if each.uris)


def options() -> tuple[str, ...]:
    """The lines of this machine's apt configuration to pass on."""
    try:
        return chosen_options(subprocess.run(["apt-config", "dump"], capture_output=True, text=True,
                                             stdin=subprocess.DEVNULL).stdout)
    except OSError:
        return ()


def chosen_options(dump: str) -> tuple[str, ...]:
    """The lines of `apt-config dump` to pass on: proxies, trust, snapshot archives."""
    return tuple(line for line in dump.splitlines() if _PASSED_ON.fullmatch(line))


def _lines(text: str) -> list[Source]:
    found = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line.split("#", 1)[0].strip())
        if not match:
            continue
        options = dict(word.split("=", 1) for word in (match["options"] or "").split() if "=" in word)
        found.append(Source((match["uri"],), (match["suite"],), tuple(match["rest"].split()),
                            options.get("signed-by", "")))
    return found


def _paragraphs(text: str) -> list[Source]:
    from debian.deb822 import Deb822  # slow to import, and only stand-ins need it

    found = []
    for paragraph in Deb822.iter_paragraphs(text.splitlines(keepends=True), use_apt_pkg=False):
        words = {key: tuple(paragraph.get(key, "").split()) for key in ("Types", "URIs", "Suites", "Components")}
        if "deb" in words["Types"] and paragraph.get("Enabled", "yes").strip().lower() != "no":
            found.append(Source(words["URIs"], words["Suites"], words["Components"], paragraph.get("Signed-By", "")))
    return found


def _expanded(uri: str, root: Path) -> list[str]:
    """Resolve a file with a list of mirrors, as in Debian's cloud images."""
    if not uri.startswith(_MIRROR_FILE):
        return [uri]
    try:
        lines = (root / uri.removeprefix(_MIRROR_FILE).lstrip("/")).read_text().splitlines()
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _is_public(uri: str) -> bool:
    parts = urlsplit(uri)
    return (parts.scheme in ("http", "https") and "@" not in parts.netloc
            and not on_loopback(parts.hostname or "localhost"))
