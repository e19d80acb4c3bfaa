"""A build cache in a folder of this machine: the blobs that the engine reads and writes, and an index of them.

The folder is an OCI image layout. The service is containerd's content store (containerd, api/services/content/v1,
content.proto), as far as BuildKit calls it; a header names the folder (moby/buildkit, session/content/attachable.go).
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import CourseError
from .messages import Messages
from .services import Metadata, Method, Status, Stream

_SERVICE = "/containerd.services.content.v1.Content/"
_HEADER = "buildkit-attachable-store-id"
_COMMIT = 2                      # WriteAction; 0 asks for the offset, 1 writes
_PIECE = 1 << 18
_TAG = "latest"
_PROTO = Messages("containerd.services.content.v1", """
    message Info { string digest = 1; int64 size = 2; }
    message InfoRequest { string digest = 1; }
    message InfoResponse { Info info = 1; }
    message ReadContentRequest { string digest = 1; int64 offset = 2; int64 size = 3; }
    message ReadContentResponse { int64 offset = 1; bytes data = 2; }
    message WriteContentRequest {
        int32 action = 1; int64 total = 3; string expected = 4; int64 offset = 5; bytes data = 6; }
    message WriteContentResponse { int32 action = 1; int64 offset = 4; int64 total = 5; string digest = 6; }
    """)


def finish(root: Path, manifest: str) -> None:
    """Name the cache exported to `root`: `manifest` is its descriptor, as BuildKit answers it (JSON)."""
    descriptor = json.loads(manifest) | {"annotations": {"org.opencontainers.image.ref.name": _TAG}}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}
    paths.write_whole(root / "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    paths.write_whole(root / "index.json", json.dumps(index).encode())


def latest(root: Path) -> str:
    """The digest of the cache last exported to `root`. Raises CourseError if there is none."""
    try:
        return json.loads((root / "index.json").read_text())["manifests"][-1]["digest"]
    except (OSError, ValueError, LookupError) as error:
        raise CourseError(f"There is no exported cache in {root}.", why=str(error),
                          remedy=f"Export one with cache_to=['type=local,dest={root}'].") from error


def methods(roots: Iterable[Path]) -> dict[str, Method]:
    """The methods that serve the caches in these folders; none for no folder. Their calls raise Status."""
    stores = {f"local:{root}": root for root in roots}    # buildx uses the same names

    def of_store(method: Callable[[Path, Stream], Stream]) -> Method:
        def served(metadata: Metadata, messages: Stream) -> Stream:
            name = metadata.get(_HEADER, ("",))[0]
            if name not in stores:
                raise Status("NOT_FOUND", f"there is no store {name!r}")
            return method(stores[name], messages)
        return served

    every = {"Info": _info, "Read": _read, "Write": _written,
             **dict.fromkeys(("Status", "Abort", "ListStatuses"), _absent)}
    return {_SERVICE + name: of_store(method) for name, method in every.items()} if stores else {}


def _blob(root: Path, digest: str) -> Path:
    if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
        raise Status("INVALID_ARGUMENT", f"{digest!r} is no digest")
    return root / "blobs" / digest.replace(":", "/")


def _found(root: Path, digest: str) -> Path:
    path = _blob(root, digest)
    if not path.is_file():
        raise Status("NOT_FOUND", f"content {digest}: not found")
    return path


def _absent(_: Path, __: Stream) -> Stream:
    raise Status("NOT_FOUND", "no write is kept to be resumed")
    yield


def _info(root: Path, messages: Stream) -> Stream:
    digest = _PROTO.InfoRequest.FromString(next(messages)).digest
    size = _found(root, digest).stat().st_size
    yield _PROTO.InfoResponse(info=_PROTO.Info(digest=digest, size=size)).SerializeToString()


def _read(root: Path, messages: Stream) -> Stream:
    asked = _PROTO.ReadContentRequest.FromString(next(messages))
    path = _found(root, asked.digest)
    left = asked.size or path.stat().st_size
    with open(path, "rb") as file:
        file.seek(asked.offset)
        while left > 0 and (data := file.read(min(left, _PIECE))):
            yield _PROTO.ReadContentResponse(offset=file.tell() - len(data), data=data).SerializeToString()
            left -= len(data)


def _written(root: Path, messages: Stream) -> Stream:
    """Write one blob: each message is answered with the offset, the commit with the digest."""
    (root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    total, expected = 0, ""
    with tempfile.TemporaryDirectory(dir=root / "blobs", prefix=".") as part, open(f"{part}/blob", "w+b") as file:
        for message in messages:
            asked = _PROTO.WriteContentRequest.FromString(message)
            total, expected = asked.total or total, asked.expected or expected
            if expected and _blob(root, expected).is_file():
                raise Status("ALREADY_EXISTS", f"content {expected}: already exists")
            if asked.data:
                file.seek(asked.offset)
                file.write(asked.data)
            answer = _PROTO.WriteContentResponse(action=asked.action, offset=file.tell(), total=total)
            if asked.action == _COMMIT:
                answer.digest = _committed(root, file, expected)
            yield answer.SerializeToString()


def _committed(root: Path, file: Any, expected: str) -> str:
    file.seek(0)
    digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if expected not in ("", digest):
        raise Status("UNKNOWN", f"the content is {digest}, not {expected}")
    file.flush()
    Path(file.name).replace(_blob(root, digest))
    return digest
