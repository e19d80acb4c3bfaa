"""What the layers hold: caches, sources, packages for development, and files that a later layer hides.

No file counts in two findings, except those of a whole base image.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..dockerfile import Instruction
from ..image import Unseen
from ..units import counted, size, some
from .context import ReportContext
from .files import NODE_PACKAGE, cache, unused_kind
from .model import NAMES, WORTH, Finding, weight

# Records that a package manager rewrites at each run.
_RECORDS = ("/var/lib/dpkg/", "/var/cache/debconf/", "/var/cache/ldconfig/", "/var/log/", "/etc/ld.so.cache",
            "/lib/apk/db/", "/usr/lib/apk/db/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/var/lib/apt/")
_OWNERS, _MODES = re.compile(r"\bch(?:own|grp)\b"), re.compile(r"\bchmod\b")
_UPGRADES = re.compile(r"\b(?:apt-get|apt|apk|dnf|yum|microdnf|zypper)\b[^&|;]* (?:upgrade|dist-upgrade|full-upgrade|"
                       r"update)\b")
_ATTRIBUTES = "changes the owner or mode of"


def caches(context: ReportContext) -> Iterator[Finding]:
    """Caches of package managers and compilers in the image's own layers.

    Evidence: files in the tools' cache folders (see `files`), and their bytes. Source: docs.docker.com, "Building best
    practices", "apt-get"; "Optimize cache usage in builds", "Use cache mounts".
    """
    for line, made, found in _by_line(context, lambda path, made: cache(path)):
        if (total := sum(found.values())) >= WORTH:
            yield Finding(
                "cache-left", weight(total, context.unpacked), line, f"Left in this layer: {_sizes(found)}.",
                "A running container neither installs nor builds anything.", _without_cache(made, found), saves=total)


def _by_line(context: ReportContext, kind: Callable[[str, Instruction | None], str]) -> Iterator[
        tuple[int, Instruction | None, Counter[str]]]:
    """(line, its instruction, {kind: bytes}) of the visible files in the own layers; '' is no kind."""
    for line, layers in context.own_lines():
        made = context.lines.instruction(layers[0])
        found: Counter[str] = Counter()
        for index in layers:
            for path, count in context.visible(index).items():
                if name := kind(path, made):
                    found[name] += count
        yield line, made, found


def _sizes(found: Counter[str]) -> str:
    return ", ".join(f"{kind} ({size(count)})" for kind, count in found.most_common())


def _without_cache(made: Instruction | None, found: Mapping[str, int]) -> str:
    if made is not None and made.keyword != "RUN":
        return "Copy only what runs."
    if any(whose.startswith("apt") for whose in found):
        return "End the same RUN with && rm -rf /var/lib/apt/lists/*. In a RUN of its own it saves nothing."
    return ("Mount a cache for the command: RUN --mount=type=cache,target=... keeps the folder for the next build and "
            "out of the layer. Or delete it at the end of the same RUN.")


def copied_folders(context: ReportContext) -> Iterator[Finding]:
    """Sources, tests and version histories in a folder that was copied.

    Evidence: the names of the files in the layer of a COPY or ADD (see `files`). Not counted are files that the
    instruction names itself, files of installed packages, and caches. Source: docs.docker.com, "Multi-stage builds".
    """
    installed = _installed(context)

    def kind(path: str, made: Instruction | None) -> str:
        if made is None or made.keyword not in ("COPY", "ADD") or path in context.build_files or cache(path) \
                or path.startswith(installed) or posixpath.basename(path) in map(posixpath.basename, made.operands[0]):
            return ""
        found = unused_kind(path)
        # What .dockerignore should leave out is another finding.
        return "" if found == "version control" and made.copies_context else found

    for line, made, found in _by_line(context, kind):
        if made and found:
            total = sum(found.values())
            yield Finding(
                "copied-folder", weight(total, context.unpacked), line,
                f"{made.keyword} {' '.join(made.operands[0])} also copied: {_sizes(found)}.",
                "The program does not read them, and everyone who has the image can.",
                "Copy the artifact by its own name instead of the whole folder.", saves=total)


def _installed(context: ReportContext) -> tuple[str, ...]:
    """The folders into which pip installed packages: those with a .dist-info."""
    folders = {each.path.partition(".dist-info/")[0].rpartition("/")[0] for each in context.inventory.packages
               if each.package.type == "python" and ".dist-info/" in each.path}
    return tuple(f"{folder}/" for folder in folders if folder)


def dev_dependencies(context: ReportContext) -> Iterator[Finding]:
    """Node packages in the image that the project needs for development only.

    Evidence: "dev" in the context's package-lock.json, else devDependencies in package.json, and the packages in the
    image's layers. Source: docs.npmjs.com, package-lock.json, "dev"; npm ci, "omit".
    """
    keys, names = context.project.development()

    def package(path: str, made: Instruction | None) -> str:
        match = NODE_PACKAGE.search(path)
        return match[2] if match and (
            match[1] in keys or match[1].count("node_modules/") == 1 and match[2] in names) else ""

    for line, made, found in _by_line(context, package) if keys or names else ():
        total = sum(found.values())
        # What was copied from the context is a matter of .dockerignore.
        if total and not (made and made.copies_context):
            yield Finding(
                "dev-dependencies", weight(total, context.unpacked), line,
                f"In the image for development only: {some([name for name, _ in found.most_common()], NAMES)}.",
                "They build and test the program, which does not load them.",
                "Install again without them (npm ci --omit=dev), and copy that node_modules.", saves=total)


def hidden(context: ReportContext) -> Iterator[Finding]:
    """Files from one line of the Dockerfile that a later line deletes, replaces or rewrites.

    Evidence: the layers' entries, and their bytes; a file whose owner changes is stored again as a whole. Source: OCI
    image-spec, layer.md, "Whiteouts" and "Change types".
    """
    pairs: dict[tuple[int, int], list[Unseen]] = {}
    for each in context.inventory.tree.unseen:
        if each.by in context.own and (each.deleted or _needlessly(context, each)):
            pairs.setdefault((context.lines.line(each.layer), context.lines.line(each.by)), []).append(each)
    for (brings, hides), files in pairs.items():
        total = sum(each.size for each in files)
        if total < WORTH:
            continue
        weights: Counter[str] = Counter()
        for each in files:
            weights[_happened(context, each)] += each.size
        happened = weights.most_common(1)[0][0]
        yield Finding(
            "hidden-files", weight(total, context.unpacked), brings,
            f"Line {hides} {happened} {_named(files, brings, total)}.",
            "A later layer hides them, but the layer that holds them still ships and can be read.",
            _remedy((brings, hides), happened, context.lines.instruction(files[0].layer),
                    context.lines.instruction(files[0].by)), saves=total, also=(hides,) if hides != brings else ())


def _needlessly(context: ReportContext, each: Unseen) -> bool:
    """Whether a file that is written again could have been written once. Copying package.json before everything else is
    for the cache's sake."""
    made = context.lines.instruction(each.by)
    return not each.path.startswith(_RECORDS) and not (made and made.copies_context)


def _happened(context: ReportContext, each: Unseen) -> str:
    """What the later layer does to the file."""
    if each.deleted:
        return "deletes"
    made = context.lines.instruction(each.by)
    now = context.files(each.by).get(each.path)
    if now is None:
        return "replaces"
    text = made.body if made and made.keyword == "RUN" else ""
    return _ATTRIBUTES if now == each.size and (_OWNERS.search(text) or _MODES.search(text)) else "rewrites"


def _remedy(lines: tuple[int, int], happened: str, brings: Instruction | None, hides: Instruction | None) -> str:
    """What to do, given the lines and instructions that add and hide the files; an instruction of the base is None."""
    line, later = lines
    if hides is None:
        return "An ONBUILD of the base does this: choose another base."
    if brings is None:
        if happened == _ATTRIBUTES:
            return f"In line {later}, name only folders that the image adds: each file that is touched is stored again."
        if _UPGRADES.search(hides.body):
            return "Choose a newer version of the base, which has the upgrades already."
        return "Choose a base that does not have them: nothing can be removed from a base's layers."
    copied = brings.keyword in ("COPY", "ADD")
    if happened == _ATTRIBUTES and copied:
        flags = " and ".join(flag for pattern, flag in ((_OWNERS, "--chown"), (_MODES, "--chmod"))
                             if pattern.search(hides.body))
        return f"Set them while copying: {brings.keyword} {flags} in line {line}."
    if happened == _ATTRIBUTES:
        return f"Set them at the end of the RUN in line {line} itself: a later RUN stores each file a second time."
    if happened == "deletes":
        return (f"Do not copy them into the image: let line {later} mount them (RUN --mount=type=bind,source=...), or "
                "copy them into a stage that is not shipped." if copied else
                f"Delete them at the end of the RUN in line {line} itself, or create them in a stage that is not "
                "shipped.")
    if copied:
        return (f"Make the change in a stage that is not shipped, and copy the result once, in place of lines {line} "
                f"and {later}.")
    if hides.keyword == "RUN":
        return (f"Do both in one RUN, in line {line}, so that only the last version is stored; or in a stage that is "
                "not shipped.")
    return f"Do not let the RUN in line {line} make what line {later} copies over it."


def _named(files: Sequence[Unseen], line: int, total: int) -> str:
    """The files that a line adds: one by its path, several by the folder with most of their bytes."""
    if len(files) == 1:
        return f"{files[0].path}, which line {line} adds ({size(total)})"
    weights: Counter[str] = Counter()
    for each in files:
        weights["/".join(each.path.split("/")[:4]) if each.path.count("/") > 3
                else posixpath.dirname(each.path)] += each.size
    most = weights.most_common(1)[0][0] or "/"
    return f"{counted(len(files), 'file')} that line {line} adds ({size(total)}, most of it in {most})"
