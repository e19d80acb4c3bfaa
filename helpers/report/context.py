"""What the rules look at: plain values, no engine."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..builder import Step
from ..builder.context import Context
from ..dockerfile import Dockerfile, Stage
from ..image import Start
from ..image.provenance import Provenance
from ..inventory import Inventory
from .base_advice import Advice
from .entrypoint import Entrypoint
from .files import FILE, BuildFiles, visible_files

_MANIFESTS = ("package-lock.json", "package.json", "go.mod", "Cargo.toml", "pom.xml")
_TEXT_LIMIT = 20_000_000   # bytes of a manifest; the lock file of a large front end has 2 MB
# Folders that should stay on the machine.
_HOME = re.compile(r"(?:^|/)(\.git|\.hg|\.svn|node_modules|\.venv|venv|\.tox|__pycache__)/")


@dataclass(frozen=True)
class Project:
    """The build context."""

    files: Mapping[str, int] = field(default_factory=dict, repr=False)    # {path: bytes} of files that are not ignored
    ignore: str = ""    # name of the ignore file, '' for none
    # {path: content} of the manifests that list dependencies
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def local_folders(self) -> dict[str, int]:
        """{folder: bytes} of folders that should be ignored and are not, such as '.git', the largest first."""
        found: dict[str, int] = {}
        for path, count in self.files.items():
            if match := _HOME.search(path):
                found[match[1]] = found.get(match[1], 0) + count
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    def development(self) -> tuple[frozenset[str], frozenset[str]]:
        """The Node packages for development only: (keys of lock files, 'node_modules/vite'; names in a package.json
        without a lock file)."""
        keys: set[str] = set()
        names: set[str] = set()
        locked = {path.rpartition("/")[0] for path in self.texts if path.endswith("package-lock.json")}
        for path, content in self._json():
            if path.endswith("package-lock.json"):
                keys |= {key for key, each in _dict(content, "packages").items()
                         if isinstance(each, dict) and each.get("dev") is True}
                keys |= set(_nested(_dict(content, "dependencies"), "node_modules/"))
            elif path.rpartition("/")[0] not in locked:
                names |= _dict(content, "devDependencies").keys() - _dict(content, "dependencies").keys()
        return frozenset(keys), frozenset(names)

    def fetches(self, tool: str) -> bool:
        """Whether a build with 'go', 'cargo' or 'mvn' has dependencies to download."""
        if tool == "go":
            vendored = any(path.endswith("vendor/modules.txt") for path in self.files)
            return not vendored and any(_required(text) for path, text in self._named("go.mod"))
        if tool == "cargo":
            return any(re.search(r"^\[(?:.*\.)?dependencies(?:\.[\w-]+)?\]\s*\n\s*[^\s\[]", text, re.M)
                       for _, text in self._named("Cargo.toml"))
        return any("<dependency" in text for _, text in self._named("pom.xml"))

    def _named(self, name: str) -> Iterator[tuple[str, str]]:
        return ((path, text) for path, text in self.texts.items() if path.rpartition("/")[2] == name)

    def _json(self) -> Iterator[tuple[str, dict]]:
        for path, text in self.texts.items():
            if path.endswith(".json"):
                try:
                    content = json.loads(text)
                except (ValueError, RecursionError):   # npm itself would complain
                    continue
                if isinstance(content, dict):
                    yield path, content


def _dict(content: Mapping, key: str) -> Mapping:
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def _nested(dependencies: Mapping, above: str) -> Iterator[str]:
    """The same keys in a lock file of npm 6, which nests packages."""
    for name, each in dependencies.items():
        if isinstance(each, dict):
            if each.get("dev") is True:
                yield f"{above}{name}"
            yield from _nested(_dict(each, "dependencies"), f"{above}{name}/node_modules/")


def _required(text: str) -> bool:
    """Whether a go.mod requires a module that is not replaced by a folder of the project."""
    text = re.sub(r"//.*", "", text)
    blocks = re.findall(r"^require\s*\((.*?)\)", text, re.M | re.S)
    lines = "\n".join([*re.findall(r"^require\s+([^\s(].*)", text, re.M), *blocks])
    wanted = set(re.findall(r"^\s*(\S+)", lines, re.M))
    local = set(re.findall(r"(\S+)(?:\s+v\S+)?\s*=>\s*\.{1,2}/", text))
    return bool(wanted - local)


def read_project(context: Context) -> Project:
    """The files of a scanned context, and the contents of its manifests."""
    files = {entry.path: entry.size for entry in context.entries if entry.kind == "file"}
    texts = {}
    for path, count in files.items():
        if path.rpartition("/")[2] in _MANIFESTS and "node_modules/" not in path and count <= _TEXT_LIMIT:
            try:
                texts[path] = (context.root / path).read_text(encoding="utf-8", errors="replace")
            except OSError:   # gone since the scan
                continue
    return Project(files, _ignore_file(context), texts)


def _ignore_file(context: Context) -> str:
    """The name of the ignore file for this Dockerfile, '' for none."""
    names = (f"{context.dockerfile}.dockerignore", ".dockerignore")
    return next((name for name in names if os.path.exists(context.root / name)), "")


@dataclass(frozen=True)
class ReportContext:
    """A built project."""

    dockerfile: Dockerfile
    inventory: Inventory
    start: Start = Start()
    project: Project = Project()
    target: str | None = None    # the stage that was built, None for the last
    steps: tuple[Step, ...] = ()
    main: Entrypoint | None = None    # the program that the image starts, None if unknown
    advice: Advice | None = None    # a base that is enough, None if no smaller one is known
    builder: str = "buildkit"    # 'buildkit', 'legacy' or 'buildah'
    _visible: dict[int, Mapping[str, int]] = field(default_factory=dict, repr=False, compare=False)
    _files: dict[int, Mapping[str, int]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def lines(self) -> Provenance:
        """Which line of the Dockerfile made which layer."""
        return Provenance(self.dockerfile, self.target, self.inventory.image)

    @cached_property
    def needed(self) -> tuple[Stage, ...]:
        """The stages that this build runs, in the order of the file."""
        labels = self.dockerfile.needed(self.target)
        return tuple(stage for stage in self.dockerfile.stages if stage.label in labels)

    @cached_property
    def build_files(self) -> BuildFiles:
        """The files that only a build needs."""
        return BuildFiles(self.inventory)

    @property
    def unpacked(self) -> int:
        """Bytes of all layers."""
        return self.inventory.image.unpacked

    @property
    def base_layers(self) -> int:
        """The number of layers of the base."""
        return self.inventory.image.base_layers

    @property
    def own(self) -> range:
        """Indexes of the layers that the Dockerfile made."""
        return range(self.base_layers, len(self.inventory.image.layers))

    def own_lines(self) -> list[tuple[int, list[int]]]:
        """(line, indexes of its layers), in the order of the file, without the base."""
        by_line: dict[int, list[int]] = {}
        for index in self.own:
            by_line.setdefault(self.lines.line(index), []).append(index)
        return sorted(by_line.items())

    def files(self, index: int) -> Mapping[str, int]:
        """{path: bytes} of every file in a layer's archive."""
        if index not in self._files:
            entries = self.inventory.tree.entries[index]
            self._files[index] = {entries.paths[row]: entries.sizes[row] for row, kind in enumerate(entries.kinds)
                                  if kind == FILE}
        return self._files[index]

    def visible(self, index: int) -> Mapping[str, int]:
        """{path: bytes} of a layer's files that a container sees."""
        if index not in self._visible:
            self._visible[index] = visible_files(self.inventory, index)
        return self._visible[index]
