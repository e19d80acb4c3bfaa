"""What the layers of the Dockerfile's own instructions brought: caches, sources, development packages.

Each rule is a generator of findings and says nothing where it sees nothing. No file's bytes are
counted in two findings, but for those of a whole base image.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping

from ..dockerfile import Instruction
from ..units import size
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
        more = f" and {len(found) - NAMES} more" if len(found) > NAMES else ""
        yield Finding(
            "dev-dependencies", weight(total, context.unpacked), line,
            f"In the image for development only: {', '.join(name for name, _ in found.most_common(NAMES))}{more}.",
            "They are there to build and test the program, which does not load them.",
            "Install a second time without them (npm ci --omit=dev), and copy that node_modules.", saves=total)
