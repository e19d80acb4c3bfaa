"""A client for manifests and blobs in a registry. Source of the protocol: the OCI distribution specification."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from ..engine.translate import root_cause
from ..errors import CourseError, TransferFailed

_SECONDS = 60        # without a byte
_CHUNK = 1 << 20
_ABOUT = "vnd.docker.reference.digest"    # moby/buildkit, docs/attestations/attestation-storage.md
_MANIFESTS = ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json")
_INDEXES = ("application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json")


@dataclass(frozen=True)
class Manifest:
    """A manifest of an image."""

    digest: str    # 'sha256:...' of its text
    kind: str      # its media type
    content: dict  # the JSON: `config` and `layers`, each with digest, size in bytes, mediaType

    @property
    def blobs(self) -> list[dict]:
        """The configuration, and the layers from the lowest."""
        return [self.content["config"], *self.content["layers"]]

    @property
    def size(self) -> int:
        """Bytes of all blobs, each counted once."""
        return sum({blob["digest"]: blob["size"] for blob in self.blobs}.values())


class Client:
    """A registry at 'host:port', over plain HTTP and without a login. Every method raises TransferFailed."""

    def __init__(self, address: str):
        self._base = f"http://{address}/v2"
        self._session = requests.Session()
        self._session.trust_env = False   # no proxy

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def manifest(self, repository: str, reference: str) -> Manifest:
        """The manifest of a tag or digest; for an index, that of its first image."""
        found = self.top(repository, reference)
        if found.kind in _INDEXES:
            inner = next(each for each in found.content["manifests"]
                         if (each.get("platform") or {}).get("os") != "unknown")    # which attestations have
            return self.manifest(repository, inner["digest"])
        return found

    def top(self, repository: str, reference: str) -> Manifest:
        """The manifest or index of a tag or digest; the content of an index has `manifests`."""
        answer = self._ask("GET", f"{repository}/manifests/{reference}",
                           headers={"Accept": ", ".join(_MANIFESTS + _INDEXES)})
        content = answer.json()
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        return Manifest(digest, content.get("mediaType", answer.headers.get("Content-Type")), content)

    def put_manifest(self, repository: str, tag: str, kind: str, content: dict) -> Manifest:
        """Store a manifest of the media type `kind` under a tag."""
        text = json.dumps(content, separators=(",", ":")).encode()
        self._ask("PUT", f"{repository}/manifests/{tag}", data=text, headers={"Content-Type": kind})
        return Manifest(f"sha256:{hashlib.sha256(text).hexdigest()}", kind, content)

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Delete a manifest by its digest."""
        self._ask("DELETE", f"{repository}/manifests/{digest}")

    @contextlib.contextmanager
    def blob(self, repository: str, digest: str) -> Iterator[Iterator[bytes]]:
        """The bytes of a blob, as stored."""
        with self._ask("GET", f"{repository}/blobs/{digest}", stream=True,
                       headers={"Accept-Encoding": "identity"}) as answer:
            yield self._read(answer)

    def json(self, repository: str, digest: str) -> dict[str, Any]:
        """The JSON in a blob."""
        with self.blob(repository, digest) as chunks:
            return json.loads(b"".join(chunks))

    def _read(self, answer: requests.Response) -> Iterator[bytes]:
        try:
            yield from answer.iter_content(_CHUNK)
        except requests.exceptions.RequestException as error:
            raise _gone(error) from error

    def upload(self, repository: str, chunks: Iterable[bytes], digest: Callable[[], str]) -> None:
        """Upload a blob. `digest` is called after all of it was sent; the registry checks it."""
        place = self._ask("POST", f"{repository}/blobs/uploads/").headers["Location"]
        answer = self._ask("PATCH", place, data=chunks, headers={"Content-Type": "application/octet-stream"})
        place = answer.headers["Location"]
        self._ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest()}")

    def _ask(self, method: str, place: str, **options: Any) -> requests.Response:
        url = place if place.startswith("http") else f"{self._base}/{place}"
        try:
            answer = self._session.request(method, url, timeout=_SECONDS, **options)
        except requests.exceptions.RequestException as error:
            raise _gone(error) from error
        if answer.status_code >= 400:
            with answer:
                raise TransferFailed(f"The registry refused to {method} {place.partition('?')[0]}.",
                                     why=f"{answer.status_code}: {answer.text[:300].strip()}")
        return answer


def _gone(error: Exception) -> CourseError:
    return TransferFailed("The registry stopped answering.", why=root_cause(error),
                          remedy="Run the cell that opened it again.")


@dataclass(frozen=True)
class IndexEntry:
    """One manifest that a name leads to."""

    platform: str  # 'linux/arm64', 'unknown/unknown' for an attestation, '' without an index
    about: str     # of an attestation, the platform of its image; '' for an image
    digest: str    # 'sha256:...'
    size: int      # bytes of its blobs, compressed
    statements: Sequence[Mapping[str, Any]]  # of an attestation: in-toto's, with `predicateType` and `predicate`


def entries(client: Client, repository: str, reference: str) -> tuple[IndexEntry, ...]:
    """The manifests of a name, in the order of the index. Raises TransferFailed."""
    top = client.top(repository, reference)
    if "manifests" not in top.content:
        return (IndexEntry("", "", top.digest, top.size, ()),)
    listed = top.content["manifests"]
    platforms = {each["digest"]: _platform(each) for each in listed}
    return tuple(_entry(client, repository, each, platforms) for each in listed)


def _entry(client: Client, repository: str, listed: Mapping[str, Any], platforms: Mapping[str, str]) -> IndexEntry:
    found = client.manifest(repository, listed["digest"])
    about = platforms.get((listed.get("annotations") or {}).get(_ABOUT, ""), "")
    layers = found.content["layers"] if about else ()
    return IndexEntry(_platform(listed), about, found.digest, found.size,
                      tuple(client.json(repository, each["digest"]) for each in layers))


def _platform(listed: Mapping[str, Any]) -> str:
    found = listed.get("platform") or {}
    return "/".join(filter(None, (found.get("os"), found.get("architecture"), found.get("variant"))))
