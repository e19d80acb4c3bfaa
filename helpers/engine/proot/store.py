"""Images, layers, names and the build cache, on disk.

    layers/DIGEST.tar   uncompressed; DIGEST.json: {bytes of its files}
    images/ID.json      configurations; the id is their SHA-256
    state.json          {names {reference: id}, parents {id: id}, cache {key: id}}
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import tarfile
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ... import paths
from ...extraction import Owner
from ...paths import remove
from . import layers
from .layers import Change, Seen
from .refused import NotFound

_DIGEST = re.compile("[0-9a-f]{64}")
_CHUNK, _GZIP = 1 << 20, b"\x1f\x8b"


def full(reference: str) -> str:
    """The name as listed: 'app' -> 'app:latest', without Docker Hub's host and `library/`."""
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        reference = reference.removeprefix(prefix)
    return reference if ":" in reference.rsplit("/", 1)[-1] else f"{reference}:latest"


class Store:
    """The content of `folder`. Thread-safe within one process."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.RLock()
        self._unclaimed: set[str] = set()   # layers whose image has not been added yet
        for name in ("layers", "images", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for left in (folder / "tmp").iterdir():
            remove(str(left))
        try:
            self._state = json.loads((folder / "state.json").read_text())
        except (OSError, ValueError):
            self._state = {"names": {}, "parents": {}, "cache": {}}

    def find(self, reference: str) -> str:
        """The id (64 hex digits) of an image, by its name, its id or the beginning of its id. Raises NotFound."""
        with self._lock:
            known = self._state["names"].get(full(reference))
        if known:
            return known
        head = reference.removeprefix("sha256:")
        found = [path.stem for path in (self.folder / "images").glob(f"{head}*.json")] if head.isalnum() else []
        if len(found) != 1:
            raise NotFound(f"No such image: {reference}")
        return found[0]

    def config(self, image: str) -> dict:
        """An image's configuration."""
        return json.loads(self._image(image).read_bytes())

    def chain(self, image: str) -> tuple[str, ...]:
        """Digests of its layers without 'sha256:', lowest first."""
        return tuple(each.removeprefix("sha256:") for each in self.config(image)["rootfs"]["diff_ids"])

    def layer(self, digest: str) -> Path:
        """Path of a layer's archive."""
        return self.folder / "layers" / f"{digest}.tar"

    def weight(self, digest: str) -> int:
        """Bytes of a layer's files."""
        return json.loads(self.layer(digest).with_suffix(".json").read_text())["bytes"]

    def names(self, image: str) -> list[str]:
        """An image's names, sorted."""
        with self._lock:
            return sorted(name for name, each in self._state["names"].items() if each == image)

    def images(self, every: bool = False) -> list[str]:
        """Ids, newest first: of images with a name or without a child, or of all if `every`."""
        with self._lock:
            hidden = set(self._state["parents"].values()) - set(self._state["names"].values())
        files = sorted((self.folder / "images").glob("*.json"), key=lambda path: -path.stat().st_mtime_ns)
        return [path.stem for path in files if every or path.stem not in hidden]

    def parent(self, image: str) -> str:
        """The image that it was built on, '' if none."""
        with self._lock:
            return self._state["parents"].get(image, "")

    def add_layer(self, root: str, changes: list[Change], seen: Mapping[str, Seen], owners: Mapping[str, Owner]) -> str:
        """Store the changes in `root` as a layer; files not in `owners` are root's. Returns its digest."""
        file = self._temporary()
        digest, content = layers.write(file, root, changes, seen, owners)
        self._keep(file, digest, content)
        return digest

    def add_image(self, config: dict, parent: str = "") -> str:
        """Store an image whose layers are stored already. Returns its id."""
        return self._add_config(json.dumps(config, separators=(",", ":"), sort_keys=True).encode(), parent)

    def _add_config(self, data: bytes, parent: str = "") -> str:
        image = hashlib.sha256(data).hexdigest()
        if not self._image(image).exists():
            paths.write_whole(self._image(image), data)
        with self._lock:
            self._unclaimed.difference_update(self.chain(image))
        if parent and parent != image:
            with self._changed() as state:
                state["parents"][image] = parent
        return image

    def tag(self, image: str, reference: str) -> None:
        """Name an image; another one with that name loses it."""
        with self._changed() as state:
            state["names"][full(reference)] = image

    def cached(self, key: str) -> str | None:
        """The image that the step with that cache key made, if there is one."""
        with self._lock:
            image = self._state["cache"].get(key)
        return image if image and self._image(image).exists() else None

    def remember(self, key: str, image: str) -> None:
        """Cache the image that a step made."""
        with self._changed() as state:
            state["cache"][key] = image

    def remove(self, reference: str, prune: bool = True) -> list[dict]:
        """Remove a name (by id: all of an image's names); with its last one the image, its unnamed parents (if `prune`)
        and layers without an image. Returns the answer of Docker's API. Raises NotFound."""
        image, done = self.find(reference), []
        with self._changed() as state:
            names = [full(reference)] if full(reference) in state["names"] else self.names(image)
            for name in names:
                del state["names"][name]
                done.append({"Untagged": name})
            while image and not self.names(image) and image not in state["parents"].values():
                self._image(image).unlink(missing_ok=True)
                done.append({"Deleted": f"sha256:{image}"})
                image = state["parents"].pop(image, "") if prune else ""
        with self._lock:
            used = self._unclaimed.union(*(self.chain(image) for image in self.images(every=True)))
            for path in (self.folder / "layers").glob("*.tar"):
                if path.stem not in used:
                    path.unlink()
                    path.with_suffix(".json").unlink(missing_ok=True)
        return done

    def load(self, file: Any) -> list[str]:
        """Store the images of an archive in either layout of `docker save`. Returns their names or ids. Raises
        ValueError for any other file and for a layer that does not match its digest."""
        place, loaded = self._temporary(), list[str]()
        try:
            files = _unpack(file, place)
            for each in json.loads(files["manifest.json"][0].read_bytes()):
                data = files[each["Config"]][0].read_bytes()
                wanted = json.loads(data)["rootfs"]["diff_ids"]
                for name, digest in zip(each["Layers"], wanted, strict=True):
                    self._load_layer(*files[name], digest.removeprefix("sha256:"))
                image = self._add_config(data)
                for name in each["RepoTags"] or ():
                    self.tag(image, name)
                loaded += each["RepoTags"] or [f"sha256:{image}"]
            return loaded
        except (KeyError, tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"this is not a saved image: {error}") from error
        finally:
            remove(str(place))

    def _load_layer(self, file: Path, found: str, digest: str) -> None:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a digest")
        with self._lock:
            self._unclaimed.add(digest)
        if self.layer(digest).exists():
            return
        if found != digest:
            raise ValueError(f"a layer does not match its digest: {found} instead of {digest}")
        with tarfile.open(file) as archive:
            content = sum(entry.size for entry in archive if entry.isreg())
        self._keep(file, digest, content)

    def save(self, references: list[str]) -> Iterator[bytes]:
        """The images' archive in the layout of Docker 20.10's `docker save`. Raises NotFound."""
        images = {self.find(reference): None for reference in references}
        named = [full(reference) for reference in references if full(reference) in self._state["names"]]
        manifest, digests = [], dict[str, None]()
        for image in images:
            chain = self.chain(image)
            digests |= dict.fromkeys(chain)
            manifest.append({"Config": f"{image}.json", "RepoTags": [n for n in named if self.find(n) == image] or None,
                             "Layers": [f"{digest}/layer.tar" for digest in chain]})
        for image in images:
            yield from _member(f"{image}.json", io.BytesIO(self._image(image).read_bytes()))
        for digest in digests:
            with open(self.layer(digest), "rb") as file:
                yield from _member(f"{digest}/layer.tar", file)
        yield from _member("manifest.json", io.BytesIO(json.dumps(manifest).encode()))
        yield bytes(1024)

    def _image(self, image: str) -> Path:
        return self.folder / "images" / f"{image}.json"

    def _temporary(self) -> Path:
        return self.folder / "tmp" / secrets.token_hex(8)

    def _keep(self, file: Path, digest: str, content: int) -> None:
        place = self.layer(digest)
        with self._lock:
            self._unclaimed.add(digest)
        place.with_suffix(".json").write_text(json.dumps({"bytes": content}))
        os.replace(file, place)

    @contextlib.contextmanager
    def _changed(self) -> Iterator[dict]:
        """The state, locked while it is changed, then written."""
        with self._lock:
            try:
                yield self._state
            finally:
                paths.write_whole(self.folder / "state.json", json.dumps(self._state).encode())


def _unpack(archive: IO[bytes], place: Path) -> dict[str, tuple[Path, str]]:
    """Write the files of a saved image into the new folder `place`, decompressed and under numbers, since names in the
    archive are not to be trusted: {name in the archive: (path, SHA-256)}. Raises tarfile.TarError and EOFError."""
    place.mkdir()
    files: dict[str, tuple[Path, str]] = {}
    links: dict[str, str] = {}
    with tarfile.open(fileobj=archive, mode="r|*", bufsize=_CHUNK) as members:
        for member in members:
            name = os.path.normpath(member.name)
            if member.isreg():
                path = place / str(len(files))
                files[name] = path, _decompress(members.extractfile(member), path)
            elif member.issym():   # how Docker 20.10 saves a layer that occurs twice
                links[name] = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname))
    return files | {name: files[target] for name, target in links.items() if target in files}


def _decompress(source: Any, target: Path) -> str:
    """Copy a file, decompressed if it is a gzip file, as layers in the OCI layout are. Returns the copy's SHA-256."""
    plain = gzip.GzipFile(fileobj=source) if source.peek(2).startswith(_GZIP) else source
    with open(target, "wb") as file:
        out = layers.Digested(file)
        shutil.copyfileobj(plain, out, _CHUNK)
    return out.hexdigest()


def _member(name: str, file: IO[bytes]) -> Iterator[bytes]:
    """A file as a member of a tar archive, in pieces."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = file.seek(0, os.SEEK_END), 0o644
    file.seek(0)
    yield entry.tobuf(tarfile.GNU_FORMAT)
    while piece := file.read(_CHUNK):
        yield piece
    yield bytes(-entry.size % 512)
