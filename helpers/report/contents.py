"""What the image is made of: the program that it starts, and the tools and base that it has beside it."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from ..inventory import BUILDING, Tool
from ..inventory.kinds import COMPILER, PACKAGES
from ..units import counted, size, some
from .base_advice import packages
from .commands import SHELLS
from .context import ReportContext
from .entrypoint import OWN, Entrypoint
from .files import cache
from .model import NAMES, Finding, weight

_LARGE = 5_000_000     # bytes of a base from which another one is worth a change
_LARGER = 50_000_000   # and from which one that is not here is surely smaller: distroless' have 20 to 35 MB


def will_not_start(context: ReportContext) -> Iterator[Finding]:
    """The program that the image starts is not in it, or lacks a library or an interpreter.

    Evidence: CMD and ENTRYPOINT word by word (see `entrypoint`), the program's ELF header or first line, and the
    files of the image. Only what is certain. Source: execve(2), ld.so(8).
    """
    main = context.main
    if main is None or not main.missing:
        return
    volumes = [word.strip('[]",') for each in context.lines.instructions("VOLUME") for word in each.arguments.split()]
    if any(path.startswith(f"{volume.rstrip('/')}/") for path in main.missing for volume in volumes):
        return   # what a volume holds is known when it is mounted
    lacks = ", ".join(main.missing)
    if not main.path:
        said = context.lines.instructions("CMD", "ENTRYPOINT")
        yield Finding(
            "will-not-start", "high", said[-1].line if said else context.lines.last_from,
            f"The image starts {lacks}, which is not in it.",
            "A container of it stops at once, with an error of the engine.",
            'A command as one line needs a shell: write CMD ["program", "argument"].'
            if posixpath.basename(main.name) == "sh" else "Copy it in, or name it by the path that it has there.")
        return
    line = context.lines.line(main.layer) if main.layer is not None else context.lines.last_from
    yield Finding(
        "will-not-start", "high", line, f"{main.path} needs {lacks}, and the image does not have it.",
        "It stops before the program's first line.",
        f"Use a base that has it, such as {context.advice.ref} ({context.advice.because})." if context.advice
        and main.elf
        else "Install it, or build the program so that it does not need it (static).")


def build_tools(context: ReportContext) -> Iterator[Finding]:
    """Compilers and other build tools in the image, by the line that brought them.

    Evidence: the programs' own bytes (see `inventory`), and the bytes of the files that only building reads.
    Package managers alone are none: every Debian has one. Source: docs.docker.com, "Multi-stage builds".
    """
    by_line: dict[int, list[Tool]] = {}
    for tool in context.inventory.kind(*BUILDING):
        if "/node_modules/" not in tool.path:
            by_line.setdefault(context.lines.line(tool.layer), []).append(tool)
    compilers = [tool for tools in by_line.values() for tool in tools
                 if tool.kind == COMPILER and _telling(context, tool)]
    alone = _one_stage(context) and bool(compilers)
    for line, tools in by_line.items():
        if not any(_telling(context, tool) for tool in tools):
            continue
        if line == context.lines.last_from:
            yield _from_the_base(context, line, tools, alone)
        else:
            yield _from_a_line(context, line, tools)
    if alone and not any(_telling(context, tool) for tool in by_line.get(context.lines.last_from, ())):
        yield _one_stage_finding(context, context.lines.last_from, compilers, None)


def _telling(context: ReportContext, tool: Tool) -> bool:
    """Whether it says that somebody could build here. Every Debian has a package manager,
    busybox calls itself by 300 names, and Python's debugger is one of its own modules."""
    program = context.inventory.programs.get(tool.path)
    return tool.kind != PACKAGES and tool.name != "pdb" and not (program and program.applets)


def _one_stage(context: ReportContext) -> bool:
    """Whether the image is made in one stage that takes nothing from another."""
    return len(context.lines.stages) == 1 and not any(
        edge.target == context.lines.stages[0].label
        and edge.via in ("COPY", "RUN") for edge in context.dockerfile.edges)


def _from_the_base(context: ReportContext, line: int, tools: Sequence[Tool], alone: bool) -> Finding:
    base = context.inventory.image.base_bytes
    if context.advice and context.advice.unpacked is not None and base > context.advice.unpacked:
        saves = base - context.advice.unpacked
    else:
        saves = _build_file_bytes(context, context.lines.layers(line))
    if alone:
        return _one_stage_finding(context, line, tools, saves)
    return Finding(
        "build-tools", weight(saves, context.unpacked, least="medium"), line,
        f"The last stage is FROM {context.inventory.image.base or 'an image'}, which has {_named(tools)}.",
        "Nothing that runs needs them, and an intruder can use them.", _advised(context, "Let the last stage be"),
        saves=saves or None)


def _one_stage_finding(context: ReportContext, line: int, tools: Sequence[Tool], saves: int | None) -> Finding:
    return Finding(
        "single-stage", weight(saves or 0, context.unpacked, least="medium"), line,
        f"There is one stage, and the image has {_named(tools)}.",
        "What builds the program is shipped with it, and nothing that runs needs it.",
        _advised(context, "Name this stage (AS builder) and add a second one:"), saves=saves or None)


def _advised(context: ReportContext, begin: str) -> str:
    if context.advice is None:
        kind = f" for {context.main.kind}" if context.main and context.main.kind else ""
        return f"{begin} FROM a base without build tools{kind}, with COPY --from=builder of what runs."
    return (f"{begin} FROM {context.advice.ref}, with COPY --from=builder of what runs. Enough, since "
            f"{context.advice.because}.{_compared(context)}{_started_through(context)}")


def _compared(context: ReportContext) -> str:
    """What the base has, and what the one that is advised has."""
    if not context.advice or not context.advice.unpacked:
        return ""
    return (f" It has {size(context.advice.unpacked)} and {counted(context.advice.packages or 0, 'package')}; "
            f"{context.inventory.image.base or 'this one'} has {size(context.inventory.image.base_bytes)} and "
            f"{counted(packages(context.inventory, context.base_layers), 'package')}.")


def _started_through(context: ReportContext) -> str:
    """What else the start needs on a base that has no shell."""
    through = context.main.through if context.main else ()
    if not through or not context.advice or "/" not in context.advice.ref and context.advice.ref != "scratch":
        return ""
    if set(through) <= SHELLS:
        return " It has no shell: write CMD and ENTRYPOINT as lists of words, [\"program\", \"argument\"]."
    return f" The program is started through {', '.join(through)}: copy that too, or start the program itself."


def large_base(context: ReportContext) -> Iterator[Finding]:
    """A program on a base of which it needs little or nothing.

    Evidence: the program's ELF header (a static one needs no other file, another one the libraries that it
    names) or its interpreter, the libraries that programs and modules beside it name, and the bytes and packages
    of the base's layers against those of the smallest base that has what they need. Silent where something else
    may need the base: a health check by another program, a script or wrapper that starts the program, a script
    that the Dockerfile copies in; and where build tools of the base are a finding already. A base that is not
    in this engine is named without its bytes. Source: docs.docker.com, "Building best practices", "Choose the right
    base image".
    """
    main, advice = context.main, context.advice
    if main is None or advice is None or main.missing or _needs_its_base(context, main):
        return
    base, known = context.inventory.image.base_bytes, advice.unpacked is not None
    saves = base - (advice.unpacked or 0)
    if saves < max(_LARGE, context.unpacked / 10) or not known and base < _LARGER:
        return
    if any(context.lines.line(tool.layer) == context.lines.last_from and _telling(context, tool)
           for tool in context.inventory.kind(*BUILDING)):
        return
    count = packages(context.inventory, context.base_layers)
    brings = f" and {counted(count, 'package')}" if count else ""
    unknown = "" if known else f" How much that saves is not known: {advice.ref} is not in this engine."
    yield Finding(
        "large-base", weight(saves if known else 0, context.unpacked, least="medium"), context.lines.last_from,
        f"{context.inventory.image.base or 'The base'} brings {size(base)} of {size(context.unpacked)}{brings}, and "
        f"{main.name} needs {'none of it' if advice.ref == 'scratch' else 'little of it'} to start.",
        "All of it is shipped and has to be kept up to date, and an intruder can use it.",
        f"Use FROM {advice.ref} in the last stage. Enough, since {advice.because}.{_compared(context)}{unknown}"
        f"{_started_through(context)}", saves=saves if known else None)


def _needs_its_base(context: ReportContext, main: Entrypoint) -> bool:
    """Whether something beside the program may need what the base has."""
    own = main.kind in OWN
    # An interpreter comes with the base, and what it reads does not; only a smaller image of the same one is advised.
    interpreter = context.inventory.tree[main.path].layer if main.path else None
    if main.layer not in context.own or not own and (interpreter in context.own or not context.advice
                                                     or context.advice.unpacked is None):
        return True
    if own and not set(main.through) <= SHELLS or other_health_check(context, main):
        return True
    scripts = [context.lines.instruction(context.inventory.tree[path].layer)
               for path, program in context.inventory.programs.items() if path != main.path and not program.elf]
    return own and any(made and made.keyword != "RUN" for made in scripts)


def other_health_check(context: ReportContext, main: Entrypoint) -> bool:
    """Whether something else than the program itself says whether it is well."""
    checks = context.lines.instructions("HEALTHCHECK")
    if not checks or checks[-1].arguments.upper() == "NONE":
        return False
    command = re.match(r'CMD\s+\[\s*"([^"]*)"', checks[-1].arguments, re.IGNORECASE)
    return command is None or command[1] not in (main.path, main.name)


def _from_a_line(context: ReportContext, line: int, tools: Sequence[Tool]) -> Finding:
    saves = _build_file_bytes(context, context.lines.layers(line))
    made = context.lines.instruction(tools[0].layer)
    copied = made is not None and made.keyword != "RUN"
    return Finding(
        "build-tools", weight(saves, context.unpacked, least="medium"), line,
        f"This {made.keyword if made else 'line'} brings {_named(tools)}.",
        "Nothing that runs needs them, and an intruder can use them.",
        "Copy the artifact, and not the tools that made it." if copied else
        "Install them in a builder stage, build there, and copy the result with COPY --from.",
        saves=saves or None)


def _build_file_bytes(context: ReportContext, layers: Iterable[int]) -> int:
    """Bytes of a layer's files that only building reads; caches are another finding."""
    return sum(count for index in layers for path, count in context.visible(index).items()
               if path in context.build_files and not cache(path))


def _named(tools: Sequence[Tool]) -> str:
    telling = [tool for tool in tools if tool.kind != PACKAGES] or tools
    return some(list(dict.fromkeys(tool.name for tool in telling)), NAMES, "more build tools")
