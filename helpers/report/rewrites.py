"""Changes to a Dockerfile's text that fix findings. Whether they hold, `fixing` finds out by building and starting.

Each takes the project as it is and gives the edits of one rule, or None where there is nothing to change.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..dockerfile import LAYERED, Instruction
from ..dockerfile.source import Source
from .context import ReportContext
from .files import cache_folder
from .layers import caches
from .text import cache_order, fetches, root_user

Edit = tuple[int, int, str]   # where in the text, and what stands there instead
_USER = "65532"               # as in the distroless images: a number that no system gives to a user
_OPEN = re.compile(r"[&|;#]\s*\Z")          # a line to which no command can be added
_PIP = re.compile(r"\bpip3? install\b(?! --no-cache-dir)")
_NPM = re.compile(r"\bnpm (?:install|i)(?=\s*(?:--\S+\s*)*(?:&&|;|\Z))")

# What a tool reads to fetch dependencies, the first files those without which it is not asked.
_MANIFESTS = {"npm": ("package.json", "package-lock.json", ".npmrc"), "yarn": ("package.json", "yarn.lock", ".yarnrc"),
              "pnpm": ("package.json", "pnpm-lock.yaml"), "go": ("go.mod", "go.sum"),
              "bundle": ("Gemfile", "Gemfile.lock"), "composer": ("composer.json", "composer.lock")}
_SYSTEM = ("apt-get", "apk", "dnf")


@dataclass(frozen=True)
class Rewrite:
    """Edits that fix one finding."""

    rule: str    # the finding's
    line: int    # of the instruction that is changed
    reason: str    # why, as the comment above it says
    edits: tuple[Edit, ...] = field(repr=False)    # to the text

    def text(self, text: str) -> str:
        """The changed text, with the reason above the line."""
        at = Source(text).starts[self.line - 1]
        for start, end, new in sorted((*self.edits, (at, at, f"# {self.reason}\n")), reverse=True):
            text = text[:start] + new + text[end:]
        return text


def stage_names(context: ReportContext) -> Iterator[Rewrite]:
    """A name for each stage that is called by its number."""
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
                      "A name stays right when a stage is added above, and a number does not.", tuple(edits))


def without_caches(context: ReportContext) -> Iterator[Rewrite]:
    """Caches out of their layers: deleted in the same RUN, not written, or mounted."""
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
            reason.append("apt's lists, deleted in the RUN that fetched them, are in no layer.")
        if any("/pip/" in each for each in folders) and _PIP.search(made.value):
            edits += [(end, end, " --no-cache-dir") for match in _PIP.finditer(made.value)
                      for _, end in made.source_spans(match.start(), match.end())[-1:]]
            reason.append("pip keeps what it downloaded unless it is asked not to.")
        mounted = [each.rstrip("/") for each in sorted(folders)
                   if not each.startswith("/var/") and not ("/pip/" in each and _PIP.search(made.value))]
        if mounted and context.builder != "legacy":
            at = made.source_spans(0, 1)[0][0]
            edits.append((at, at, "".join(f"--mount=type=cache,target={each} " for each in mounted)))
            reason.append(f"A mounted cache is kept for the next build and is in no layer ({', '.join(mounted)}).")
        if edits:
            yield Rewrite("cache-left", made.line, " ".join(reason), tuple(edits))


def copy_order(context: ReportContext) -> Iterator[Rewrite]:
    """What names the dependencies is copied first, and then they are fetched, before the rest is copied."""
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
        at = Source(context.dockerfile.text).starts[copied.line - 1]
        if tool == "go" and "go mod download" not in run.value:
            edits: tuple[Edit, ...] = ((at, at, f"{first}RUN go mod download\n"),)
        else:
            start, end = whole(context, run)
            edits = ((at, at, first + text_of(context, run)), (start, end, ""))
        yield Rewrite("cache-order", copied.line, "A change to the source no longer fetches the dependencies again.",
                      tuple(edits))


def _manifests(context: ReportContext, tool: str, run: Instruction) -> list[str]:
    """Files in the context that a command reads to fetch dependencies, [] if they are not known."""
    if tool == "pip":
        named = re.findall(r"\s-r\s*(\S+)|--requirement[ =](\S+)", run.value)
        files = [one or other for one, other in named]
        return files if files and all(each in context.project.files for each in files) else []
    known = [each for each in _MANIFESTS.get(tool, ()) if each in context.project.files]
    return known if known[:1] == list(_MANIFESTS.get(tool, ()))[:1] else []


def npm_ci(context: ReportContext) -> Iterator[Rewrite]:
    """npm ci in place of npm install, where there is a lock file."""
    if "package-lock.json" not in context.project.files:
        return
    for stage in context.needed:
        for each in stage.instructions:
            found = list(_NPM.finditer(each.value)) if each.keyword == "RUN" else []
            edits = tuple((*each.source_spans(match.start(), match.end())[0], "npm ci") for match in found)
            if edits and all(len(each.source_spans(match.start(), match.end())) == 1 for match in found):
                yield Rewrite("npm-install", each.line,
                              "npm ci installs what package-lock.json says, and nothing else.", edits)


def numeric_user(context: ReportContext) -> Iterator[Rewrite]:
    """A user that is not root, by its number, as a system without /etc/passwd has it too."""
    for _ in root_user(context):
        last = context.lines.stages[-1].instructions
        users = [each for each in last if each.keyword == "USER"]
        reason = ("Whoever breaks into the program is not root, and a number needs no entry in /etc/passwd. "
                  "Check that it can write where it has to later: it was only started.")
        if users:
            yield Rewrite("root-user", users[-1].line, reason, ((*whole(context, users[-1]), f"USER {_USER}\n"),))
            continue
        before = next((each for each in last if each.keyword in ("CMD", "ENTRYPOINT")), None)
        if before:
            at = Source(context.dockerfile.text).starts[before.line - 1]
            runs = any(each.keyword in LAYERED and each.line > before.line for each in last)
            if not runs:
                yield Rewrite("root-user", before.line, reason, ((at, at, f"USER {_USER}\n"),))


def text_of(context: ReportContext, each: Instruction) -> str:
    """An instruction as the file has it, with its line end."""
    start, end = whole(context, each)
    return context.dockerfile.text[start:end].rstrip("\n") + "\n"


def whole(context: ReportContext, each: Instruction) -> tuple[int, int]:
    """Where an instruction's lines begin and end, the last line's end included."""
    source = Source(context.dockerfile.text)
    end = source.starts[each.end_line] if each.end_line < len(source.starts) else len(context.dockerfile.text)
    return source.starts[each.line - 1], end


def end_of(context: ReportContext, each: Instruction) -> int:
    """Where the last word of an instruction ends, before a blank or the end of its line."""
    value = each.value.rstrip()
    return each.source_spans(len(value) - 1, len(value))[-1][1]


