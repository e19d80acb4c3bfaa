"""What the course itself asks of a registry: manifests and blobs, by its HTTP API.

Source of the protocol: the OCI distribution specification, which Docker's registry
speaks. The engine's pushes and pulls do not go through here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import requests

from ..engine.translate import root_cause
from ..errors import CourseError, TransferFailed

_SECONDS = 60        # without a byte
_CHUNK = 1 << 20
_MANIFESTS = ("application/vnd.docker.distribution.manifest.v2+json",
              "application/vnd.oci.image.manifest.v1+json")
_INDEXES = ("application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.oci.image.index.v1+json")


@dataclass(frozen=True)
class Manifest:
    """What an image is made of in a registry.

    digest   'sha256:...' of its text, by which it can be pulled for ever
    kind     its media type
    content  the JSON: `config` and `layers`, each with digest, size in bytes, mediaType
    """

    digest: str
    kind: str
    content: dict

    @property
    def blobs(self) -> list[dict]:
        """The configuration, and the layers from the lowest."""
        return [self.content["config"], *self.content["layers"]]

    @property
    def size(self) -> int:
        """Bytes of all blobs, a blob that occurs twice counted once."""
        return sum({blob["digest"]: blob["size"] for blob in self.blobs}.values())


class Client:
    """A registry at 'host:port', in plain HTTP and without a login.

    Every method raises TransferFailed where the registry refuses or goes away.
    """

    def __init__(self, address: str):
        self._base = f"http://{address}/v2"
        self._session = requests.Session()
        self._session.trust_env = False   # no proxy for an address on loopback

    def close(self) -> None:
        self._session.close()

    def manifest(self, repository: str, reference: str) -> Manifest:
        """The manifest of a tag or a digest; of an index, that of the first image in it."""
        found = self.top(repository, reference)
        if found.kind in _INDEXES:
            inner = next(each for each in found.content["manifests"]   # the others are attestations
                         if (each.get("platform") or {}).get("os") != "unknown")
            return self.manifest(repository, inner["digest"])
        return found

    def top(self, repository: str, reference: str) -> Manifest:
        """What a tag or a digest leads to: a manifest, or an index, whose content has `manifests`."""
        answer = self._ask("GET", f"{repository}/manifests/{reference}",
                           headers={"Accept": ", ".join(_MANIFESTS + _INDEXES)})
        content = answer.json()
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        return Manifest(digest, content.get("mediaType", answer.headers.get("Content-Type")), content)

    def put_manifest(self, repository: str, tag: str, kind: str, content: dict) -> Manifest:
        """Give a manifest a tag."""
        text = json.dumps(content, separators=(",", ":")).encode()
        self._ask("PUT", f"{repository}/manifests/{tag}", data=text, headers={"Content-Type": kind})
        return Manifest(f"sha256:{hashlib.sha256(text).hexdigest()}", kind, content)

    def delete_manifest(self, repository: str, digest: str) -> None:
        self._ask("DELETE", f"{repository}/manifests/{digest}")

    @contextlib.contextmanager
    def blob(self, repository: str, digest: str) -> Iterator[Iterator[bytes]]:
        """The bytes of a blob, as they are stored."""
        with self._ask("GET", f"{repository}/blobs/{digest}", stream=True,
                       headers={"Accept-Encoding": "identity"}) as answer:
            yield self._read(answer)

    def _read(self, answer: requests.Response) -> Iterator[bytes]:
        try:
            yield from answer.iter_content(_CHUNK)
        except requests.exceptions.RequestException as error:
            raise _gone(error) from error

    def upload(self, repository: str, chunks: Iterable[bytes], digest: Callable[[], str]) -> None:
        """Upload a blob. `digest` is asked once all of it has been sent; the registry checks it."""
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
                raise TransferFailed(
                    f"The registry refused to {method} {place.partition('?')[0]}.",
                    why=f"{answer.status_code}: {answer.text[:300].strip()}")
        return answer


def _gone(error: Exception) -> CourseError:
    return TransferFailed("The registry stopped answering.", why=root_cause(error),
                          remedy="Run the cell that opened it again.")
