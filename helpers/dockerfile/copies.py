"""What a `COPY --from` leaves behind, contrary to how it reads.

    cache-mount-copy    a path that only existed in a cache mount, during a RUN
    lost-capabilities   a program's file capabilities, with the legacy builder
    venv-python         the interpreter of a Python virtual environment

Only the text is read, so a problem is reported only if nothing in the two stages contradicts it.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..text import within
from .expand import BadSubstitution, expand
from .model import SCRATCH, Dockerfile, Problem, Stage, Use
from .reader import Instruction
from .scope import settings

_VARIABLE = re.compile(r"\$\{?(\w+)")
_WORD = r"""((?:"[^"]*"|'[^']*'|[^\s;&|'"])+)"""
_SETCAP = re.compile(rf"\bsetcap\s+(?:-\S+\s+)*{_WORD}\s+{_WORD}")
_VENV = re.compile(rf"(?:\bpython[\d.]*\s+-m\s+(?:venv|virtualenv)|\bvirtualenv|\buv\s+venv)((?:\s+-\S+)*)\s+{_WORD}")
_UV_VENV = re.compile(r"\buv\s+(?:venv\s*(?:$|[;&|\n])|sync\b)")
# Programs that only prepare a command: two RUNs may both have them by chance.
_COMMON = frozenset("apk apt-get cd chmod cp curl echo export git install mkdir mv rm set sh test wget".split())
# Folders in which a base image may have the same files.
_OF_THE_BASE = ("/usr/local/", "/usr/lib", "/usr/share/", "/var/lib/", "/var/cache/", "/etc/", "/lib")
_COMMANDS = re.compile(r"(?:^|&&|\|\||[;|(\n])\s*(?:\w+=\S*\s+)*([\w./-]+)")
# The interpreter may not be the base's, or the environment may not depend on it.
_UNSURE = re.compile(
    r"\buv\s+python\b|--python\b|\benv[^;&|\n]*\s-p\s|UV_PYTHON|PYTHONHOME|pyenv|conda|deadsnakes|altinstall|pyvenv\.cfg"
    r"|--relocatable|\bln\b[^;&|\n]*python|\b(?:site|dist)-packages\b|\bpex\b|\bshiv\b")
_PYTHON = re.compile(r"(?:docker\.io/)?(?:library/)?python(?::(?P<version>3\.\d+)?[^@]*)?(?:@.*)?\Z")
_UV = re.compile(r"ghcr\.io/astral-sh/uv:python(?P<version>3\.\d+)-\w+")
_DISTROLESS = re.compile(r"gcr\.io/distroless/(?P<name>[a-z0-9]+)-debian(?P<number>\d+)(?::.*)?\Z")
_PLAIN = re.compile(r"(?:docker\.io/)?(?:library/)?(?P<name>debian|ubuntu|alpine|busybox)(?::(?P<tag>[^@]*))?\Z")
# Versions of the distributions' python3. Sources: packages.debian.org and packages.ubuntu.com, python3.
_OF = {"buster": "3.7", "10": "3.7", "bullseye": "3.9", "11": "3.9", "bookworm": "3.11", "12": "3.11", "trixie": "3.13",
       "13": "3.13", "20.04": "3.8", "focal": "3.8", "22.04": "3.10", "jammy": "3.10", "24.04": "3.12", "noble": "3.12"}
_INSTALLS = re.compile(r"\b(?:apt|apt-get|apk|dnf|yum)\b[^;&|\n]*\b(?:install|add)\b[^;&|]*"
                       r"\bpython3(?:-venv|-pip|-minimal|-full)?(?![\w.-])")
_MAY_INSTALL = re.compile(r"\b(?:install|add|uv|conda|make|curl|wget|tar|nix)\b|\.sh\b|\./")


@dataclass(frozen=True)
class _Line:
    """An instruction, with the working directory (None if the base sets it) and the variables in effect there."""

    instruction: Instruction
    workdir: str | None
    variables: Mapping[str, str]

    def expanded(self, word: str) -> str | None:
        """A word, expanded and without its quotes; None if a variable is unknown."""
        if any(name not in self.variables for name in _VARIABLE.findall(word)):
            return None
        try:
            return expand(word, self.variables)
        except BadSubstitution:
            return None

    def path(self, word: str, root: str | None = None) -> str | None:
        """A word as an absolute path, relative to `root`; None if it is unknown."""
        known = self.expanded(word)
        if not known or not known.startswith("/") and root is None:
            return None
        return "/" + posixpath.normpath(posixpath.join(root or "/", known)).lstrip("/")


def not_brought(dockerfile: Dockerfile) -> Iterator[Problem]:
    """These problems, in every COPY from a stage of the same file."""
    for use in dockerfile.uses:
        if use.via == "COPY" and use.source is not None and use.source < use.stage:
            taker, source = dockerfile.stages[use.stage], dockerfile.stages[use.source]
            if use.instruction in taker.instructions:
                yield from _of_copy(dockerfile, use, taker, source)


def _of_copy(dockerfile: Dockerfile, use: Use, taker: Stage, source: Stage) -> Iterator[Problem]:
    theirs, own = _lines(dockerfile, source), _lines(dockerfile, taker)
    here = next(each for each in own if each.instruction is use.instruction)
    for path in filter(None, (here.path(word, "/") for word in use.instruction.operands[0])):
        yield from _cached(here, path, theirs, taker, source)
        yield from _capabilities(here, path, theirs, own, taker)
        yield from _venv(dockerfile, here, path, (theirs, own), (source, taker))


def _lines(dockerfile: Dockerfile, stage: Stage) -> list[_Line]:
    """The instructions of a stage, after those of the stages that it is built on."""
    lines: list[_Line] = []
    workdir: str | None = None
    variables: dict[str, str] = {}
    for instruction in (one for each in dockerfile.chain(stage.label) for one in each.instructions):
        line = _Line(instruction, workdir, dict(variables))
        lines.append(line)
        if instruction.keyword == "WORKDIR":
            workdir = line.path(instruction.arguments, workdir)
        elif instruction.keyword in ("ARG", "ENV"):
            for name, value in settings(instruction):
                variables.pop(name, None)
                if known := line.expanded(value or dockerfile.global_args.get(name) or ""):
                    variables[name] = known
    return lines


def _runs(lines: list[_Line]) -> list[_Line]:
    return [line for line in lines if line.instruction.keyword == "RUN"]


def _cached(here: _Line, path: str, theirs: list[_Line], taker: Stage, source: Stage) -> Iterator[Problem]:
    """Source: docs.docker.com, Dockerfile reference, "RUN --mount=type=cache"."""
    held = [(line, target) for line in theirs for target in _cache_targets(line) if within(path, target)]
    if not held or path.startswith(_OF_THE_BASE):
        return
    first, target = held[0]
    if any(_may_write(line, path, target, first) for line in theirs):
        return
    yield Problem(
        "cache-mount-copy", here.instruction.line, taker.label,
        f"Line {here.instruction.line}: {path} was only in a cache mount of the stage {source.label}.",
        f"Line {first.instruction.line} mounts a cache at {target}. What a RUN writes there is in the cache and not "
        "in the stage, so COPY finds an empty folder or nothing.",
        f"Copy it out of the cache in the same RUN (cp -r {path} /out), and write COPY --from={source.label} /out.")


def _cache_targets(line: _Line) -> Iterator[str]:
    for mount in line.instruction.mounts:
        target = line.path(mount.get("target", ""), line.workdir)
        if mount.get("type") == "cache" and target and target != "/":
            yield target


def _may_write(line: _Line, path: str, target: str, first: _Line) -> bool:
    """Whether an instruction may have put something into the layer at the path where the cache is mounted."""
    each = line.instruction
    if each.keyword in ("COPY", "ADD"):
        to = line.path(each.operands[1], line.workdir)
        return to is None or within(to, target) or "from" in each.flags and within(target, to)
    if each.keyword == "WORKDIR":
        return False
    if each.keyword != "RUN" or any(within(path, mounted) for mounted in _cache_targets(line)):
        return False
    names = re.compile(rf"(?<![\w.-]){re.escape(posixpath.basename(target))}(?![\w.-])")
    return bool(names.search(each.body)) or bool((_programs(each) & _programs(first.instruction)) - _COMMON)


def _programs(run: Instruction) -> set[str]:
    """The first word of each command in a RUN."""
    return {posixpath.basename(word) for word in _COMMANDS.findall(run.body)}


def _capabilities(here: _Line, path: str, theirs: list[_Line], own: list[_Line], taker: Stage) -> Iterator[Problem]:
    """The legacy builder loses the extended attributes of a single file, and with --chown also those of a folder.

    BuildKit and Buildah keep them. Measured on Docker Engine 20.10, 26.1 and 28.5, and Podman 5.8.
    """
    if any("setcap" in line.instruction.body for line in _runs(own)):
        return
    for line in _runs(theirs):
        for capabilities, word in _SETCAP.findall(line.instruction.body):
            program = line.path(word, line.workdir) or ""
            lost = program == path or within(program, path) and "chown" in here.instruction.flags
            if lost and not capabilities.startswith("-r"):
                number, given = here.instruction.line, capabilities.strip("\"'")
                yield Problem(
                    "lost-capabilities", number, taker.label,
                    f"Line {number}: the legacy builder copies {program} without its capabilities.",
                    f"setcap in line {line.instruction.line} sets {given}, an extended attribute of the file. "
                    "BuildKit and Buildah copy it.",
                    "Build with BuildKit, or run setcap after the COPY.", only=("legacy",))
                return


def _venv(dockerfile: Dockerfile, here: _Line, path: str, lines: tuple[list[_Line], list[_Line]],
          stages: tuple[Stage, Stage]) -> Iterator[Problem]:
    """A virtual environment needs the interpreter that made it: bin/python is a link to that, and packages are in
    lib/pythonX.Y. Source: docs.python.org, venv."""
    theirs, own = lines
    made = next((venv for line in _runs(theirs) for venv in _venvs(line) if within(venv, path)), None)
    if made is None or any(_UNSURE.search(line.instruction.body) for line in theirs + own) or _brings_python(own):
        return
    one, two = (_python_of(dockerfile.chain(stage.label)) for stage in stages)
    if one is None or two is None or not (why := _different(one, two)):
        return
    source, taker = stages
    number, base = here.instruction.line, dockerfile.chain(source.label)[0]
    yield Problem(
        "venv-python", number, taker.label,
        f"Line {number}: the virtual environment {made} is copied without its Python.", why,
        f"Use FROM {base.base} for {taker.label} too, or build wheels in {source.label} (pip wheel) and install "
        f"them in {taker.label}.")


def _venvs(line: _Line) -> Iterator[str]:
    """The virtual environments that a RUN makes."""
    body = line.instruction.body
    words = [word for _, word in _VENV.findall(body)]
    if _UV_VENV.search(body):
        words.append(line.variables.get("UV_PROJECT_ENVIRONMENT") or ".venv")
    yield from filter(None, (line.path(word, line.workdir) for word in words))


def _brings_python(own: list[_Line]) -> bool:
    """Whether another COPY may copy the interpreter."""
    return any(source.rstrip("/") in ("", "/usr") or source.startswith(("/usr/local", "/usr/bin", "/usr/lib"))
               or "python" in posixpath.basename(source)
               for line in own if line.instruction.keyword in ("COPY", "ADD") and "from" in line.instruction.flags
               for source in line.instruction.operands[0])


@dataclass(frozen=True)
class _Python:
    """An interpreter: its path ('' for none), its version ('3.12', '' if unknown) and its image."""

    path: str
    version: str
    image: str


def _different(one: _Python, two: _Python) -> str:
    """Why an environment made by one Python does not work with another; '' if it works."""
    if one.path != two.path:
        has = f"has its Python at {two.path}" if two.path else "has none"
        return f"Its bin/python links to {one.path} of {one.image}, and {two.image} {has}."
    if one.version and two.version and one.version != two.version:
        return (f"Python {one.version} of {one.image} keeps its packages in lib/python{one.version}; {two.image} has "
                f"Python {two.version}, which looks in lib/python{two.version}.")
    return ""


def _python_of(chain: Sequence[Stage]) -> _Python | None:
    """The Python of a stage, whose `chain` begins on a base image; None if that is unknown."""
    image = chain[0].base
    runs = [each.body for stage in chain for each in stage.instructions if each.keyword == "RUN"]
    if found := _PYTHON.match(image):
        return _Python("/usr/local/bin/python3", found["version"] or "", image)
    if found := _UV.match(image):
        return _Python("/usr/local/bin/python3", found["version"], image)
    if found := _DISTROLESS.match(image):
        if found["name"] == "python3":
            return _Python("/usr/bin/python3", _OF.get(found["number"], ""), image)
        return _Python("", "", image) if found["name"] in ("static", "base", "cc") else None
    found = _PLAIN.match(image)
    if found and any(map(_INSTALLS.search, runs)):
        return _Python("/usr/bin/python3", _OF.get((found["tag"] or "").removesuffix("-slim"), ""), image)
    if (found or image == SCRATCH) and not any(map(_MAY_INSTALL.search, runs)):
        return _Python("", "", image)
    return None
