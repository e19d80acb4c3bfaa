"""Serves a kit's Python and npm packages over HTTP, for pip and npm in builds without a network.

    /simple/NAME/     files of a Python package (PEP 503)
    /registry/NAME    an npm package's metadata, as npm's registry has it
    /wheels/, /npm/   the files

Start it with `python -m helpers.classroom.package_index KIT --host H --port P`.
"""

import argparse
import base64
import hashlib
import json
import posixpath
import re
import tarfile
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..text import escape


def python_packages(folder: Path) -> dict[str, list[str]]:
    """The wheels and source archives in a folder: {normalized name: files}."""
    found: dict[str, list[str]] = {}
    for file in sorted(each.name for each in folder.iterdir()):
        name = file.partition("-")[0] if file.endswith(".whl") else file.rpartition("-")[0]
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), []).append(file)
    return found


def npm_packages(folder: Path) -> dict[str, dict]:
    """npm's registry metadata of the archives in a folder, by name; `tarball` is only a file name."""
    found: dict[str, dict] = {}
    for file in sorted(folder.glob("*.tgz")):
        described = _package_json(file)
        digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
        described["dist"] = {"tarball": file.name, "integrity": f"sha512-{digest}"}
        found.setdefault(described["name"], {})[described["version"]] = described
    return {name: {"name": name, "versions": versions, "dist-tags": {"latest": max(versions, key=_order)}}
            for name, versions in found.items()}


def _package_json(file: Path) -> dict:
    with tarfile.open(file) as archive:
        for member in archive:
            if member.name.count("/") == 1 and member.name.endswith("/package.json"):
                content = archive.extractfile(member)
                return dict(json.load(content)) if content else {}
    raise ValueError(f"{file} is not an npm package: it has no package.json.")


def _order(version: str) -> tuple[bool, list[int]]:
    """Sort key for versions; pre-releases sort first."""
    return "-" not in version, [int(each) for each in re.findall(r"\d+", version.partition("-")[0])]


class Handler(SimpleHTTPRequestHandler):
    """Answers requests of pip and npm."""

    def __init__(self, *request: object, python: Mapping[str, list[str]], npm: Mapping[str, dict], directory: str):
        self.python, self.npm = python, npm
        super().__init__(*request, directory=directory)    # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer a GET request."""
        kind, _, name = posixpath.normpath(unquote(urlsplit(self.path).path)).strip("/").partition("/")
        if kind == "simple" and name in self.python:
            self._answer("text/html", "".join(f'<a href="/wheels/{escape(file)}">{escape(file)}</a>\n'
                                              for file in self.python[name]))
        elif kind == "registry" and name in self.npm:
            self._answer("application/json", json.dumps(self._with_addresses(self.npm[name])))
        elif kind in ("wheels", "npm"):
            super().do_GET()
        else:
            self.send_error(HTTPStatus.NOT_FOUND, "Not in this class's kit")

    def _with_addresses(self, package: dict) -> dict:
        def whole(version: dict) -> dict:
            place = f"http://{self.headers['Host']}/npm/{version['dist']['tarball']}"
            return {**version, "dist": {**version["dist"], "tarball": place}}
        return {**package, "versions": {number: whole(each) for number, each in package["versions"].items()}}

    def _answer(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server for a kit's packages that already listens; port 0 picks a free one. Raises OSError."""
    return ThreadingHTTPServer((host, port), partial(
        Handler, python=python_packages(folder / "wheels"), npm=npm_packages(folder / "npm"), directory=str(folder)))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("--host", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--pid-file")    # `services` recognizes the process by it
    given = options.parse_args()
    server(given.folder, given.host, given.port).serve_forever()
