"""What the layers hold: caches, sources, packages for development, and files that a later layer hides.

No file's bytes are counted in two findings, but for those of a whole base image.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..dockerfile import Instruction
from ..image import Unseen
from ..units import counted, size, some
from .context import ReportContext
from .files import NODE_PACKAGE, cache, unused_kind
from .model import NAMES, WORTH, Finding, weight


def caches(context: ReportContext) -> Iterator[Finding]:
    """What package managers and compilers keep for next time, in a layer of the Dockerfile's own.

    Evidence: files in the tools' cache folders (see `files`), with their bytes. Source: docs.docker.com, "Building
    best practices", "apt-get"; "Optimize cache usage in builds", "Use cache mounts".
    """
    for line, layers in context.own_lines():
        found: Counter[str] = Counter()
        for index in layers:
            for path, count in context.visible(index).items():
                if whose := cache(path):
                    found[whose] += count
        total = sum(found.values())
        if total < WORTH:
            continue
        made = context.lines.instruction(layers[0])
        yield Finding(
            "cache-left", weight(total, context.unpacked), line,
            "Left in this layer: " + ", ".join(f"{whose} ({size(count)})" for whose,
                                               count in found.most_common()) + ".",
            "Nobody installs or builds in a running container.", _without_cache(made, found), saves=total)


def _without_cache(made: Instruction | None, found: Mapping[str, int]) -> str:
    if made is not None and made.keyword != "RUN":
        return "Copy only what runs."
    if any(whose.startswith("apt") for whose in found):
        return "End the same RUN with && rm -rf /var/lib/apt/lists/*. In a RUN of its own it saves nothing."
    return ("Mount a cache for the command: RUN --mount=type=cache,target=... keeps the folder for the next build and "
            "out of the layer. Or delete it at the end of the same RUN.")


def copied_folders(context: ReportContext) -> Iterator[Finding]:
    """Sources, tests and histories that came with a folder that was copied.

    Evidence: the files of a COPY's or ADD's layer, by name (see `files`); what the instruction names itself, what
    an installer brought and what is a cache are none. Source: docs.docker.com, "Multi-stage builds".
    """
    installed = _installed(context)
    for line, layers in context.own_lines():
        made = context.lines.instruction(layers[0])
        if made is None or made.keyword not in ("COPY", "ADD"):
            continue
        sources, _ = made.operands
        meant = {posixpath.basename(source) for source in sources}
        found: Counter[str] = Counter()
        for index in layers:
            for path, count in context.visible(index).items():
                theirs = path in context.build_files or cache(path) or path.startswith(installed)
                kind = "" if theirs or posixpath.basename(path) in meant else unused_kind(path)
                # What .dockerignore should have kept is a finding of its own.
                if kind and not (made.copies_context and kind == "version control"):
                    found[kind] += count
        if found:
            total = sum(found.values())
            yield Finding(
                "copied-folder", weight(total, context.unpacked), line,
                f"{made.keyword} {' '.join(sources)} brought along: " + ", ".join(
                    f"{kind} ({size(count)})" for kind, count in found.most_common()) + ".",
                "The program does not read them, and everyone who has the image can.",
                "Copy the artifact by its own name, not the folder that it was made in.", saves=total)


def _installed(context: ReportContext) -> tuple[str, ...]:
    """Folders into which pip installed, wherever they are: what lies beside its notes is
    the affair of those packages."""
    folders = {each.path.partition(".dist-info/")[0].rpartition("/")[0] for each in context.inventory.packages
               if each.package.type == "python" and ".dist-info/" in each.path}
    return tuple(f"{folder}/" for folder in folders if folder)   # all of `/` is nobody's


def dev_dependencies(context: ReportContext) -> Iterator[Finding]:
    """Node packages in the image that the project lists for development only.

    Evidence: "dev" in the context's package-lock.json, else devDependencies in package.json, against the packages in
    the image's layers. Source: docs.npmjs.com, package-lock.json, "dev"; npm ci, "omit".
    """
    keys, names = context.project.development()
    if not keys and not names:
        return
    for line, layers in context.own_lines():
        made = context.lines.instruction(layers[0])
        found: Counter[str] = Counter()
        for index in layers:
            for path, count in context.visible(index).items():
                match = NODE_PACKAGE.search(path)
                if match and (match[1] in keys or match[1].count("node_modules/") == 1 and match[2] in names):
                    found[match[2]] += count
        total = sum(found.values())
        # What came with the context is a matter of .dockerignore.
        if not total or made is not None and made.copies_context:
            continue
        yield Finding(
            "dev-dependencies", weight(total, context.unpacked), line,
            f"In the image for development only: {some([name for name, _ in found.most_common()], NAMES)}.",
            "They are there to build and test the program, which does not load them.",
            "Install a second time without them (npm ci --omit=dev), and copy that node_modules.", saves=total)


# A package manager rewrites its own records each time: no mistake of the Dockerfile's.
_RECORDS = ("/var/lib/dpkg/", "/var/cache/debconf/", "/var/cache/ldconfig/", "/var/log/", "/etc/ld.so.cache",
            "/lib/apk/db/", "/usr/lib/apk/db/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/var/lib/apt/")
_OWNERS, _MODES = re.compile(r"\bch(?:own|grp)\b"), re.compile(r"\bchmod\b")
_UPGRADES = re.compile(r"\b(?:apt-get|apt|apk|dnf|yum|microdnf|zypper)\b[^&|;]* (?:upgrade|dist-upgrade|full-upgrade|"
                       r"update)\b")
_ATTRIBUTES = "changes the owner or mode of"


def hidden(context: ReportContext) -> Iterator[Finding]:
    """Files of a line of the Dockerfile that a later one deletes, replaces or writes again.

    Evidence: the layers' own entries, their bytes counted. A file whose owner changes is stored a
    second time as a whole. Source: OCI image-spec, layer.md, "Whiteouts" and "Change types".
    """
    pairs: dict[tuple[int, int], list[tuple[str, Unseen]]] = {}
    for each in context.inventory.tree.unseen:
        if each.by in context.own and (each.deleted or _needlessly(context, each)):
            key = context.lines.line(each.layer), context.lines.line(each.by)
            pairs.setdefault(key, []).append((_happened(context, each), each))
    for (brings, hides), files in pairs.items():
        total = sum(each.size for _, each in files)
        if total < WORTH:
            continue
        weights: Counter[str] = Counter()
        for happened, each in files:
            weights[happened] += each.size
        happened = weights.most_common(1)[0][0]
        first = files[0][1]
        yield Finding(
            "hidden-files", weight(total, context.unpacked), brings,
            f"Line {hides} {happened} {_named([each for _, each in files], brings, total)}.",
            "A later layer hides them, but the layer that holds them is still shipped and can be read.",
            _remedy((brings, hides), happened, context.lines.instruction(first.layer),
                    context.lines.instruction(first.by)), saves=total, also=(hides,) if hides != brings else ())


def _needlessly(context: ReportContext, each: Unseen) -> bool:
    """Whether a file was written again for no good reason. A package manager does so with
    its records; and package.json is copied before everything else is, for the cache's sake."""
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
    """What to do about it, in the words of the two instructions; None: one of the base's."""
    line, later = lines
    if hides is None:
        return "The base's ONBUILD does this: choose another base."
    text = hides.body
    if brings is None:
        if happened == _ATTRIBUTES:
            return (f"In line {later}, name only the folders that the image adds: each file that is touched is stored "
                    "again.")
        if _UPGRADES.search(text):
            return "Choose a newer version of the base, which has the upgrades already."
        return "Choose a base that does not have them: nothing can be taken out of a base's layers."
    copied = brings.keyword in ("COPY", "ADD")
    if happened == _ATTRIBUTES:
        flags = " and ".join(flag for pattern, flag in ((_OWNERS, "--chown"), (_MODES, "--chmod"))
                             if pattern.search(text))
        return f"Set them on the way in: {brings.keyword} {flags} in line {line}." if copied else \
            f"Set them at the end of the RUN in line {line} itself: in a later RUN, each file is stored a second time."
    if copied and happened == "deletes":
        return (f"Do not copy them into the image: let line {later} mount them (RUN --mount=type=bind,source=...), or "
                "copy them into a stage that is not shipped.")
    if copied:
        return (f"Make the change in a stage that is not shipped, and copy the result once, in place of lines {line} "
                f"and {later}.")
    if happened == "deletes":
        return (f"Delete them at the end of the RUN in line {line} itself, or create them in a stage that is not "
                "shipped.")
    if hides.keyword == "RUN":
        return (f"Do both in one RUN, in line {line}, so that only the last version is stored; or in a stage that is "
                "not shipped.")
    return f"Keep the RUN in line {line} from making what line {later} copies over."


def _named(files: Sequence[Unseen], line: int, total: int) -> str:
    """The files that a line adds: one by its path, several by the folder that has most of them."""
    if len(files) == 1:
        return f"{files[0].path}, which line {line} adds ({size(total)})"
    return f"{counted(len(files), 'file')} that line {line} adds ({size(total)}, most of it in {_where(files)})"


def _where(files: Sequence[Unseen]) -> str:
    """The folder that has most of them."""
    weights: Counter[str] = Counter()
    for each in files:
        weights["/".join(each.path.split("/")[:4]) if each.path.count("/") > 3
                else posixpath.dirname(each.path)] += each.size
    return weights.most_common(1)[0][0] or "/"
