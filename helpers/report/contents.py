"""What the image shows: tools, caches, hidden files, folders that brought too much.

Each rule is a generator of findings; it says nothing where it sees nothing. The bytes
of two findings are never the same file's, but for those of a whole base image.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..dockerfile import Instruction
from ..image import Unseen
from ..inventory import BUILDING, Tool
from ..inventory.kinds import COMPILER, PACKAGES
from ..units import counted, size
from .context import Case
from .files import NODE_PACKAGE, ballast, cache
from .provenance import operands, takes_context
from .model import Finding, weight

_WORTH = 10_000     # bytes below which nobody mends a Dockerfile
_NAMES = 6          # of tools or folders in a sentence
# A package manager rewrites its own books each time: no mistake of the Dockerfile's.
_BOOKS = ("/var/lib/dpkg/", "/var/cache/debconf/", "/var/cache/ldconfig/", "/var/log/", "/etc/ld.so.cache",
          "/lib/apk/db/", "/usr/lib/apk/db/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/var/lib/apt/")


def build_tools(case: Case) -> Iterator[Finding]:
    """Compilers and their like in the image, by the line that brought them."""
    by_line: dict[int, list[Tool]] = {}
    for tool in case.inventory.kind(*BUILDING):
        if "/node_modules/" not in tool.path:
            by_line.setdefault(case.lines.line(tool.layer), []).append(tool)
    compilers = [tool for tools in by_line.values() for tool in tools
                 if tool.kind == COMPILER and _telling(case, tool)]
    alone = _one_stage(case) and bool(compilers)
    for line, tools in by_line.items():
        if not any(_telling(case, tool) for tool in tools):
            continue
        if line == case.lines.last_from:
            yield _from_the_base(case, line, tools, alone)
        else:
            yield _from_a_line(case, line, tools)
    if alone and not any(_telling(case, tool) for tool in by_line.get(case.lines.last_from, ())):
        yield _one_stage_finding(case, case.lines.last_from, compilers, None)


def _telling(case: Case, tool: Tool) -> bool:
    """Whether it says that somebody could build here. Every Debian has a package manager,
    busybox calls itself by 300 names, and Python's debugger is one of its own modules."""
    program = case.inventory.programs.get(tool.path)
    return tool.kind != PACKAGES and tool.name != "pdb" and not (program and program.applets)


def _one_stage(case: Case) -> bool:
    """Whether the image is made in one stage that takes nothing from another."""
    return len(case.lines.stages) == 1 and not any(
        edge.target == case.lines.stages[0].label and edge.via in ("COPY", "RUN") for edge in case.dockerfile.edges)


def _from_the_base(case: Case, line: int, tools: Sequence[Tool], alone: bool) -> Finding:
    base = sum(layer.unpacked for layer in case.inventory.image.layers[:case.base_layers])
    if case.advice and case.advice.unpacked is not None and base > case.advice.unpacked:
        saves = base - case.advice.unpacked
    else:
        saves = _material(case, case.lines.layers(line))
    if alone:
        return _one_stage_finding(case, line, tools, saves)
    return Finding(
        "build-tools", weight(saves, case.unpacked, least="medium"), line,
        f"The last stage stands on {case.inventory.image.base or 'an image'} and so has {_named(tools)}.",
        "Nothing that runs needs them; an intruder does.", _advised(case, "Let the last stage be"),
        saves=saves or None)


def _one_stage_finding(case: Case, line: int, tools: Sequence[Tool], saves: int | None) -> Finding:
    return Finding(
        "single-stage", weight(saves or 0, case.unpacked, least="medium"), line,
        f"There is one stage, and the image has {_named(tools)}.",
        "What builds the program is shipped with it, and nothing that runs needs it.",
        _advised(case, "Call this stage builder (AS builder) and add a second one:"), saves=saves or None)


def _advised(case: Case, begin: str) -> str:
    if case.advice is None:
        kind = f" for {case.main.kind}" if case.main and case.main.kind else ""
        return f"{begin} FROM a base without build tools{kind}, with COPY --from=builder of what runs."
    return f"{begin} FROM {case.advice.ref}, with COPY --from=builder of what runs. Enough, since {case.advice.because}."


def _from_a_line(case: Case, line: int, tools: Sequence[Tool]) -> Finding:
    saves = _material(case, case.lines.layers(line))
    made = case.lines.instruction(tools[0].layer)
    copied = made is not None and made.keyword != "RUN"
    return Finding(
        "build-tools", weight(saves, case.unpacked, least="medium"), line,
        f"This {made.keyword if made else 'line'} brings {_named(tools)}.",
        "Nothing that runs needs them; an intruder does.",
        "Copy the artifact, and not the tools that made it." if copied else
        "Install them in a builder stage, build there, and copy the result with COPY --from.",
        saves=saves or None)


def _material(case: Case, layers: Iterable[int]) -> int:
    """Bytes of a layer's files that only building reads; caches are another finding."""
    return sum(count for index in layers for path, count in case.seen(index).items()
               if path in case.material and not cache(path))


def _named(tools: Sequence[Tool]) -> str:
    names = list(dict.fromkeys(tool.name for tool in tools if tool.kind != PACKAGES)) or \
        list(dict.fromkeys(tool.name for tool in tools))
    rest = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {rest} more build tools" if rest > 0 else "")


# -- caches --------------------------------------------------------------------------------

def caches(case: Case) -> Iterator[Finding]:
    """What package managers and compilers keep for next time, in a layer of our own."""
    for line, layers in _own_lines(case):
        found: Counter[str] = Counter()
        for index in layers:
            for path, count in case.seen(index).items():
                if whose := cache(path):
                    found[whose] += count
        total = sum(found.values())
        if total < _WORTH:
            continue
        made = case.lines.instruction(layers[0])
        yield Finding(
            "cache-left", weight(total, case.unpacked), line,
            "Left in this layer: " + ", ".join(f"{whose} ({size(count)})" for whose, count in found.most_common()) + ".",
            "Nobody installs or builds in a running container.", _without_cache(made, found), saves=total)


def _without_cache(made: Instruction | None, found: Mapping[str, int]) -> str:
    if made is not None and made.keyword != "RUN":
        return "Copy only what runs."
    if any(whose.startswith("apt") for whose in found):
        return "End the same RUN with && rm -rf /var/lib/apt/lists/*. In a RUN of its own it saves nothing."
    return ("Lend the folder to the command: RUN --mount=type=cache,target=... keeps it for the next build and out of "
            "the layer. Or delete it at the end of the same RUN.")


def _own_lines(case: Case) -> Iterator[tuple[int, list[int]]]:
    """(line, its layers) for what the Dockerfile's own instructions brought."""
    by_line: dict[int, list[int]] = {}
    for index in case.own:
        by_line.setdefault(case.lines.line(index), []).append(index)
    yield from sorted(by_line.items())


# -- what no container sees ----------------------------------------------------------------

def hidden(case: Case) -> Iterator[Finding]:
    """Files that a line of the Dockerfile hides and that are shipped all the same."""
    pairs: dict[tuple[int, int], list[Unseen]] = {}
    for each in case.inventory.tree.unseen:
        if each.by in case.own and (each.deleted or _needlessly(case, each)):
            key = case.lines.line(each.layer), case.lines.line(each.by)
            pairs.setdefault(key, []).append(each)
    for (brings, hides), files in pairs.items():
        total = sum(each.size for each in files)
        if total < _WORTH:
            continue
        deleted = sum(each.size for each in files if each.deleted) * 2 >= total
        yield Finding(
            "hidden-files", weight(total, case.unpacked), brings,
            f"Line {hides} {'deletes' if deleted else 'writes anew'} {counted(len(files), 'file')} that line {brings} "
            f"brings ({size(total)}, most of it {_where(files)}).",
            "A later layer hides them; the layer that has them is shipped, and can be read.",
            _never_bring(case, brings, hides, deleted), saves=total,
            also=(hides,) if hides != brings else ())


def _needlessly(case: Case, each: Unseen) -> bool:
    """Whether a file was written anew for no good reason. A package manager does so with
    its books; and package.json is copied before everything else is, for the cache's sake."""
    made = case.lines.instruction(each.by)
    return not each.path.startswith(_BOOKS) and not (made and takes_context(made))


def _never_bring(case: Case, brings: int, hides: int, deleted: bool) -> str:
    if brings == case.lines.last_from and brings != hides:
        return "Stand on a base that does not have them: nothing can be taken out of one."
    if deleted:
        return (f"Delete them in line {brings} itself, at the end of the instruction, or make them in a stage that is "
                "not shipped.")
    return f"Give owner and mode where they come in: COPY --chown, --chmod in line {brings}."


def _where(files: Sequence[Unseen]) -> str:
    """The folder that has most of them."""
    weights: Counter[str] = Counter()
    for each in files:
        weights["/".join(each.path.split("/")[:4]) if each.path.count("/") > 3 else posixpath.dirname(each.path)] += each.size
    return weights.most_common(1)[0][0] or "/"


# -- what a COPY brought along -------------------------------------------------------------

def copied_folders(case: Case) -> Iterator[Finding]:
    """Sources, tests and histories that came with a folder that was copied."""
    installed = _installed(case)
    for line, layers in _own_lines(case):
        made = case.lines.instruction(layers[0])
        if made is None or made.keyword not in ("COPY", "ADD"):
            continue
        sources, _ = operands(made)
        meant = {posixpath.basename(source) for source in sources}
        found: Counter[str] = Counter()
        for index in layers:
            for path, count in case.seen(index).items():
                theirs = path in case.material or cache(path) or path.startswith(installed)
                kind = "" if theirs or posixpath.basename(path) in meant else ballast(path)
                # What .dockerignore should have kept is a finding of its own.
                if kind and not (takes_context(made) and kind == "version control"):
                    found[kind] += count
        if found:
            total = sum(found.values())
            yield Finding(
                "copied-folder", weight(total, case.unpacked), line,
                f"{made.keyword} {' '.join(sources)} brought along: " + ", ".join(
                    f"{kind} ({size(count)})" for kind, count in found.most_common()) + ".",
                "The program does not read them, and whoever has the image can.",
                "Copy the artifact by its own name, not the folder that it was made in.", saves=total)


def _installed(case: Case) -> tuple[str, ...]:
    """Folders into which pip installed, wherever they are: what lies beside its notes is
    the affair of those packages."""
    folders = {each.path.partition(".dist-info/")[0].rpartition("/")[0] for each in case.inventory.packages
               if each.package.type == "python" and ".dist-info/" in each.path}
    return tuple(f"{folder}/" for folder in folders if folder)   # all of `/` is nobody's


def dev_dependencies(case: Case) -> Iterator[Finding]:
    """Node packages in the image that the project lists for development only."""
    keys, names = case.project.development()
    if not keys and not names:
        return
    for line, layers in _own_lines(case):
        made, found = case.lines.instruction(layers[0]), Counter()
        for index in layers:
            for path, count in case.seen(index).items():
                match = NODE_PACKAGE.search(path)
                if match and (match[1] in keys or match[1].count("node_modules/") == 1 and match[2] in names):
                    found[match[2]] += count
        total = sum(found.values())
        # What came with the context is a matter of .dockerignore.
        if not total or made is not None and takes_context(made):
            continue
        more = f" and {len(found) - _NAMES} more" if len(found) > _NAMES else ""
        yield Finding(
            "dev-dependencies", weight(total, case.unpacked), line,
            f"In the image for development only: {', '.join(name for name, _ in found.most_common(_NAMES))}{more}.",
            "They build and test the program; it does not load them.",
            "Install a second time without them, npm ci --omit=dev, and copy that node_modules.", saves=total)


# -- whether it starts ---------------------------------------------------------------------

def will_not_start(case: Case) -> Iterator[Finding]:
    """The program lacks a library, an interpreter, or itself."""
    main = case.main
    if main is None or not main.missing:
        return
    lacks = ", ".join(main.missing)
    if not main.path:
        said = [each for stage in case.lines.stages for each in stage.instructions
                if each.keyword in ("CMD", "ENTRYPOINT")]
        yield Finding(
            "will-not-start", "high", said[-1].line if said else case.lines.last_from,
            f"The image starts {lacks}, which is not in it.", "A container of it ends before it has begun.",
            'A command as one line needs a shell: write CMD ["program", "argument"].'
            if posixpath.basename(main.name) == "sh" else "Copy it in, or name it by the path that it has there.")
        return
    line = case.lines.line(main.layer) if main.layer is not None else case.lines.last_from
    yield Finding(
        "will-not-start", "high", line, f"{main.path} needs {lacks}, and the image does not have it.",
        "The loader gives up before the program's first line.",
        f"Stand on a base that has it: {case.advice.ref}, for one ({case.advice.because})." if case.advice and main.elf
        else "Install it, or build the program so that it does not need it (static).")


RULES = (will_not_start, build_tools, caches, hidden, copied_folders, dev_dependencies)
