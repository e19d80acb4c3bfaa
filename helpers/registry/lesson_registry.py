"""The registry of a lesson: push to it, and pull from it what nobody has yet."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from docker.errors import APIError, NotFound

from ..bases.references import parse, short
from ..engine import Engine, connect
from ..errors import CourseError, RegistryUnavailable, TransferFailed
from ..labels import NAME
from ..units import size
from . import server, transfer, unique_copy
from .client import Client, Manifest
from .throttle import LOOPBACK, Line
from .transfer import Transfer, Watch

FOLDER = "multistage-course"     # of all that the course puts into a registry
# What an image of the course is called in the engine while it travels.
_TRAVELLING = re.compile(rf"{re.escape(LOOPBACK)}:\d+/{FOLDER}/\S+")


def _quiet(_: str) -> None:
    pass


@dataclass(frozen=True)
class Copy:
    """An image in the registry: `name` as a reader calls it, `place` 'repository:tag'."""

    name: str
    place: str


@dataclass(frozen=True)
class Pulled:
    """An image that was pulled: its `reference` in the engine, and what it cost."""

    reference: str
    transfer: Transfer


class Registry:
    """A registry behind a line of `speed` bytes a second, until `close` or the end of the block.

    report  called with a sentence when something has to be installed

    Raises RegistryUnavailable where none is to be had, or where the engine cannot
    reach this machine's loopback (one on another machine, or in a virtual one).
    """

    def __init__(self, speed: float, engine: Engine | None = None,
                 report: Callable[[str], None] = _quiet):
        self._engine = engine or connect()
        self._stored: dict[tuple[str, str], None] = {}   # (repository, digest), in order
        self._ends = contextlib.ExitStack()
        try:
            self._server = self._ends.enter_context(server.serve(report))
            self._client = Client(self._server.address)   # past the line: not what is measured
            self._ends.callback(self._client.close)
            if self._server.process is None:
                self._ends.callback(self._take_back)
            self._line = self._ends.enter_context(Line(self._server.address, speed))
            self._reach()
        except BaseException:
            self._ends.close()
            raise

    @property
    def speed(self) -> float:
        """Of the line, in bytes a second."""
        return self._line.speed

    @property
    def address(self) -> str:
        """'127.0.0.1:PORT', the end of the line at which the engine is."""
        return self._line.address

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it and remove its data. A second time does no harm."""
        self._ends.close()

    def __repr__(self) -> str:
        return f"{self._server.name}, behind a line of {size(self.speed)} a second"

    def _reach(self) -> None:
        """See whether the engine gets to the other end of the line."""
        probe = f"{self.address}/{FOLDER}/probe"
        if not self._engine.looks_into_registry:
            try:
                transfer.pull(self._engine, probe, "none", "a probe", self._alive, _quiet)
            except TransferFailed as error:
                if "HTTPS client" in error.why:
                    raise RegistryUnavailable(
                        "Podman speaks to a registry on this machine by HTTPS alone.", why=error.why,
                        remedy=f"Let it: a file in /etc/containers/registries.conf.d with [[registry]], location = "
                               f'"{LOOPBACK}" and insecure = true.') from error
        else:
            with self._engine.translate_errors("look into a registry"), contextlib.suppress(APIError):
                self._engine.client.api.inspect_distribution(f"{probe}:none")
        if not self._line.received:   # even "there is no such image" is an answer
            raise RegistryUnavailable(
                "The engine cannot reach a registry on this machine.",
                why=f"For the engine at {self._engine.host}, {LOOPBACK} is another machine, "
                    "or it speaks no plain HTTP.",
                remedy="Use an engine that runs on this machine itself.")

    def _take_back(self) -> None:
        """Delete what was put into a registry of the user's, if it lets us."""
        for repository, digest in self._stored:
            with contextlib.suppress(TransferFailed):
                self._client.delete_manifest(repository, digest)

    # -- there -------------------------------------------------------------------------

    def push(self, image: str, to: str = "", *, watch: Watch = _quiet) -> Transfer:
        """Push an image of the engine over the line.

        to  its name in the registry, 'name:tag'; that in the engine if ''

        Raises CourseError for an image without a name, ImageNotFound, TransferFailed,
        Interrupted.
        """
        api = self._engine.client.api
        with self._engine.translate_errors(f"push {image}"):
            found = api.inspect_image(image)
        if not found["RepoTags"]:   # to take ours off it again would delete the image
            raise CourseError(f"{image} has no name in the engine, so it is not pushed.",
                              remedy="Build it with tag=.")
        repository, tag = _place(to or _called(image, found["RepoTags"]))
        name = f"{self.address}/{repository}:{tag}"
        with self._engine.translate_errors("name the image"):
            api.tag(found["Id"], f"{self.address}/{repository}", tag)
        try:
            before, began = self._line.sent, time.perf_counter()
            known = transfer.push(self._engine, f"{self.address}/{repository}", tag, image,
                                  self._alive, watch)
            seconds, moved = time.perf_counter() - began, self._line.sent - before
        finally:
            forget(self._engine, name)
        manifest = self._client.manifest(repository, tag)
        self._stored[repository, manifest.digest] = None
        return Transfer(image, "push", f"{repository}:{tag}", seconds, moved, manifest.size,
                    len(manifest.content["layers"]), _stayed(manifest, known, moved), manifest.digest, self.speed)

    def digest(self, place: str) -> str:
        """The digest that the name `place` ('repository:tag') leads to now."""
        return self._client.manifest(*place.rsplit(":", 1)).digest

    def holds(self, place: str, digest: str) -> bool:
        """Whether the image of that digest can be had still, whatever its name leads to."""
        try:
            return self._client.manifest(place.rsplit(":", 1)[0], digest).digest == digest
        except TransferFailed:
            return False

    def pinned(self, trip: Transfer) -> str:
        """What a FROM line says to get just that image, wherever its name leads by then:
        '127.0.0.1:PORT/repository@sha256:...'. A build pulls it when it is first needed;
        the engine forgets it when the registry closes."""
        reference = f"{self.address}/{trip.place.rpartition(':')[0]}@{trip.digest}"
        self._ends.callback(unpin, self._engine, reference)
        return reference

    def _alive(self) -> bool:
        return self._server.alive

    # -- and back ----------------------------------------------------------------------

    def fresh(self, trip: Transfer) -> Copy:
        """A copy in the registry of which no engine has a layer (see `fresh.copy`)."""
        repository, tag = trip.place.rsplit(":", 1)
        manifest = self._client.manifest(repository, trip.digest)
        token = secrets.token_hex(4)
        place = f"{repository}:{tag[:100]}-fresh-{token}"
        made = unique_copy.copy(self._client, repository, manifest, place.rsplit(":", 1)[1],
                          f"{self.address}/{place}", token)
        self._stored[repository, made.digest] = None
        return Copy(trip.name, place)

    @contextlib.contextmanager
    def pulled(self, copy: Copy | Transfer, *, watch: Watch = _quiet) -> Iterator[Pulled]:
        """Pull over the line. At the end of the block the engine has it no more.

        Raises TransferFailed, Interrupted, DiskFull.
        """
        repository, tag = copy.place.rsplit(":", 1)
        name = f"{self.address}/{copy.place}"
        # First, so that nothing of a pull that came to its end can fail after it.
        manifest = self._client.manifest(repository, tag)
        try:
            before, began = self._line.received, time.perf_counter()
            known = transfer.pull(self._engine, f"{self.address}/{repository}", tag, copy.name,
                                  self._alive, watch)
            seconds, moved = time.perf_counter() - began, self._line.received - before
            yield Pulled(name, Transfer(
                copy.name, "pull", copy.place, seconds, moved, manifest.size,
                len(manifest.content["layers"]), _stayed(manifest, known, moved), manifest.digest, self.speed))
        finally:
            forget(self._engine, name)


def _called(image: str, tags: list[str]) -> str:
    """The name that was asked for, or one of its names for an id. Podman lists a name longer than it was given."""
    known = {name for tag in tags for name in (tag, short(tag), tag.removeprefix("localhost/"))}
    return image if {image, f"{image}:latest"} & known else short(tags[0])


def _stayed(manifest: Manifest, known: int, moved: int) -> int:
    """How many layers did not move: as the engine says, and at least those that are larger than
    all that did. Podman says nothing of it."""
    return max(known, sum(blob["size"] > moved for blob in manifest.content["layers"]))


def _place(image: str) -> tuple[str, str]:
    """(repository, tag) in the registry for the name of an image.

    'gcr.io/distroless/base:1' -> ('multistage-course/gcr.io/distroless/base', '1')
    """
    parsed = parse(image)
    repository = parsed.repository.replace("[", "").replace("]", "").replace(":", "-").lower()
    return f"{FOLDER}/{repository}", parsed.tag or "latest"


def is_transfer_name(name: str) -> bool:
    """Whether `name` is one that the course gave for a journey."""
    return _TRAVELLING.fullmatch(name) is not None


def unpin(engine: Engine, reference: str) -> None:
    """Take 'name@digest' off an image, which goes too if that was its only name."""
    with engine.translate_errors(f"remove the name {reference}"), contextlib.suppress(NotFound):
        engine.client.api.remove_image(reference)


def forget(engine: Engine, name: str) -> None:
    """Take the name of a journey off an image. The image itself goes only if it was
    made for that journey: one that has no other name any more keeps this one."""
    api = engine.client.api
    with engine.translate_errors(f"remove the name {name}"), contextlib.suppress(NotFound):
        found = api.inspect_image(name)
        made_for_it = ((found["Config"] or {}).get("Labels") or {}).get(NAME) == name
        if made_for_it or len(found["RepoTags"]) > 1:
            api.remove_image(name)
