"""Changes that give the last stage a smaller base: another FROM, or a second stage after the only one."""

import json
import posixpath
import re
from collections.abc import Iterator

from ..dockerfile import SCRATCH, Instruction
from .base_advice import JAVA
from .contents import build_tools, large_base, other_health_check
from .context import ReportContext
from .entrypoint import OWN
from .files import INSTALLED, cache, unused_kind
from .rewrites import Edit, Rewrite, end_of, text_of, whole
from .shell_line import last_command

_MOVED = ("LABEL", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD")   # a builder does not need them
_KEPT = ("ENV", "VOLUME")
# Files that a program does not read when it runs.
_NOISE = re.compile(r"(?:/|^)(?:README|LICEN[CS]E|CHANGELOG|Dockerfile|\.git|\.docker|\.editorconfig|go\.sum|"
                    r"package(?:-lock)?\.json|requirements)[^/]*$|\.(?:md|o|a|class|log)$", re.IGNORECASE)
# Packages that are needed to build and not to run. Source: the package names of Debian and Alpine.
_TOOLCHAIN = re.compile(r"(?:gcc|g\+\+|cpp|clang|llvm|musl-dev|make|cmake|ninja|meson|build-essential|build-base|"
                        r"binutils|pkg-config|pkgconf|autoconf|automake|libtool|bison|flex|golang|go|rustc|cargo|"
                        r"git|default-jdk|openjdk-\d+-jdk|maven|gradle|ant|npm|yarn|\S+-dev|linux-headers\S*)"
                        r"(?:[-:=.]\S*)?$")
_INSTALL = re.compile(r"\b(?:apt-get|apt|apk|dnf|microdnf|yum)\b[^&|;]*?\s(?:install|add)\b([^&|;]*)")
# Folders of packages, and of the user who builds.
_SYSTEM = ("/usr/", "/etc/", "/var/", "/lib", "/bin/", "/sbin/", "/root/", "/tmp/", "/go/", "/run/", "/boot/")
_CERTIFICATES, _WITH_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt", "gcr.io/distroless/static-debian12"
_MOST = 12   # paths that get a COPY each


def smaller_base(context: ReportContext) -> Iterator[Rewrite]:
    """Another image in the FROM of the last stage."""
    advice, stage = context.advice, context.lines.stages[-1]
    found = [each for rule in (large_base, build_tools) for each in rule(context)
             if each.rule != "single-stage" and each.line == stage.line]
    use = next(each for each in context.dockerfile.uses if each.via == "FROM" and each.stage == stage.index)
    if not found or advice is None or use.source is not None or _checked_by_another(context):
        return
    started = _without_shell(context)
    if started is None:
        return
    spans = use.instruction.source_spans(use.start, use.end)
    edits = [(start, end, _base(context) if at == len(spans) - 1 else "") for at, (start, end) in enumerate(spans)]
    yield Rewrite(found[0].rule, stage.line, _reason(context), (*edits, *started))


def two_stages(context: ReportContext) -> Iterator[Rewrite]:
    """A second stage on the base that the program needs, after the one that builds it."""
    advice, stage = context.advice, context.lines.stages[-1]
    found = [each for each in (*build_tools(context), *large_base(context))
             if each.rule == "single-stage" or each.rule == "large-base" and len(context.dockerfile.stages) == 1]
    if not found or advice is None or len(context.dockerfile.stages) != 1 or _needs_more(context) \
            or _checked_by_another(context):
        return
    paths = _what_runs(context)
    started = _without_shell(context)
    owners = [_owner(context, path) for path in paths]
    if not paths or started is None or None in owners:
        return
    source = context.dockerfile.text
    moved = [each for each in stage.instructions if each.keyword in _MOVED]
    kept = [each for each in stage.instructions if each.keyword in _KEPT]
    if any("$" in each.value for each in (*moved, *kept) if each.keyword not in ("CMD", "ENTRYPOINT")):
        return   # an ARG of the first stage is not set in the second
    name = stage.name or "builder"
    first = stage.instructions[0]
    edits: list[Edit] = [(*whole(context, each), "") for each in moved]
    if not stage.name:
        edits.append((end_of(context, first), end_of(context, first), f" AS {name}"))
    replaced = {start: new for start, _, new in started}
    lines = [f"FROM {_base(context)}\n", *(text_of(context, each) for each in kept)]
    lines += [f"WORKDIR {context.start.directory}\n"] if context.start.directory != "/" else []
    lines += [f"COPY --from={name} {owner}{path} {path}\n" for path, owner in zip(paths, owners, strict=True)]
    lines += [f"USER {context.start.user}\n"] if context.start.user else []
    lines += [replaced.get(whole(context, each)[0]) or text_of(context, each) for each in moved]
    end = "" if source.endswith("\n") else "\n"
    edits.append((len(source), len(source), f"{end}\n# {_reason(context)}\n{''.join(lines)}"))
    yield Rewrite(found[0].rule, first.line, "This stage builds. Only what COPY --from takes from it ships.",
                  tuple(edits))


def _base(context: ReportContext) -> str:
    """The advised base, with certificates if the image has some: starting the program does not show whether it reads
    them later."""
    ref = context.advice.ref if context.advice else ""
    return _WITH_CERTIFICATES if ref == SCRATCH and context.inventory.tree.resolve(_CERTIFICATES) else ref


def _reason(context: ReportContext) -> str:
    because = context.advice.because if context.advice else ""
    base = context.inventory.image.base or "the base"
    return f"It is enough: {because}. Check that the program runs no other program of {base}."


def _checked_by_another(context: ReportContext) -> bool:
    return context.main is None or other_health_check(context, context.main)


def _owner(context: ReportContext, path: str) -> str | None:
    """The flag that keeps the owner of a path, since COPY sets root; None for several owners."""
    nodes = [node for each, node in context.inventory.tree.items() if each == path or each.startswith(f"{path}/")]
    owners = {(node.entries.uids[node.row], node.entries.gids[node.row]) for node in nodes}
    if len(owners) > 1:
        return None
    return "".join(f"--chown={user}:{group} " for user, group in owners - {(0, 0)})


def _without_shell(context: ReportContext) -> list[Edit] | None:
    """CMD and ENTRYPOINT as lists of words, for a base without a shell, and without the ENTRYPOINT of a base with Java;
    None if that is not possible."""
    advice, stage = context.advice, context.lines.stages[-1]
    if advice is None or advice.ref != SCRATCH and "distroless" not in advice.ref:
        return []
    java = advice.ref.startswith(JAVA) and all(each.keyword != "ENTRYPOINT" for each in stage.instructions)
    edits: list[Edit] = []
    for each in stage.instructions:
        if each.keyword not in ("CMD", "ENTRYPOINT"):
            continue
        if not each.arguments.startswith("["):
            words = _words(each, context)
            if not words or any(one.keyword == "SHELL" for one in stage.instructions):
                return None
            edits.append((*whole(context, each), f"{each.keyword} {json.dumps(words)}\n"))
        elif java:
            edits.append((*whole(context, each), text_of(context, each)))
    if java:
        edits = [(start, end, f"ENTRYPOINT []\n{text}") for start, end, text in edits]
    return edits


def _words(each: Instruction, context: ReportContext) -> list[str] | None:
    """The words of a plain command in shell form, None for any other."""
    command = last_command(each.arguments, context.start.directory, context.start.environment)
    if command is None or not all(word.literal for word in command.words) or re.search(r"[&|;<>=]", each.arguments):
        return None
    return [word.text for word in command.words]


def _needs_more(context: ReportContext) -> bool:
    """Whether the only stage installs something that may be needed at run time."""
    for each in context.lines.stages[-1].instructions:
        if each.keyword == "ONBUILD":
            return True
        for words in _INSTALL.findall(each.body) if each.keyword == "RUN" else ():
            if any(not _TOOLCHAIN.match(word) for word in words.replace("\\", " ").split() if word[0] not in "-$"):
                return True
    return False


def _what_runs(context: ReportContext) -> list[str]:
    """Files and whole folders in the image's own layers that the program may need to run; [] if unknown or too many."""
    main = context.main
    copied = [_target(each, context) for each in context.lines.stages[-1].instructions if each.copies_context]
    if main is None or not main.path or main.missing or not {"", "/"}.isdisjoint(copied):
        return []
    own = {path for index in context.own for path in context.visible(index) if not cache(path)}
    within = tuple(f"{folder}/" for folder in copied)
    project = {path for path in own if path in copied or path.startswith(within)}
    others = {path for path in own - project if not path.startswith(_SYSTEM) and path not in context.build_files}
    if main.kind in OWN:
        paths = {path for path in project if not unused_kind(path) and not _NOISE.search(path)
                 and path not in context.build_files}
    else:   # the new base has the interpreter, which reads the project's folders
        paths = set(copied)
        installed = {path: path[:match.end()].rstrip("/") for path in own - project
                     if (match := INSTALLED.search(path))}
        paths |= set(installed.values())
        others = {path for path in others | {path for path in own if path.startswith("/usr/local/bin/")}
                  if path not in installed}
    origin = context.inventory.tree.resolve(main.path)
    program = {main.path if origin is None else origin.path} & own
    found = sorted(program | paths | others)
    return found if len(found) <= _MOST else []


def _target(each: Instruction, context: ReportContext) -> str:
    """The folder or file in the image that a COPY makes; '' if unknown."""
    paths = [path for index in context.lines.layers(each.line) for path in context.visible(index)]
    folder = each.operands[1].rstrip("/")
    if folder.startswith("/") or not each.operands[1].strip("/"):
        known = folder in paths or any(path.startswith(f"{folder}/") for path in paths)
        return folder if known else ""
    return min((posixpath.dirname(path) for path in paths), key=len, default="")
