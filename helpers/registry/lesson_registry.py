"""The registry of a lesson: push to it, and pull images that no engine has."""

import contextlib
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Self

from docker.errors import APIError, NotFound

from ..bases.references import parse, short
from ..engine import Engine, connect
from ..engine.processes import Report, quiet
from ..errors import CourseError, RegistryUnavailable, TransferFailed
from ..labels import NAME
from ..units import size
from . import server, transfer, unique_copy
from .client import Client, IndexEntry, Manifest, entries
from .throttle import LOOPBACK, Line
from .transfer import Transfer

FOLDER = "multistage-course"     # of all that the course pushes
# The names of images during a push or pull.
_IN_TRANSFER = re.compile(rf"{re.escape(LOOPBACK)}:\d+/{FOLDER}/\S+")


@dataclass(frozen=True)
class Copy:
    """A copy of an image in the registry: `name` as given, `place` 'repository:tag', `pushed` that of the original."""

    name: str
    place: str
    pushed: str


@dataclass(frozen=True)
class Pulled:
    """An image that was pulled, and its `reference` in the engine."""

    reference: str
    transfer: Transfer


class Registry:
    """A registry behind a line of `speed` bytes a second, until `close` or the end of the block. `report` is called
    with a sentence if something has to be installed. Raises RegistryUnavailable if there is none, or if the engine
    cannot reach this machine's loopback, because it is on another machine or in a virtual one."""

    def __init__(self, speed: float, engine: Engine | None = None, report: Report = quiet):
        self._engine = engine or connect()
        self._stored: dict[tuple[str, str], None] = {}   # (repository, digest), in order
        with contextlib.ExitStack() as ends:
            self._server = ends.enter_context(server.serve(report))
            self._client = ends.enter_context(contextlib.closing(Client(self._server.address)))   # bypasses the line
            if self._server.process is None:
                ends.callback(self._delete_stored)
            self._line = ends.enter_context(Line(self._server.address, speed))
            self._reach()
            self._ends = ends.pop_all()

    @property
    def speed(self) -> float:
        """The speed of the line, in bytes a second."""
        return self._line.speed

    @property
    def address(self) -> str:
        """'127.0.0.1:PORT', the engine's end of the line."""
        return self._line.address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it and remove its data."""
        self._ends.close()

    def __repr__(self) -> str:
        return f"{self._server.name}, behind a line of {size(self.speed)} a second"

    def _reach(self) -> None:
        """Check that the engine can reach the line."""
        probe = f"{self.address}/{FOLDER}/probe"
        if self._engine.looks_into_registry:
            with self._engine.translate_errors("query a registry"), contextlib.suppress(APIError):
                self._engine.client.api.inspect_distribution(f"{probe}:none")
        else:
            self._pull_probe(probe)
        if not self._line.received:   # "no such image" is an answer too
            raise RegistryUnavailable("The engine cannot reach a registry on this machine.",
                                      why=f"For the engine at {self._engine.host}, {LOOPBACK} is another machine, "
                                          "or it does not use plain HTTP.",
                                      remedy="Use an engine that runs on this machine.")

    def _pull_probe(self, probe: str) -> None:
        try:
            transfer.move("pull", self._engine, probe, "none", "a probe", self._server.alive, quiet)
        except TransferFailed as error:
            if "HTTPS client" in error.why:
                raise RegistryUnavailable(
                    "Podman reaches a registry on this machine only by HTTPS.", why=error.why,
                    remedy="Allow plain HTTP: a file in /etc/containers/registries.conf.d with [[registry]], "
                           f'location = "{LOOPBACK}" and insecure = true.') from error

    def _delete_stored(self) -> None:
        """Delete what was pushed to the user's registry, if it allows that."""
        for repository, digest in self._stored:
            with contextlib.suppress(TransferFailed):
                self._client.delete_manifest(repository, digest)

    def push(self, image: str, to: str = "", *, watch: Report = quiet) -> Transfer:
        """Push an image over the line, as `to` ('name:tag') or else under its name in the engine. Raises CourseError
        for an image without a name, ImageNotFound, TransferFailed, Interrupted."""
        api = self._engine.client.api
        with self._engine.translate_errors(f"push {image}"):
            found = api.inspect_image(image)
        if not found["RepoTags"]:   # removing our name from it would delete it
            raise CourseError(f"{image} has no name in the engine, so it is not pushed.", remedy="Build it with tag=.")
        repository, tag = _place(to or _called(image, found["RepoTags"]))
        with self._engine.translate_errors("name the image"):
            api.tag(found["Id"], f"{self.address}/{repository}", tag)
        try:
            cost = self._move("push", f"{repository}:{tag}", image, watch)
        finally:
            forget(self._engine, f"{self.address}/{repository}:{tag}")
        manifest = self._client.manifest(repository, tag)
        self._stored[repository, manifest.digest] = None
        return self._transfer(image, "push", f"{repository}:{tag}", manifest, cost)

    def digest(self, place: str) -> str:
        """The current digest of `place` ('repository:tag')."""
        return self._client.manifest(*place.rsplit(":", 1)).digest

    def holds(self, place: str, digest: str) -> bool:
        """Whether the registry still has the image with that digest."""
        try:
            return self._client.manifest(place.rsplit(":", 1)[0], digest).digest == digest
        except TransferFailed:
            return False

    def pinned(self, pushed: Transfer) -> str:
        """The reference of exactly that image for a FROM line, '127.0.0.1:PORT/repository@sha256:...'. A build pulls
        it; when the registry closes, it is removed from the engine."""
        reference = f"{self.address}/{pushed.place.rpartition(':')[0]}@{pushed.digest}"
        self._ends.callback(unpin, self._engine, reference)
        return reference

    def place(self, name: str) -> str:
        """The reference of `name` ('repository:tag') for a build that pushes an image or a cache to it, or reads it.
        Its content is deleted from the user's registry when this one closes."""
        repository, tag = _place(name)
        if self._server.process is None:
            self._ends.callback(self._delete_tag, repository, tag)
        return f"{self.address}/{repository}:{tag}"

    def _delete_tag(self, repository: str, tag: str) -> None:
        with contextlib.suppress(TransferFailed):
            self._client.delete_manifest(repository, self._client.top(repository, tag).digest)

    def entries(self, name: str) -> tuple[IndexEntry, ...]:
        """The current manifests of `place(name)`. Raises TransferFailed."""
        return entries(self._client, *_place(name))

    def size(self, name: str) -> int:
        """Bytes of the cache or image at `place(name)`. Raises TransferFailed."""
        top = self._client.top(*_place(name))
        return top.size if "layers" in top.content else sum(each["size"] for each in top.content["manifests"])

    def fresh(self, pushed: Transfer) -> Copy:
        """A copy in the registry whose layers no engine has (see `unique_copy`), with '-fresh' appended to its tag."""
        repository, tag = pushed.place.rsplit(":", 1)
        tag = f"{tag[:100]}-fresh"
        place = f"{repository}:{tag}"
        made = unique_copy.copy(self._client, repository, self._client.manifest(repository, pushed.digest), tag,
                                f"{self.address}/{place}", secrets.token_hex(4))
        self._stored[repository, made.digest] = None
        return Copy(pushed.name, place, pushed.place)

    @contextlib.contextmanager
    def pulled(self, copy: Copy | Transfer, *, watch: Report = quiet) -> Iterator[Pulled]:
        """Pull over the line; after the block, the image is removed. Raises TransferFailed, Interrupted, DiskFull."""
        # First, so that nothing can fail after a successful pull.
        manifest = self._client.manifest(*copy.place.rsplit(":", 1))
        name = f"{self.address}/{copy.place}"
        try:
            cost = self._move("pull", copy.place, copy.name, watch)
            yield Pulled(name, self._transfer(copy.name, "pull", copy.place, manifest, cost))
        finally:
            forget(self._engine, name)

    def _move(self, way: str, place: str, name: str, watch: Report) -> tuple[float, int, int]:
        """Push or pull: (seconds, bytes over the line, layers that the other end already had)."""
        repository, tag = f"{self.address}/{place}".rsplit(":", 1)
        counter = attrgetter("sent" if way == "push" else "received")
        before, began = counter(self._line), time.perf_counter()
        known = transfer.move(way, self._engine, repository, tag, name, self._server.alive, watch)
        return time.perf_counter() - began, counter(self._line) - before, known

    def _transfer(self, name: str, way: str, place: str, manifest: Manifest, cost: tuple[float, int, int]) -> Transfer:
        seconds, moved, known = cost
        layers = manifest.content["layers"]
        # Podman does not report known layers, but those larger than all that moved must be.
        known = max(known, sum(blob["size"] > moved for blob in layers))
        plain = sum(blob["mediaType"].endswith(".tar") for blob in layers)   # containerd's store keeps them as loaded
        return Transfer(name, way, place, seconds, moved, manifest.size, len(layers), known, manifest.digest,
                        self.speed, plain)


def _called(image: str, tags: list[str]) -> str:
    """The given name, or one of its names if an id was given. Podman expands names in its list."""
    known = {name for tag in tags for name in (tag, short(tag), tag.removeprefix("localhost/"))}
    return image if {image, f"{image}:latest"} & known else short(tags[0])


def _place(image: str) -> tuple[str, str]:
    """(repository, tag) in the registry for the name of an image. 'gcr.io/distroless/base:1' ->
    ('multistage-course/gcr.io/distroless/base', '1')"""
    parsed = parse(image)
    repository = parsed.repository.replace("[", "").replace("]", "").replace(":", "-").lower()
    return f"{FOLDER}/{repository}", parsed.tag or "latest"


def is_transfer_name(name: str) -> bool:
    """Whether the course gave an image this name for a push or pull."""
    return _IN_TRANSFER.fullmatch(name) is not None


def unpin(engine: Engine, reference: str) -> None:
    """Remove 'name@digest' from an image; the image too if that was its only name. Podman 4 finds an image of that
    digest under any name, and would remove that name instead: so it has to be listed."""
    api = engine.client.api
    with engine.translate_errors(f"remove the name {reference}"), contextlib.suppress(NotFound):
        if reference in (api.inspect_image(reference)["RepoDigests"] or ()):
            api.remove_image(reference)


def forget(engine: Engine, name: str) -> None:
    """Remove an image's name of a push or pull. The image itself is removed only if it was made for that: otherwise its
    last name is kept."""
    api = engine.client.api
    with engine.translate_errors(f"remove the name {name}"), contextlib.suppress(NotFound):
        found = api.inspect_image(name)
        own = ((found["Config"] or {}).get("Labels") or {}).get(NAME) == name
        if own or len(found["RepoTags"]) > 1:
            api.remove_image(name)
