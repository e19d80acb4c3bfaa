"""The web site built for tests, and served over loopback."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

ROOT = Path(__file__).resolve().parents[2]


def build(folder: Path, *only: str) -> Path:
    """The site in a folder below `folder`, as `make site` builds it; only some pages where they are named.

    Without all of its pages links lead nowhere, so that warnings are errors only in a whole site.
    """
    sources, made = folder / "sources", folder / "html"
    sources.mkdir(parents=True)
    some = ["-D", f"include_patterns={','.join(only)}"] if only else ["-W", "--keep-going"]
    command = [sys.executable, "-m", "sphinx", "-q", *some, "-c", ROOT / "docs", "-d", folder / "doctrees", sources, made]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=ROOT, env=_without_proxy())
    assert done.returncode == 0, done.stderr[-3000:]
    return made


def _without_proxy() -> dict[str, str]:
    """An environment that leads nowhere: the site is built without a network."""
    nowhere = "http://127.0.0.1:9"
    return {**os.environ, "http_proxy": nowhere, "https_proxy": nowhere, "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}


class Page(HTMLParser):
    """What of a page a link may lead to, and where its own lead.

    ids       of its elements
    links     addresses of links, pictures, styles and scripts
    pictures  (address, alternative text or None, class) of each
    """

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.pictures: list[tuple[str, str | None, str | None]] = []
        self.metas: dict[str, str] = {}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.ids |= {value for key, value in attributes if value and (key == "id" or (tag, key) == ("a", "name"))}
        self.links += [value for key, value in attributes if value and key in ("href", "src")]
        if tag == "img":
            self.pictures.append((found.get("src") or "", found.get("alt"), found.get("class")))
        if tag == "meta":
            self.metas[found.get("property") or found.get("name") or ""] = found.get("content") or ""

    def target(self, link: str) -> tuple[Path, str] | None:
        """(file, anchor) that a link of the page leads to; None if it leaves the site."""
        bare, anchor = urldefrag(link)
        parts = urlsplit(bare)
        if parts.scheme or parts.netloc:
            return None
        path = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path
        return path / "index.html" if path.is_dir() else path, unquote(anchor)


def pages(site: Path) -> list[Path]:
    """The pages of the site, in order."""
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)


def dead_links(site: Path) -> list[str]:
    """'page: link' of every link within the site to a file or an anchor that is not there."""
    known = {path: Page(path) for path in pages(site)}
    return [f"{path.relative_to(site)}: {link}" for path, page in known.items() for link in page.links
            if (target := page.target(link)) and _dead(known, *target)]


def _dead(known: dict[Path, Page], path: Path, anchor: str) -> bool:
    return not path.is_file() or bool(anchor) and path in known and anchor not in known[path].ids


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *words: object) -> None:
        pass


@contextmanager
def serve(site: Path) -> Iterator[str]:
    """The address of the site on loopback, until the end of the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
