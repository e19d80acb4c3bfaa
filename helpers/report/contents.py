"""What is in the image: the program that it starts, its build tools, and its base."""

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

_LARGE = 5_000_000     # bytes that a smaller base has to save
_LARGER = 50_000_000   # bytes of a base that is surely larger than an unmeasured one: distroless has 20 to 35 MB
_USELESS = "The program does not need them to run, and an intruder can use them."


def will_not_start(context: ReportContext) -> Iterator[Finding]:
    """The image lacks the program that it starts, or a library or interpreter of the program.

    Evidence: the words of CMD and ENTRYPOINT (see `entrypoint`), the program's ELF header or first line, and the files
    of the image. Silent in case of doubt. Source: execve(2), ld.so(8).
    """
    main = context.main
    if main is None or not main.missing:
        return
    volumes = [word.strip('[]",') for each in context.lines.instructions("VOLUME") for word in each.arguments.split()]
    if any(path.startswith(f"{volume.rstrip('/')}/") for path in main.missing for volume in volumes):
        return   # the content of a volume is not known before it is mounted
    lacks = ", ".join(main.missing)
    if not main.path:
        said = context.lines.instructions("CMD", "ENTRYPOINT")
        yield Finding(
            "will-not-start", "high", said[-1].line if said else context.lines.last_from,
            f"The image starts {lacks}, but does not contain it.",
            "The engine cannot start a container from it.",
            'A command written as one line needs a shell: write CMD ["program", "argument"].'
            if posixpath.basename(main.name) == "sh" else "Copy it into the image, or correct its path.")
        return
    line = context.lines.line(main.layer) if main.layer is not None else context.lines.last_from
    yield Finding(
        "will-not-start", "high", line, f"{main.path} needs {lacks}, which the image does not have.",
        "It ends before the program's first line runs.",
        f"Use a base that has it, such as {context.advice.ref} ({context.advice.because})."
        if context.advice and main.elf else "Install it, or build the program so that it does not need it (static).")


def build_tools(context: ReportContext) -> Iterator[Finding]:
    """Compilers and other build tools in the image, by the line that adds them.

    Evidence: the programs' own bytes (see `inventory`), and the bytes of the files that only building reads. A package
    manager alone does not count, since every Debian has one. Source: docs.docker.com, "Multi-stage builds".
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
    """Whether a tool shows that programs can be built here. Every Debian has a package manager, busybox has 300 names,
    and Python's debugger is one of its modules."""
    program = context.inventory.programs.get(tool.path)
    return tool.kind != PACKAGES and tool.name != "pdb" and not (program and program.applets)


def _one_stage(context: ReportContext) -> bool:
    """Whether the image is made in one stage, which takes nothing from an image."""
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
        _USELESS, _advised(context, "For the last stage, use"), saves=saves or None)


def _one_stage_finding(context: ReportContext, line: int, tools: Sequence[Tool], saves: int | None) -> Finding:
    return Finding(
        "single-stage", weight(saves or 0, context.unpacked, least="medium"), line,
        f"There is one stage, and the image has {_named(tools)}.",
        "The build tools ship with the program, which does not need them to run.",
        _advised(context, "Name this stage (AS builder) and add a second one:"), saves=saves or None)


def _advised(context: ReportContext, begin: str) -> str:
    if context.advice is None:
        kind = context.main.kind if context.main else ""
        has = f"with {kind} and " if kind not in ("", "static") else ""
        return f"{begin} FROM a base {has}without build tools, and copy what runs with COPY --from=builder."
    return (f"{begin} FROM {context.advice.ref}, and copy what runs with COPY --from=builder. It is enough: "
            f"{context.advice.because}.{_compared(context)}{_started_through(context)}")


def _compared(context: ReportContext) -> str:
    """The size and packages of the advised base and of the present one."""
    if not context.advice or not context.advice.unpacked:
        return ""
    return (f" It has {size(context.advice.unpacked)} and {counted(context.advice.packages or 0, 'package')}; "
            f"{context.inventory.image.base or 'this one'} has {size(context.inventory.image.base_bytes)} and "
            f"{counted(packages(context.inventory, context.base_layers), 'package')}.")


def _started_through(context: ReportContext) -> str:
    """What else the program needs to start on a base without a shell."""
    through = context.main.through if context.main else ()
    if not through or not context.advice or "/" not in context.advice.ref and context.advice.ref != "scratch":
        return ""
    if set(through) <= SHELLS:
        return ' It has no shell: write CMD and ENTRYPOINT as lists of words, ["program", "argument"].'
    return f" The program is started through {', '.join(through)}: copy that too, or start the program directly."


def large_base(context: ReportContext) -> Iterator[Finding]:
    """A program that needs little or nothing of its base.

    Evidence: the program's ELF header (a static program needs no other file, another one its libraries) or its
    interpreter, the libraries of the programs and modules beside it, and the bytes and packages of the base, compared
    with those of the smallest base that is enough. Silent if something else may need the base (a health check by
    another program, a script or wrapper that starts the program, a copied script), and if build tools of the base are a
    finding already. The bytes of a base that is not in this engine are unknown. Source: docs.docker.com, "Building best
    practices", "Choose the right base image".
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
    with_packages = f" and {counted(count, 'package')}" if count else ""
    unknown = "" if known else f" How much that saves is unknown: {advice.ref} is not in this engine."
    yield Finding(
        "large-base", weight(saves if known else 0, context.unpacked, least="medium"), context.lines.last_from,
        f"{context.inventory.image.base or 'The base'} has {size(base)} of the image's {size(context.unpacked)}"
        f"{with_packages}, and {main.name} needs {'none' if advice.ref == 'scratch' else 'little'} of it to start.",
        "All of it ships, has to be kept up to date, and is there for an intruder to use.",
        f"Use FROM {advice.ref} in the last stage. It is enough: {advice.because}.{_compared(context)}{unknown}"
        f"{_started_through(context)}", saves=saves if known else None)


def _needs_its_base(context: ReportContext, main: Entrypoint) -> bool:
    """Whether something other than the program may need the base."""
    own = main.kind in OWN
    # An interpreter is part of the base, the code that it runs is not; the advice is a smaller image of the
    # interpreter.
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
    """Whether the health check runs another program than this one."""
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
        f"This {made.keyword if made else 'line'} adds {_named(tools)}.", _USELESS,
        "Copy only the artifact, not the tools that made it." if copied else
        "Install them in a builder stage, build there, and copy the result with COPY --from.",
        saves=saves or None)


def _build_file_bytes(context: ReportContext, layers: Iterable[int]) -> int:
    """Bytes of the files in these layers that only building reads; caches are another finding."""
    return sum(count for index in layers for path, count in context.visible(index).items()
               if path in context.build_files and not cache(path))


def _named(tools: Sequence[Tool]) -> str:
    telling = [tool for tool in tools if tool.kind != PACKAGES] or tools
    return some(list(dict.fromkeys(tool.name for tool in telling)), NAMES, "more build tools")
