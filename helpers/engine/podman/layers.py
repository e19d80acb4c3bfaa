"""A layer of Podman's overlay store, read from the disk. Source: containers/storage, docs/containers-storage-layers.md
and layers.go (layers.json, ID.tar-split.gz)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from .. import tar_split


def archive(store: Path, digest: str) -> Iterator[bytes] | None:
    """The archive of the layer with that digest in an overlay store, in pieces; None where it has none. Errors as of
    `tar_split.assembled`."""
    listed = json.loads((store / "overlay-layers" / "layers.json").read_bytes())
    layer = next((each["id"] for each in listed if each.get("diff-digest") == digest), None)
    if layer is None:
        return None
    return tar_split.assembled(store / "overlay-layers" / f"{layer}.tar-split.gz", store / "overlay" / layer / "diff")
