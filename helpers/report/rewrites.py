"""Changes to the text of a Dockerfile that fix findings. `fixing` finds out whether the program still works."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..dockerfile import LAYERED, Instruction
from ..dockerfile.source import Source
from .context import ReportContext
from .files import cache_folder
from .layers import caches
from .text import cache_order, fetches, root_user

Edit = tuple[int, int, str]   # (start, end, replacement) in the text
_USER = "65532"               # as in the distroless images: no system has a user with this number
_OPEN = re.compile(r"[&|;#]\s*\Z")          # the end of a line to which no command can be added
_PIP = re.compile(r"\bpip3? install\b(?! --no-cache-dir)")
_NPM = re.compile(r"\bnpm (?:install|i)(?=\s*(?:--\S+\s*)*(?:&&|;|\Z))")

# What a tool reads to download dependencies. It needs the first of the files.
_MANIFESTS = {"npm": ("package.json", "package-lock.json", ".npmrc"), "yarn": ("package.json", "yarn.lock", ".yarnrc"),
              "pnpm": ("package.json", "pnpm-lock.yaml"), "go": ("go.mod", "go.sum"),
              "bundle": ("Gemfile", "Gemfile.lock"), "composer": ("composer.json", "composer.lock")}
_SYSTEM = ("apt-get", "apk", "dnf")


@dataclass(frozen=True)
class Rewrite:
    """Edits that fix one finding."""

    rule: str    # of the finding
    line: int    # of the instruction that changes
    reason: str    # the comment above it
    edits: tuple[Edit, ...] = field(repr=False)

    def text(self, text: str) -> str:
        """The changed text, with the reason above the line."""
        at = Source(text).starts[self.line - 1]
        for start, end, new in sorted((*self.edits, (at, at, f"# {self.reason}\n")), reverse=True):
            text = text[:start] + new + text[end:]
        return text


def stage_names(context: ReportContext) -> Iterator[Rewrite]:
    """Name each stage that is called by its number."""
    dockerfile = context.dockerfile
    taken = {stage.name for stage in dockerfile.stages}
    numbers = [use for use in dockerfile.uses if use.source is not None and use.via == "COPY"
               and use.instruction.value[use.start:use.end].isdigit()]
    edits: list[Edit] = []
    for index in dict.fromkeys(use.source for use in numbers):
        stage = dockerfile.stages[index or 0]
        name = stage.name or next(each for each in ("builder", *(f"builder-{n}" for n in range(len(dockerfile.stages))))
                                  if each not in taken)
        taken.add(name)
        if not stage.name:
            end = end_of(context, stage.instructions[0])
            edits.append((end, end, f" AS {name}"))
        edits += [(*use.instruction.source_spans(use.start, use.end)[0], name) for use in numbers
                  if use.source == index]
    if numbers:
        yield Rewrite("stage-number", numbers[0].instruction.line,
                      "A name stays right when a stage is added above it; a number does not.", tuple(edits))


def without_caches(context: ReportContext) -> Iterator[Rewrite]:
    """Keep caches out of the layers: delete them in the same RUN, do not write them, or mount them."""
    for found in caches(context):
        made = context.lines.instruction(context.lines.layers(found.line or 0)[0])
        if made is None or made.keyword != "RUN" or made.heredocs or made.arguments.startswith("["):
            continue
        folders = {cache_folder(path) for index in context.lines.layers(made.line)
                   for path in context.visible(index)} - {""}
        edits: list[Edit] = []
        reason = []
        if any(each.startswith("/var/lib/apt/") for each in folders) and not _OPEN.search(made.value):
            end = end_of(context, made)
            edits.append((end, end, " && rm -rf /var/lib/apt/lists/*"))
            reason.append("apt's lists are in no layer if the RUN that downloads them deletes them.")
        if any("/pip/" in each for each in folders) and _PIP.search(made.value):
            edits += [(end, end, " --no-cache-dir") for match in _PIP.finditer(made.value)
                      for _, end in made.source_spans(match.start(), match.end())[-1:]]
            reason.append("pip keeps its downloads without this option.")
        mounted = [each.rstrip("/") for each in sorted(folders)
                   if not each.startswith("/var/") and not ("/pip/" in each and _PIP.search(made.value))]
        if mounted and context.builder != "legacy":
            at = made.source_spans(0, 1)[0][0]
            edits.append((at, at, "".join(f"--mount=type=cache,target={each} " for each in mounted)))
            reason.append(f"A mounted cache is there for the next build, and in no layer ({', '.join(mounted)}).")
        if edits:
            yield Rewrite("cache-left", made.line, " ".join(reason), tuple(edits))


def copy_order(context: ReportContext) -> Iterator[Rewrite]:
    """Copy the files that name the dependencies and download these, before the rest is copied."""
    for found in cache_order(context):
        stage = next(each for each in context.needed for one in each.instructions if one.line == found.line)
        copied = next(each for each in stage.instructions if each.line == found.line)
        run = next(each for each in stage.instructions if each.line == found.also[0])
        tool = fetches(context, run.body)
        between = [each for each in stage.instructions if copied.line < each.line < run.line]
        target = copied.operands[1]
        manifests = _manifests(context, tool, run)
        if (between or copied.flags or copied.operands[0] not in (["."], ["./"]) or run.binds_context
                or not (manifests or tool in _SYSTEM)):
            continue
        first = f"COPY {' '.join(manifests)} {target.rstrip('/') or ''}/\n" if manifests else ""
        at, _ = whole(context, copied)
        if tool == "go" and "go mod download" not in run.value:
            edits: tuple[Edit, ...] = ((at, at, f"{first}RUN go mod download\n"),)
        else:
            start, end = whole(context, run)
            edits = ((at, at, first + text_of(context, run)), (start, end, ""))
        yield Rewrite("cache-order", copied.line, "A change to the source no longer downloads the dependencies again.",
                      tuple(edits))


def _manifests(context: ReportContext, tool: str, run: Instruction) -> list[str]:
    """Files in the context that a command reads to download dependencies, [] if unknown."""
    if tool == "pip":
        named = re.findall(r"\s-r\s*(\S+)|--requirement[ =](\S+)", run.value)
        files = [one or other for one, other in named]
        return files if files and all(each in context.project.files for each in files) else []
    first, *others = _MANIFESTS.get(tool, ("",))
    there = context.project.files
    return [first, *(each for each in others if each in there)] if first in there else []


def npm_ci(context: ReportContext) -> Iterator[Rewrite]:
    """npm ci instead of npm install, if there is a lock file."""
    if "package-lock.json" not in context.project.files:
        return
    for stage in context.needed:
        for each in stage.instructions:
            found = list(_NPM.finditer(each.value)) if each.keyword == "RUN" else []
            edits = tuple((*each.source_spans(match.start(), match.end())[0], "npm ci") for match in found)
            if edits and all(len(each.source_spans(match.start(), match.end())) == 1 for match in found):
                yield Rewrite("npm-install", each.line,
                              "npm ci installs exactly what package-lock.json says.", edits)


def numeric_user(context: ReportContext) -> Iterator[Rewrite]:
    """A user other than root, by number, which needs no /etc/passwd."""
    for _ in root_user(context):
        last = context.lines.stages[-1].instructions
        users = [each for each in last if each.keyword == "USER"]
        reason = ("Whoever breaks into the program is not root, and a number needs no entry in /etc/passwd. "
                  "Check that it can still write its files: it was only started here.")
        if users:
            yield Rewrite("root-user", users[-1].line, reason, ((*whole(context, users[-1]), f"USER {_USER}\n"),))
            continue
        before = next((each for each in last if each.keyword in ("CMD", "ENTRYPOINT")), None)
        if before and not any(each.keyword in LAYERED and each.line > before.line for each in last):
            at, _ = whole(context, before)
            yield Rewrite("root-user", before.line, reason, ((at, at, f"USER {_USER}\n"),))


def text_of(context: ReportContext, each: Instruction) -> str:
    """An instruction as written in the file, with its line end."""
    start, end = whole(context, each)
    return context.dockerfile.text[start:end].rstrip("\n") + "\n"


def whole(context: ReportContext, each: Instruction) -> tuple[int, int]:
    """The start and end of an instruction's lines, with the last line end."""
    source = Source(context.dockerfile.text)
    end = source.starts[each.end_line] if each.end_line < len(source.starts) else len(context.dockerfile.text)
    return source.starts[each.line - 1], end


def end_of(context: ReportContext, each: Instruction) -> int:
    """The end of the last word of an instruction."""
    value = each.value.rstrip()
    return each.source_spans(len(value) - 1, len(value))[-1][1]
