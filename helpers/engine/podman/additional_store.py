"""Base images in a folder that Podman reads and never writes: nothing is loaded in a session.

Podman calls it an additional image store. It is laid out as containers/storage 1.43
(Podman 4.3) writes its own, and as 1.59 (5.8) still reads it:

    shelf/overlay/ID/diff             a layer's files; link, lower and ../l name it to the kernel
    shelf/overlay-layers/layers.json  what layers there are; ID.tar-split.gz has what it takes to
                                      give back a layer's tar byte for byte
    shelf/overlay-images/images.json  what images there are, with manifest and configuration
    shelf/marks.json                  the course's own: what is hidden in lower layers, see `settle`

It is written by this user without any privilege, while an image of Binder's is built and
no namespace can be had. So nothing in it has an owner: it is for the rung of one id.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ... import paths
from .. import saved_images
from . import layer_files, tar_split
from .layer_files import HIDE, MARKS, Unfit

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"      # as Podman has it for plain ones too


def names(shelf: Path) -> tuple[str, ...]:
    """What is on a shelf, by full name; nothing where there is none."""
    try:
        listed = json.loads((shelf / "overlay-images/images.json").read_bytes())
        return tuple(name for image in listed for name in image["names"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def prepare(shelf: Path) -> None:
    """Make it, empty: Podman refuses to start with one that is not there."""
    for kind in ("overlay/l", "overlay-layers", "overlay-images"):
        (shelf / kind).mkdir(parents=True, exist_ok=True)
    for lock in ("overlay-layers/layers", "overlay-images/images"):
        for place, text in ((shelf / f"{lock}.json", b"[]"), (shelf / f"{lock}.lock", b"")):
            if not place.exists():
                paths.write_whole(place, text)


def put(shelf: Path, pieces: Iterable[bytes], name: str, layers: Sequence[str]) -> None:
    """Put one image on a shelf, in place of an older one of that name.

    pieces   its archive, as `docker save` writes one
    name     its full name: 'docker.io/library/golang:1.22'
    layers   digests of its layers' tars, the lowest first

    Raises Unfit, OSError, and ValueError for what is not the archive of that image.
    """
    prepare(shelf)
    with paths.locked(shelf / ".lock"), tempfile.TemporaryDirectory(prefix=".part-", dir=shelf) as part:
        present = {each["id"] for each in _read(shelf, "layers")}
        files = saved_images.unpack(saved_images.Pieces(pieces), Path(part, "files"))
        (image,) = json.loads(files["manifest.json"].path.read_bytes())
        config = files[image["Config"]].path.read_bytes()
        if tuple(json.loads(config)["rootfs"]["diff_ids"]) != tuple(layers):
            raise ValueError("its layers are not those that were saved")
        stack, tars = _ids(layers), {file.digest: file.path for file in files.values()}
        for height, digest in enumerate(layers):
            if stack[height] in present:
                continue
            tar = tars.get(digest.partition(":")[2])
            if tar is None:
                raise ValueError(f"its layer {digest} is missing")
            layer_files.unpack(tar, Path(part, str(height)))
            if digest not in layers[height + 1:]:
                tar.unlink()   # there may be no room for both of a large one
            _add_layer(shelf, digest, stack[:height + 1], Path(part, str(height)))
        _add_image(shelf, name, config, stack, layers)


def _ids(layers: Sequence[str]) -> list[str]:
    """The ids of layers that lie on each other. Podman derives one from what lies below, so
    that it knows it again in whatever is built on it."""
    found: list[str] = []
    for digest in layers:
        own = digest.partition(":")[2]
        found.append(hashlib.sha256(f"{found[-1]}+{own}".encode()).hexdigest() if found else own)
    return found


# -- onto a shelf -----------------------------------------------------------------------

def _add_layer(shelf: Path, digest: str, stack: list[str], source: Path) -> None:
    """Move an unpacked layer into place; `stack` is the ids of what lies below, and its own."""
    *lower, name = stack
    place = shelf / "overlay" / name
    shutil.rmtree(place, ignore_errors=True)   # of one that was broken off
    place.mkdir()
    os.rename(source / "tar-split.gz", shelf / "overlay-layers" / f"{name}.tar-split.gz")
    os.chmod(source / "diff", 0o755)   # a folder is moved only by who may write to it
    os.rename(source / "diff", place / "diff")
    for folder in ("merged", *(() if lower else ("empty",))):
        (place / folder).mkdir()
    (place / "link").write_text(_link(name))
    if lower:
        (place / "lower").write_text(":".join(f"l/{_link(each)}" for each in reversed(lower)))
    short = shelf / "overlay/l" / _link(name)
    short.unlink(missing_ok=True)
    short.symlink_to(f"../{name}/diff")
    hidden = _marks(source)
    if hidden:
        there = _marks(shelf) | {f"overlay/{name}/diff/{path}": mark for path, mark in hidden.items()}
        paths.write_whole(shelf / MARKS, json.dumps(there).encode())
        if not settle(shelf):
            raise Unfit("it hides files of its lower layers, and they cannot be marked here")
    size = tar_split.size(shelf / "overlay-layers" / f"{name}.tar-split.gz")
    entry = {"id": name, **({"parent": lower[-1]} if lower else {}), "created": _now(),
             "compressed-diff-digest": digest,
             "compressed-size": size, "diff-digest": digest, "diff-size": size, "uidset": [0], "gidset": [0]}
    _write_list(shelf, "layers", [*_read(shelf, "layers"), entry])


def _link(layer: str) -> str:
    """26 letters for a layer's id: a page has room for the names of a hundred of them."""
    return base64.b32encode(hashlib.sha256(layer.encode()).digest()).decode()[:26]


def _add_image(shelf: Path, name: str, config: bytes, lower: list[str], layers: Sequence[str]) -> None:
    own = hashlib.sha256(config).hexdigest()
    sizes = {each["id"]: each["diff-size"] for each in _read(shelf, "layers")}
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "size": len(config), "digest": f"sha256:{own}"},
        "layers": [{"mediaType": _LAYER, "size": sizes[each], "digest": digest} for each, digest in zip(lower, layers)],
    }, separators=(",", ":")).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    data = {f"sha256:{own}": config, f"manifest-{digest}": manifest, "manifest": manifest}
    place = shelf / "overlay-images" / own
    place.mkdir(exist_ok=True)
    for key, content in data.items():
        file = key if key.isalpha() else "=" + base64.b64encode(key.encode()).decode()
        paths.write_whole(place / file, content)
    entry = {"id": own, "digest": digest, "names": [name], "names-history": [name], "layer": lower[-1],
             "metadata": "{}", "big-data-names": list(data),
             "big-data-sizes": {key: len(each) for key, each in data.items()},
             "big-data-digests": {key: f"sha256:{hashlib.sha256(each).hexdigest()}" for key, each in data.items()},
             "created": json.loads(config).get("created") or _now()}
    others = []
    for each in _read(shelf, "images"):
        if each["id"] == own:
            entry["names"] = entry["names-history"] = list(dict.fromkeys((*each["names"], name)))
        elif left := [other for other in each["names"] if other != name]:
            others.append(each | {"names": left})
    _write_list(shelf, "images", [*others, entry])


def _read(shelf: Path, kind: str) -> list[dict]:
    return json.loads((shelf / f"overlay-{kind}/{kind}.json").read_bytes())


def _write_list(shelf: Path, kind: str, listed: list[dict]) -> None:
    paths.write_whole(shelf / f"overlay-{kind}/{kind}.json", json.dumps(listed).encode())
    # Who has read the list reads it again when these bytes are others.
    paths.write_whole(shelf / f"overlay-{kind}/{kind}.lock", secrets.token_bytes(64))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


# -- what is hidden ---------------------------------------------------------------------

def _marks(folder: Path) -> dict[str, list[str]]:
    try:
        return json.loads((folder / MARKS).read_bytes())
    except FileNotFoundError:
        return {}


def hides(shelf: Path) -> bool:
    """Whether a layer on it hides something of a lower one."""
    return any(mark == HIDE for mark, _ in _marks(shelf).values())


def settle(shelf: Path) -> bool:
    """Set the marks of what upper layers hide, where they are missing; False if that cannot be.

    A layer hides a file of a lower one by a device of number 0, and nobody may make one on
    an overlay, as the root of a container is. An empty file with a mark does the same (Linux
    6.7). An image that is pushed and pulled loses such marks, so they are set again.
    """
    for path, (mark, value) in _marks(shelf).items():
        place = shelf / path
        try:
            with contextlib.suppress(OSError):
                if os.getxattr(place, mark, follow_symlinks=False) == value.encode():
                    continue
            os.setxattr(place, mark, value.encode(), follow_symlinks=False)
        except OSError:
            return False
    return True
