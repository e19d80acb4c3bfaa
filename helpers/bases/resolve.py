"""Find a base image in the first place that has it.

1. The engine, under the image's own name or the course's.
2. A kit of saved base images.
3. The mirror that MULTISTAGE_MIRROR names.
4. Its own registry.
5. Built from packages, where the catalogue has a Dockerfile.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .. import labels, paths
from ..engine import Engine
from ..engine.processes import Report, quiet
from ..errors import BaseUnavailable, CourseError, EngineError, Interrupted
from ..units import listed
from . import catalogue, kit, references, standins
from .pull import PullRefused, pull
from .references import DOCKER_HUB, Reference
from .standins import Build


@dataclass(frozen=True)
class ResolvedBase:
    """A base image, present or not."""

    ref: str                # its name in the Dockerfile
    present: bool           # whether the engine has it
    origin: str | None      # 'local', 'pulled' (from its own registry), 'mirror', 'made', or None if absent
    name: str               # its name in this engine: `ref`, or the course's own name
    stand_in: bool = False  # whether it is the course's replacement of the original
    made_of: str = ""       # a stand-in's ingredients, for people
    kit: bool = False       # whether it was just loaded from a kit, which had it from `origin`

    @property
    def substituted(self) -> bool:
        """Whether a build must replace the Dockerfile's name."""
        return self.name != self.ref


def substitutions(presents: Iterable[ResolvedBase]) -> dict[str, str]:
    """{the Dockerfile's name: the name to use}, where they differ."""
    return {each.ref: each.name for each in presents if each.substituted}


def footnote(presents: Iterable[ResolvedBase]) -> str:
    """The sentence under a figure about stand-ins: 'golang:1.22 is a stand-in made from Debian packages and Go 1.22.10;
    its sizes are near the original's, not equal.'; '' if there are none."""
    made = {each.ref: each.made_of for each in presents if each.stand_in}
    if len(made) == 1:
        ((ref, of),) = made.items()
        return f"{ref} is a stand-in made from {of}; its sizes are near the original's, not equal."
    if len(set(made.values())) == 1:
        what = f"{listed(list(made))} are stand-ins made from {next(iter(made.values()))}"
    else:
        what = f"{listed([f'{ref} (from {of})' for ref, of in made.items()])} are stand-ins"
    return f"{what}; their sizes are near the originals', not equal." if made else ""


def status(engine: Engine, refs: Iterable[str] | None = None) -> tuple[ResolvedBase, ...]:
    """`refs` (default: those of the first lessons), found in the engine or not. Raises CourseError for an invalid
    reference, and the errors of the engine."""
    return tuple(_local(engine, ref) or ResolvedBase(ref, False, None, ref) for ref in _listed(refs))


def ensure(engine: Engine, refs: Iterable[str] | None, build: Build, *, offline: bool = False,
           report: Report = quiet) -> tuple[ResolvedBase, ...]:
    """Bring `refs` (None: those of the first lessons) into the engine.

    build     `helpers.builder.build`, to make stand-ins
    offline   use only what is on this machine: kits, mirrors, registries, downloads and package archives
    report    gets a line when something takes time

    Raises BaseUnavailable for the first one that is not available (earlier ones stay), CourseError for an invalid
    reference, and the errors of the engine."""
    return tuple(_local(engine, ref) or _Search(engine, ref, build, offline, report).run() for ref in _listed(refs))


def _listed(refs: Iterable[str] | None) -> tuple[str, ...]:
    if refs is None:
        return catalogue.FIRST
    return (refs,) if isinstance(refs, str) else tuple(refs)


def _local(engine: Engine, ref: str) -> ResolvedBase | None:
    reference = references.parse(ref)
    names = [ref, references.course_name(reference)]
    if reference.digest:    # an image without a digest from a registry is pinned by its ID
        tagged = replace(reference, tag=reference.tag or "latest", digest="")
        names += [name for name in (str(tagged), references.course_name(tagged))
                  if (engine.find_image(name) or {}).get("Id") == reference.digest]
    for name in names:
        config = _config(engine, name)
        if config is not None:
            stand_in = _stand_in(config, reference)
            return _resolved(ref, "made" if stand_in else "local", name, config)
    return None


def _config(engine: Engine, name: str) -> dict | None:
    """An image's configuration, None without the image. Podman, asked for 'golang:1.22', may find another one:
    'localhost/multistage.course/golang:1.22'."""
    found = engine.find_image(name)
    if not found:
        return None
    own = [references.original(tag) != tag for tag in found.get("RepoTags") or ()]
    other = engine.matches_any_prefix and references.original(name) == name and "@" not in name and own and all(own)
    return None if other else found.get("Config") or {}


def _stand_in(config: dict, reference: Reference) -> bool:
    # The name has to match too, since images built on a stand-in inherit its labels.
    marks = config.get("Labels") or {}
    named = marks.get(labels.STAND_IN) or ""
    return marks.get(labels.COURSE) == labels.BASE and named != "" and references.parse(named) == reference


def _resolved(ref: str, origin: str, name: str, config: dict) -> ResolvedBase:
    stand_in = _stand_in(config, references.parse(ref))
    made_of = (config.get("Labels") or {}).get(labels.MADE_OF, "") if stand_in else ""
    return ResolvedBase(ref, True, origin, name, stand_in, made_of)


class _NotFound(Exception):
    """A place does not have the image: its answer ('' if there is no such place), what to do, and evidence."""

    def __init__(self, answer: str = "", remedy: str = "", evidence: str = ""):
        self.answer, self.remedy, self.evidence = answer.rstrip("."), remedy, evidence


@dataclass
class _Search:
    """The search for one image outside the engine. Each place returns (origin, name in the engine) or raises
    _NotFound."""

    engine: Engine
    ref: str
    build: Build
    offline: bool
    report: Report
    loaded: bool = False    # from a kit

    def run(self) -> ResolvedBase:
        self.reference = references.parse(self.ref)
        failures = []
        for place in (self._kit, self._mirror, self._registry, self._make):
            try:
                origin, name = place()
            except _NotFound as failure:
                failures.append(failure)
                continue
            return replace(_resolved(self.ref, origin, name, _config(self.engine, name) or {}), kit=self.loaded)
        raise BaseUnavailable(f"The base image {self.ref} is not here and could not be fetched.",
                              why="; ".join(each.answer for each in failures if each.answer) + ".",
                              remedy=" ".join(dict.fromkeys(each.remedy for each in failures if each.remedy)),
                              evidence=failures[-1].evidence)

    def _kit(self) -> tuple[str, str]:
        kept = kit.find(self.ref)
        if kept is None:
            raise _NotFound
        with self.engine.translate_errors("describe itself"):
            theirs = self.engine.client.version().get("Arch", "")
        if theirs != kept.architecture:
            raise _NotFound(f"the kit in {kept.folder} has it for {kept.architecture}, but the engine runs on {theirs}")
        try:
            # A new session may be loading the first lesson's bases at this moment.
            with paths.locked(paths.state() / "kit.lock"):
                here = _local(self.engine, self.ref)
                if here:
                    return here.origin or "", here.name
                name = kit.load(self.engine, kept, self.report)
                self.loaded = True
                # A stand-in may have the original's name only in the course's own engine.
                theirs = kept.origin in ("pulled", "local") and not self.reference.digest
                return kept.origin, self._named(name, str(self.reference) if theirs else self._own_name())
        except kit.KitDamaged as damage:
            failure = _NotFound(f"{damage.what.rstrip('.')} ({damage.why.rstrip('.')})", damage.remedy)
            self.report(f"  {failure.answer}")
            raise failure from damage

    def _mirror(self) -> tuple[str, str]:
        host = references.mirror()
        if not host:
            raise _NotFound
        if self.offline and not references.on_loopback(host):
            raise _NotFound(f"the mirror {host} was skipped (offline)")
        answers = []
        for source in references.mirrored(self.reference, host):
            had = _config(self.engine, str(source)) is not None
            try:
                pull(self.engine, source, self.report)
            except PullRefused as refusal:
                answers.append(f"the mirror {host} answered for {source.path}: {refusal}")
                self.report(f"  not there: {refusal}")
                if not refusal.reached:
                    break
            else:   # the mirror's name is removed, unless it existed before
                return "mirror", self._named(str(source), self._own_name(), keep=had)
        raise _NotFound("; ".join(answers),
                        f"Check that the mirror is running and has the image, or unset {references.MIRROR}.")

    def _registry(self) -> tuple[str, str]:
        host = self.reference.registry
        registry = "Docker Hub" if host == DOCKER_HUB else f"the registry {host}"
        if host == "localhost":
            raise _NotFound("a name with localhost is only looked for on this machine")
        if self.offline and not references.on_loopback(host):
            raise _NotFound(f"{registry} was skipped (offline)", "Try it without offline.")
        try:
            pull(self.engine, self.reference, self.report)
        except PullRefused as refusal:
            failure = (_NotFound(f"{registry} answered: {refusal}",
                                 "Check the name, and `docker login` if it is private.") if refusal.reached else
                       _NotFound(f"{registry} could not be reached: {refusal}",
                                 f"Go online, or set {references.MIRROR}=host:port to a registry that has it, "
                                 "or `docker load` it from a file."))
            self.report(f"  {failure.answer}")
            raise failure from refusal
        return "pulled", self.ref

    def _make(self) -> tuple[str, str]:
        base = catalogue.find(self.ref)
        if base is None or not base.dockerfile:
            raise _NotFound("the course has no Dockerfile for it")
        name = self._own_name()
        try:
            standins.make(self.engine, base, name, self.build, offline=self.offline, report=self.report)
        except (EngineError, Interrupted):
            raise
        except CourseError as error:
            raise _NotFound(f"making it failed: {' '.join((error.what, error.why)).strip()}",
                            error.remedy, error.evidence) from error
        return "made", self.ref if name == str(self.reference) else name

    def _own_name(self) -> str:
        """The name in this engine of an image that is not from its own registry. A reference with a digest cannot be
        tagged, so it always gets the course's name."""
        own = self.engine.owned and not self.reference.digest
        return str(self.reference) if own else references.course_name(self.reference)

    def _named(self, source: str, name: str, keep: bool = False) -> str:
        """Rename the image `source` to `name`, or with `keep` add that name. Returns the name to use."""
        if name != source:
            repository, _, tag = name.rpartition(":")
            if name == str(self.reference):
                # Podman would resolve a short name to any local image whose name ends like that: to the source.
                repository = f"{self.reference.registry}/{self.reference.path}"
            with self.engine.translate_errors(f"name {name}"):
                self.engine.client.api.tag(source, repository, tag)
                if not keep:
                    self.engine.client.api.remove_image(source, noprune=True)
        return self.ref if name == str(self.reference) else name
