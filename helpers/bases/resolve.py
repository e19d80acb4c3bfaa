"""Find each base image: the first rung that has it.

1. The engine itself, under its own name or the course's.
2. A kit of saved base images.
3. The mirror that MULTISTAGE_MIRROR names.
4. Its own registry.
5. Built from packages, where the catalogue has a Dockerfile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from docker.errors import ImageNotFound as SDKImageNotFound

from .. import labels, paths
from ..engine import Engine
from ..errors import BaseUnavailable, CourseError, EngineError, Interrupted
from . import catalogue, kit, loading, references, standins
from .pull import Refused, pull
from .references import DOCKER_HUB, Reference
from .standins import Build
from .status import ResolvedBase

Report = Callable[[str], None]


def _quiet(_: str) -> None:
    pass


def status(engine: Engine, refs: Iterable[str] | None = None) -> tuple[ResolvedBase, ...]:
    """Which of `refs` the engine has (default: those of the first lessons).

    Looks only: nothing is pulled, made or named. Raises CourseError for what is
    no reference, and the errors of the engine.
    """
    return tuple(_local(engine, ref) or ResolvedBase(ref, False, None, ref) for ref in _listed(refs))


def ensure(engine: Engine, refs: Iterable[str] | None, build: Build, *, offline: bool = False,
           report: Report = _quiet) -> tuple[ResolvedBase, ...]:
    """Each of `refs` (None: those of the first lessons), present in `engine`.

    build     `helpers.builder.build`, by which a stand-in is made
    offline   no network is used: kits are looked at; a mirror and a registry on this machine are
              asked, others are not; what is built is built from the builder's cache,
              kept downloads and package archives on this machine
    report    gets a line when something takes time

    Raises BaseUnavailable for the first one that cannot be had (those before it
    stay), CourseError for what is no reference, and the errors of the engine.
    """
    return tuple(_local(engine, ref) or _Search(engine, ref, build, offline, report).run()
                 for ref in _listed(refs))


def _listed(refs: Iterable[str] | None) -> tuple[str, ...]:
    if refs is None:
        return catalogue.FIRST
    return (refs,) if isinstance(refs, str) else tuple(refs)


# -- what is there ------------------------------------------------------------------

def _local(engine: Engine, ref: str) -> ResolvedBase | None:
    reference = references.parse(ref)
    for name in (ref, references.course_name(reference)):
        config = _config(engine, name)
        if config is not None:
            stand_in = _stand_in(config, reference)
            return _present(ref, "made" if stand_in else "local", name, config)
    return None


def _config(engine: Engine, name: str) -> dict | None:
    """An image's settings, or None without that image."""
    with engine.translate_errors(f"look for {name}"):
        try:
            found = engine.client.api.inspect_image(name)
        except SDKImageNotFound:
            return None
    return None if _by_its_end(engine, name, found.get("RepoTags") or ()) else found.get("Config") or {}


def _by_its_end(engine: Engine, name: str, tags: Iterable[str]) -> bool:
    """Whether that is another image: Podman, asked for 'golang:1.22', also finds the course's own
    'localhost/multistage.course/golang:1.22', whose name ends so."""
    own = [references.original(tag) != tag for tag in tags]
    return engine.matches_any_prefix and references.original(name) == name and "@" not in name and bool(own) and all(own)


def _stand_in(config: dict, reference: Reference) -> bool:
    # Images built on a stand-in inherit its labels: so the name has to agree too.
    marks = config.get("Labels") or {}
    named = marks.get(labels.STAND_IN)
    return (marks.get(labels.COURSE) == labels.BASE and bool(named)
            and references.parse(named) == reference)


def _present(ref: str, origin: str, name: str, config: dict) -> ResolvedBase:
    stand_in = _stand_in(config, references.parse(ref))
    made_of = (config.get("Labels") or {}).get(labels.MADE_OF, "") if stand_in else ""
    return ResolvedBase(ref, True, origin, name, stand_in, made_of)


# -- what is not ----------------------------------------------------------------------

@dataclass
class _Search:
    """The rungs below the first, for one image; `tried` says how each ended."""

    engine: Engine
    ref: str
    build: Build
    offline: bool
    report: Report
    loaded: bool = False    # out of a kit
    tried: list[str] = field(default_factory=list)
    evidence: str = ""
    remedies: list[str] = field(default_factory=list)

    def run(self) -> ResolvedBase:
        self.reference = references.parse(self.ref)
        for rung in (self._kit, self._mirror, self._registry, self._make):
            found = rung()
            if found:
                return replace(_present(self.ref, *found, _config(self.engine, found[1]) or {}), kit=self.loaded)
        raise BaseUnavailable(
            f"The base image {self.ref} is not here and could not be had.",
            why="; ".join(self.tried) + ".", remedy=" ".join(dict.fromkeys(self.remedies)),
            evidence=self.evidence)

    def _kit(self) -> tuple[str, str] | None:
        kept = kit.find(self.ref)
        if kept is None:
            return None
        with self.engine.translate_errors("say what it is"):
            theirs = self.engine.client.version().get("Arch", "")
        if theirs != kept.architecture:
            self.tried.append(f"the kit in {kept.folder} has it for {kept.architecture}, "
                              f"and the engine runs on {theirs}")
            return None
        try:
            # One at a time: a session that begins loads what the first lesson asks for meanwhile.
            with paths.locked(paths.state() / "kit.lock"):
                present = _local(self.engine, self.ref)
                if present:
                    return present.origin, present.name
                name = loading.load(self.engine, kept, self.report)
                self.loaded = True
                # What a registry calls so may be called so here; what the course made, only in its own engine.
                own = (str(self.reference) if kept.origin in ("pulled", "local") and not self.reference.digest
                       else self._foreign_name())
                return kept.origin, self._named(name, own)
        except kit.KitDamaged as damage:
            self.tried.append(f"{damage.what.rstrip('.')} ({damage.why.rstrip('.')})")
            self.remedies.append(damage.remedy)
            self.report(f"  {self.tried[-1]}")
            return None

    def _mirror(self) -> tuple[str, str] | None:
        host = references.mirror()
        if not host:
            return None
        if self.offline and not references.on_loopback(host):
            self.tried.append(f"the mirror {host} was not asked (offline)")
            return None
        said = []
        for source in references.mirrored(self.reference, host):
            had = _config(self.engine, str(source)) is not None
            try:
                pull(self.engine, source, self.report)
            except Refused as refusal:
                said.append(f"the mirror {host} said for {source.path}: {refusal}")
                self.report(f"  not there: {refusal}")
                if not refusal.reached:
                    break
            else:
                return "mirror", self._renamed(source, had)
        self.tried += said
        self.remedies.append(f"See whether the mirror runs and has the image, or unset "
                             f"{references.MIRROR}.")
        return None

    def _registry(self) -> tuple[str, str] | None:
        host = self.reference.registry
        who = "Docker Hub" if host == DOCKER_HUB else f"the registry {host}"
        if host == "localhost":
            self.tried.append("its name says that it is on this machine only")
            return None
        if self.offline and not references.on_loopback(host):
            self.tried.append(f"{who} was not asked (offline)")
            self.remedies.append("Try it without offline.")
            return None
        try:
            pull(self.engine, self.reference, self.report)
        except Refused as refusal:
            self.tried.append(f"{who} said: {refusal}" if refusal.reached else
                              f"{who} could not be reached: {refusal}")
            self.report(f"  {self.tried[-1]}")
            self.remedies.append(
                "Check the name, and `docker login` if it is private." if refusal.reached else
                f"Go online, or set {references.MIRROR}=host:port to a registry that has it, "
                "or `docker load` it from a file.")
            return None
        return "pulled", self.ref

    def _make(self) -> tuple[str, str] | None:
        base = catalogue.find(self.ref)
        if base is None or not base.dockerfile:
            self.tried.append("the course has no Dockerfile for it")
            return None
        name = self._own_name()
        try:
            standins.make(self.engine, base, name, self.build, offline=self.offline, report=self.report)
        except (EngineError, Interrupted):
            raise
        except CourseError as error:
            self.tried.append(f"making it failed: {' '.join((error.what, error.why)).strip()}")
            self.tried[-1] = self.tried[-1].rstrip(".")
            self.remedies.append(error.remedy)
            self.evidence = error.evidence
            return None
        return "made", self.ref if name == str(self.reference) else name

    # -- names --

    def _own_name(self) -> str:
        """What an image that is not from its own registry is called in this engine."""
        return (str(self.reference) if self.engine.owned
                else references.course_name(self.reference))

    def _renamed(self, source: Reference, had: bool) -> str:
        """Give what came from a mirror its name here; return it.

        The mirror's own name goes, unless it was there before. A digest cannot
        be a name: such an image keeps the course's name everywhere.
        """
        return self._named(str(source), self._foreign_name(), keep=had)

    def _foreign_name(self) -> str:
        return references.course_name(self.reference) if self.reference.digest else self._own_name()

    def _named(self, source: str, name: str, keep: bool = False) -> str:
        """Call the image `source` also, or unless `keep` only, `name`; the name to use."""
        if name != source:
            repository, _, tag = name.rpartition(":")
            if name == str(self.reference):
                # Podman takes a short name for that of any local image that ends so: for the source's.
                repository = f"{self.reference.registry}/{self.reference.path}"
            with self.engine.translate_errors(f"name {name}"):
                self.engine.client.api.tag(source, repository, tag)
                if not keep:
                    self.engine.client.api.remove_image(source, noprune=True)
        return self.ref if name == str(self.reference) else name
