"""What a name in a registry leads to: an image, or an index of images and of attestations about them.

Source: the OCI image specification, image-index.md; moby/buildkit, docs/attestations/attestation-storage.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .client import Client

_ABOUT = "vnd.docker.reference.digest"


@dataclass(frozen=True)
class Entry:
    """One manifest that a name leads to.

    platform    'linux/arm64' as the index has it, 'unknown/unknown' for an attestation, '' without an index
    about       of an attestation, the platform of the image that it is about; '' for an image
    digest      'sha256:...'
    size        bytes of its blobs, compressed
    statements  of an attestation, its in-toto statements, each with `predicateType` and `predicate`
    """

    platform: str
    about: str
    digest: str
    size: int
    statements: Sequence[Mapping[str, Any]]


def entries(client: Client, repository: str, reference: str) -> tuple[Entry, ...]:
    """The manifests that a name leads to, in the order of the index. Raises TransferFailed."""
    top = client.top(repository, reference)
    if "manifests" not in top.content:
        return (Entry("", "", top.digest, top.size, ()),)
    listed = top.content["manifests"]
    platforms = {each["digest"]: _platform(each) for each in listed}
    return tuple(_entry(client, repository, each, platforms) for each in listed)


def _entry(client: Client, repository: str, listed: Mapping[str, Any], platforms: Mapping[str, str]) -> Entry:
    found = client.manifest(repository, listed["digest"])
    about = platforms.get((listed.get("annotations") or {}).get(_ABOUT, ""), "")
    layers = found.content["layers"] if about else ()
    return Entry(_platform(listed), about, found.digest, found.size,
                 tuple(_json(client, repository, each["digest"]) for each in layers))


def _platform(listed: Mapping[str, Any]) -> str:
    found = listed.get("platform") or {}
    return "/".join(filter(None, (found.get("os"), found.get("architecture"), found.get("variant"))))


def _json(client: Client, repository: str, digest: str) -> dict[str, Any]:
    with client.blob(repository, digest) as chunks:
        return json.loads(b"".join(chunks))
