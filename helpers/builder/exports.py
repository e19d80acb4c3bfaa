"""Where the result of a build and its cache go, in the syntax of `docker buildx build`.

    "out"   "type=tar,dest=app.tar"   "type=registry,ref=host/name:cache,mode=max"

What an engine would silently drop, or refuse only at the end, is refused before anything is sent, by `Engine.exports`.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..engine import Engine
from ..errors import CourseError, Unsupported
from .request import BuildRequest
from .tunnel import upgradable

_OUTPUTS = {"local": ("dest",), "tar": ("dest",), "image": (), "registry": ()}
_CACHES_TO = {"inline": (), "registry": ("ref",), "local": ("dest",)}
_CACHES_FROM = {"registry": ("ref",), "local": ("src",)}
_PROVENANCES = {"": "", "false": "", "true": "mode=min", "min": "mode=min", "max": "mode=max"}
_STORE = "Docker 26 or later with the containerd image store (the feature containerd-snapshotter in its daemon.json)"
_NEWER = "Docker 24 or later"
_ABILITIES = {    # what an engine cannot do, and which one can
    "caches": ("export its cache to a registry or a folder; with type=inline the image carries it", _STORE),
    "platforms": ("build several platforms into one image", _STORE),
    "provenance": ("keep a provenance beside an image: it would silently drop it", _STORE),
    "sbom": ("list beside an image what is in it: it would silently leave that out", _STORE),
    "timestamps": ("rewrite the times of an image's files: it would silently ignore that", _STORE),
    "push": ("push what it builds: it would silently leave that out", _STORE),
    "provenance-file": ("write a provenance beside the files: it would silently leave it out", _NEWER),
    "epoch": ("date its output by SOURCE_DATE_EPOCH: it would silently ignore that", _NEWER),
}


@dataclass(frozen=True)
class Export:
    """One output or cache: its type ("local", "tar", "image", "inline", "registry") and its other fields."""

    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The file or folder of this machine that it writes or reads, if any."""
        place = self.fields.get("dest") or self.fields.get("src")
        return Path(place).absolute() if place else None


@dataclass(frozen=True)
class Exports:
    """What a request asks for besides an image in the engine."""

    output: Export | None           # None for an image in the engine and nothing else
    cache_to: tuple[Export, ...]
    cache_from: tuple[Export, ...]
    platforms: tuple[str, ...]      # "linux/amd64", ...; empty for the engine's own
    provenance: str                 # "mode=min" or "mode=max", '' for none
    sbom: str | None                # "generator=IMAGE", '' for the builder's own; None for none
    dated: bool                     # whether SOURCE_DATE_EPOCH is given

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.output or self.cache_to or self.cache_from or self.platforms or self.provenance
                    or self.sbom is not None)

    @property
    def file(self) -> Path | None:
        """The archive or folder written in place of an image, if any."""
        return self.output.path if self.output and self.output.kind in ("local", "tar") else None

    @property
    def needs(self) -> tuple[str, ...]:
        """What the engine has to support, as names of `Engine.exports`."""
        fields = self.output.fields if self.output else {}
        wanted = {
            "caches": any(each.kind != "inline" for each in self.cache_to),
            "platforms": len(self.platforms) > 1 and not self.file,
            "provenance": bool(self.provenance) and not self.file,
            "sbom": self.sbom is not None,
            "timestamps": _true(fields.get("rewrite-timestamp", "")),
            "push": _true(fields.get("push", "")),
            "provenance-file": bool(self.provenance and self.file),
            "epoch": bool(self.output and self.dated)}
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def read(request: BuildRequest) -> Exports:
    """The exports of a request. Raises CourseError for an invalid option."""
    output = _read(str(request.output), "output", _OUTPUTS, "local", "dest") if request.output is not None else None
    if output and output.kind == "registry":
        output = Export("image", {**output.fields, "push": "true"})
    platforms = tuple(filter(None, (each.strip() for each in (request.platform or "").split(","))))
    return Exports(output, tuple(_read(each, "cache_to", _CACHES_TO, "registry", "ref") for each in request.cache_to),
                   tuple(_read(each, "cache_from", _CACHES_FROM, "registry", "ref") for each in request.cache_from),
                   platforms, _provenance(request.provenance), _sbom(request.sbom),
                   "SOURCE_DATE_EPOCH" in (request.args or {}))


def check(exports: Exports, request: BuildRequest, engine: Engine) -> None:
    """Raises Unsupported for what this engine and builder cannot do, and CourseError for a tag without an image or an
    image without a tag."""
    if not exports.any:
        return
    if request.builder != "buildkit" or not upgradable(engine):
        raise Unsupported("Outputs, caches and platforms cannot be chosen for this build.",
                          why=f"They need BuildKit over a local socket or TCP. This is {request.builder} on "
                              f"{engine.describe()}.", remedy="Use builder='buildkit' on a Docker Engine.")
    if missing := [each for each in exports.needs if each not in engine.exports]:
        sentence, able = _ABILITIES[missing[0]]
        raise Unsupported(f"This engine cannot {sentence}.", why=f"It is {engine.describe()}.",
                          remedy=f"Use {able}, or leave that option out.")
    if exports.file and request.tag:
        raise CourseError("What is written to this machine gets no tag.", remedy="Leave out the tag, or the output.")
    if exports.output and not exports.file and not request.tag and "name" not in exports.output.fields:
        raise CourseError("An output of type=image needs a name.", remedy="Give the build a tag.")


def _read(text: str, option: str, kinds: Mapping[str, tuple[str, ...]], default: str, place: str) -> Export:
    """One option, as buildx reads it: comma-separated fields, or a place alone."""
    words = next(csv.reader([text]), [])
    if len(words) == 1 and "=" not in words[0] and words[0] not in ("", "-"):
        return Export(default, {place: words[0]})
    fields = {name.strip().lower(): value for name, _, value in (word.partition("=") for word in words)}
    kind = fields.pop("type", "")
    lacking = [name for name in kinds.get(kind, ()) if not fields.get(name)]
    if kind not in kinds or lacking or not all("=" in word for word in words):
        raise CourseError(f"{text!r} is not a valid {option}.",
                          why=f"It has no {lacking[0]}=." if lacking else f"Its type is none of {', '.join(kinds)}.",
                          remedy=f"For example: type={kind if lacking else default},{(*lacking, place)[0]}=...")
    return Export(kind, fields)


def _provenance(text: str) -> str:
    """--provenance as buildx reads it: "mode=max", "max", "true" (mode min), "false" and "" (none)."""
    mode = text.removeprefix("mode=")
    if mode not in _PROVENANCES:
        raise CourseError(f"{text!r} is not a provenance mode.", remedy="Use mode=min, mode=max or false.")
    return _PROVENANCES[mode]


def _sbom(text: str) -> str | None:
    """--sbom as buildx reads it: "true", "generator=IMAGE", "false" and "" (none)."""
    if text in ("", "false"):
        return None
    if text != "true" and not text.startswith("generator="):
        raise CourseError(f"{text!r} is not an SBOM option.", remedy="Use true, generator=IMAGE or false.")
    return text.removeprefix("true")


def _true(value: str) -> bool:
    return value.lower() in ("1", "true", "t")
