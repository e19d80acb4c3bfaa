"""Images, layers, names and the build cache, on the disk.

    layers/DIGEST.tar   as they are unpacked; layers/DIGEST.json: {bytes of files}
    images/ID.json      configurations, whose SHA-256 is the image's id
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
from typing import IO, Any, NamedTuple

from ... import paths
from ...extraction import Owner
from ...paths import remove
from . import layers
from .layers import Change, Seen
from .refused import NotFound

_DIGEST = re.compile("[0-9a-f]{64}")
_CHUNK, _GZIP = 1 << 20, b"\x1f\x8b"


def full(reference: str) -> str:
    """A name as it is listed: 'app' -> 'app:latest'; Docker Hub's own host and folder are left out."""
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        reference = reference.removeprefix(prefix)
    return reference if ":" in reference.rsplit("/", 1)[-1] else f"{reference}:latest"


class _File(NamedTuple):
    """A file of a saved image, decompressed, and the SHA-256 of its bytes."""

    path: Path
    digest: str


class Store:
    """The images in `folder`. Safe to use from several threads of one process."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.RLock()
        self._pending: set[str] = set()   # layers stored before the image that refers to them
        for name in ("layers", "images", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for left in (folder / "tmp").iterdir():
            remove(str(left))
        try:
            self._state = json.loads((folder / "state.json").read_text())
        except (OSError, ValueError):
            self._state = {"names": {}, "parents": {}, "cache": {}}

    def find(self, reference: str) -> str:
        """The id (64 hex digits) of an image by name or by (the head of) its id. Raises NotFound."""
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
        """Digests of its layers, without 'sha256:', the lowest first."""
        return tuple(each.removeprefix("sha256:") for each in self.config(image)["rootfs"]["diff_ids"])

    def layer(self, digest: str) -> Path:
        """Path of a layer's archive."""
        return self.folder / "layers" / f"{digest}.tar"

    def weight(self, digest: str) -> int:
        """Bytes of a layer's files."""
        return json.loads(self.layer(digest).with_suffix(".json").read_text())["bytes"]

    def names(self, image: str) -> list[str]:
        """Names of an image, sorted."""
        with self._lock:
            return sorted(name for name, each in self._state["names"].items() if each == image)

    def images(self, every: bool = False) -> list[str]:
        """Ids, the newest first: those that have a name or no child; all if `every`."""
        with self._lock:
            parents = set(self._state["parents"].values())
            named = set(self._state["names"].values())
        paths = sorted((self.folder / "images").glob("*.json"), key=lambda path: -path.stat().st_mtime_ns)
        return [path.stem for path in paths if every or path.stem in named or path.stem not in parents]

    def parent(self, image: str) -> str:
        """The image that `image` was built on, or ''."""
        with self._lock:
            return self._state["parents"].get(image, "")

    def add_layer(self, root: str, changes: list[Change], seen: Mapping[str, Seen], owners: Mapping[str, Owner]) -> str:
        """Store the changes in `root` as a layer and return its digest. A path missing from `owners` is root's."""
        file = self._temporary()
        digest, content = layers.write(file, root, changes, seen, owners)
        self._keep(file, digest, content)
        return digest

    def add_image(self, config: dict, parent: str = "") -> str:
        """Store an image whose layers are already stored, and return its id."""
        return self._add_config(json.dumps(config, separators=(",", ":"), sort_keys=True).encode(), parent)

    def _add_config(self, data: bytes, parent: str = "") -> str:
        image = hashlib.sha256(data).hexdigest()
        if not self._image(image).exists():
            paths.write_whole(self._image(image), data)
        with self._lock:
            self._pending.difference_update(self.chain(image))
        if parent and parent != image:
            with self._changed() as state:
                state["parents"][image] = parent
        return image

    def tag(self, image: str, reference: str) -> None:
        """Name an image; another image of that name loses it."""
        with self._changed() as state:
            state["names"][full(reference)] = image

    def cached(self, key: str) -> str | None:
        """The image that the step with this cache key made, or None."""
        with self._lock:
            image = self._state["cache"].get(key)
        return image if image and self._image(image).exists() else None

    def remember(self, key: str, image: str) -> None:
        """Record the image that the step with this cache key made."""
        with self._changed() as state:
            state["cache"][key] = image

    def remove(self, reference: str, prune: bool = True) -> list[dict]:
        """Remove a name. Without names left, the image goes too, with its unnamed parents if `prune`, and the layers
        that no image uses. Raises NotFound."""
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
        self._sweep()
        return done

    def _sweep(self) -> None:
        with self._lock:
            used = self._pending.union(*(self.chain(image) for image in self.images(every=True)))
            for path in (self.folder / "layers").glob("*.tar"):
                if path.stem not in used:
                    path.unlink()
                    path.with_suffix(".json").unlink(missing_ok=True)

    def load(self, file: Any) -> list[str]:
        """Store the images of a `docker save` archive, in either layout, and return their names or ids. Raises
        ValueError for any other file, and for a layer whose digest is wrong."""
        place, loaded = self._temporary(), list[str]()
        try:
            files = _unpack(file, place)
            manifest = json.loads(files["manifest.json"].path.read_bytes())
            for each in manifest:
                data = files[each["Config"]].path.read_bytes()
                wanted = json.loads(data)["rootfs"]["diff_ids"]
                for name, digest in zip(each["Layers"], wanted, strict=True):
                    self._load_layer(files[name], digest.removeprefix("sha256:"))
                image = self._add_config(data)
                for name in each["RepoTags"] or ():
                    self.tag(image, name)
                loaded += each["RepoTags"] or [f"sha256:{image}"]
            return loaded
        except (KeyError, tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"this is not a saved image: {error}") from error
        finally:
            remove(str(place))

    def _load_layer(self, file: _File, digest: str) -> None:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no digest")
        with self._lock:
            self._pending.add(digest)
        if self.layer(digest).exists():
            return
        if file.digest != digest:
            raise ValueError(f"a layer's digest is {file.digest} instead of {digest}")
        with tarfile.open(file.path) as archive:
            content = sum(entry.size for entry in archive if entry.isreg())
        self._keep(file.path, digest, content)

    def save(self, references: list[str]) -> Iterator[bytes]:
        """The archive of images as `docker save` of Docker 20.10 gives it. Raises NotFound."""
        images = {self.find(reference): None for reference in references}
        named = [full(reference) for reference in references if full(reference) in self._state["names"]]
        manifest, digests = [], dict[str, None]()
        for image in images:
            chain = self.chain(image)
            digests |= dict.fromkeys(chain)
            manifest.append({"Config": f"{image}.json", "RepoTags": [n for n in named if self.find(n) == image] or None,
                             "Layers": [f"{digest}/layer.tar" for digest in chain]})
        members = {f"{image}.json": self._image(image) for image in images}
        members |= {f"{digest}/layer.tar": self.layer(digest) for digest in digests}
        for name, path in members.items():
            with open(path, "rb") as file:
                yield from _member(name, file, os.fstat(file.fileno()).st_size)
        index = json.dumps(manifest).encode()
        yield from _member("manifest.json", io.BytesIO(index), len(index))
        yield bytes(1024)

    def _image(self, image: str) -> Path:
        return self.folder / "images" / f"{image}.json"

    def _temporary(self) -> Path:
        return self.folder / "tmp" / secrets.token_hex(8)

    def _keep(self, file: Path, digest: str, content: int) -> None:
        place = self.layer(digest)
        with self._lock:
            self._pending.add(digest)
        place.with_suffix(".json").write_text(json.dumps({"bytes": content}))
        os.replace(file, place)

    @contextlib.contextmanager
    def _changed(self) -> Iterator[dict]:
        """The state, locked while it is changed and written to disk afterwards."""
        with self._lock:
            try:
                yield self._state
            finally:
                paths.write_whole(self.folder / "state.json", json.dumps(self._state).encode())


def _unpack(archive: IO[bytes], place: Path) -> dict[str, _File]:
    """Write the files of a saved image into the new folder `place`: {name in the archive: file}. They are numbered, so
    that no name in the archive is a path outside it. Raises tarfile.TarError, EOFError."""
    place.mkdir()
    files: dict[str, _File] = {}
    links: dict[str, str] = {}
    with tarfile.open(fileobj=archive, mode="r|*", bufsize=_CHUNK) as members:
        for member in members:
            name = os.path.normpath(member.name)
            if member.isreg():
                path = place / str(len(files))
                files[name] = _File(path, _copied(members.extractfile(member), path))
            elif member.issym():   # Docker 20.10 links a layer that occurs twice
                links[name] = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname))
    return files | {name: files[target] for name, target in links.items() if target in files}


def _copied(source: Any, target: Path) -> str:
    """Copy a file, decompressed if it is gzipped (as layers are in OCI's layout), and return its SHA-256."""
    plain = gzip.GzipFile(fileobj=source) if source.peek(2).startswith(_GZIP) else source
    with open(target, "wb") as file:
        out = layers.Digested(file)
        shutil.copyfileobj(plain, out, _CHUNK)
    return out.hexdigest()


def _member(name: str, file: IO[bytes], size: int) -> Iterator[bytes]:
    """A file of `size` bytes as a member of a tar archive, in pieces."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    yield entry.tobuf(tarfile.GNU_FORMAT)
    while piece := file.read(_CHUNK):
        yield piece
    yield bytes(-size % 512)
