"""The tools in an image: programs of a known purpose.

A tool is an ELF program, or an executable script on an executable path, that is known by one of:

    its name, or that of a link to it on an executable path
    its bytes (BusyBox, bash, gcc, node, python; Go's tools by their main package)
    its applets, if it is a multi-call binary (BusyBox)
    its privileges: setuid, setgid, or file capabilities

A text file called `gcc` is not a tool, nor is a dangling link."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..image import Node, Program, Tree
from .kinds import AMBIGUOUS, GO_TOOLS, KIND_OF, KINDS, PRIVILEGE, RANK, known

_SETUID, _SETGID, _EXECUTE = 0o4000, 0o2000, 0o111
_PROGRAMS = ("executable", "pie")
_ON_PATH = ("bin", "sbin")     # last part of the directories in PATH


@dataclass(frozen=True)
class Tool:
    """A tool in an image."""

    name: str               # common name: 'gcc', 'sh', 'apt-get'
    kind: str               # one of `kinds.KINDS`
    path: str               # of the file, links resolved
    layer: int              # index of the file's layer
    names: tuple[str, ...]  # paths with this name, the file's own first; that alone if there are none


def executables(tree: Tree) -> dict[str, Program]:
    """{path: Program} of what can be run, without links: executable scripts, and all ELF programs, since their loader
    runs them even without that permission. Libraries that print their version are not programs."""
    return {node.path: program for node, program in tree.under("programs")
            if (program.elf.kind in _PROGRAMS if program.elf else node.mode & _EXECUTE)}


def tools(tree: Tree, programs: dict[str, Program]) -> tuple[Tool, ...]:
    """Every tool, by kind, the best known first. `programs` are of `executables`."""
    found = [(name, KIND_OF[name], path, paths) for path, called in _names(tree, programs).items()
             for name, paths in _identities(path, called, programs[path])]
    found += [(path.rpartition("/")[2], PRIVILEGE, path, [path]) for path in privileged(tree)]
    return tuple(sorted(
        (Tool(name, kind, path, tree[path].layer, tuple(paths)) for name, kind, path, paths in found),
        key=lambda tool: (KINDS.index(tool.kind), RANK.get(tool.name, 0), tool.name, tool.path)))


def setuid(tree: Tree) -> tuple[str, ...]:
    """Programs that always run as their owner."""
    return tuple(sorted(node.path for node in _startable(tree) if node.mode & _SETUID))


def privileged(tree: Tree) -> tuple[str, ...]:
    """Programs with setuid, setgid or file capabilities."""
    capable = {(node.layer, node.row) for node, _ in tree.under("capabilities")}
    return tuple(sorted(node.path for node in _startable(tree)
                        if node.mode & (_SETUID | _SETGID) or (node.layer, node.row) in capable))


def _startable(tree: Tree) -> Iterator[Node]:
    """The executable ELF files. Linux ignores the privileges of scripts (execve(2))."""
    return (node for node, program in tree.under("programs") if program.elf and node.mode & _EXECUTE)


def _names(tree: Tree, programs: dict[str, Program]) -> dict[str, list[str]]:
    """{path of a program: all paths that lead to it, its own first}."""
    names = {path: [path] for path in programs}
    for node, _ in tree.under("links"):
        leads_to = tree.resolve(node.path)
        path = tree.origin(leads_to).path if leads_to else ""
        if path in names and path != node.path:
            names[path].append(node.path)
    return names


def _identities(path: str, called: Sequence[str], program: Program) -> Iterator[tuple[str, list[str]]]:
    """(name, paths with that name) of each tool that a program is."""
    go = GO_TOOLS.get(program.elf.main) if program.elf else None
    if go:
        yield go, list(called)
        return
    by_name: dict[str, list[str]] = {}
    for each in called:
        folder, _, file = each.rpartition("/")
        on_path = folder.rpartition("/")[2] in _ON_PATH
        name = known(file)
        if name and (on_path or each == path and program.elf and name not in AMBIGUOUS):
            by_name.setdefault(name, []).append(each)
    kinds = {KIND_OF[name] for name in by_name}
    for mark in program.marks:
        if program.applets or KIND_OF[mark] not in kinds:
            by_name.setdefault(mark, list(called))
    if program.applets:
        for name in filter(None, map(known, program.applets)):
            by_name.setdefault(name, [path])
        yield from by_name.items()
        return
    # A program with several names of one kind (cc and gcc) is one tool, named by its file or else by the shortest.
    own = known(path.rpartition("/")[2])
    same: dict[str, list[str]] = {}
    for name in by_name:
        same.setdefault(KIND_OF[name], []).append(name)
    for names in same.values():
        name = own if own in names else min(names, key=lambda each: (len(each), each))
        paths = sorted({each for one in names for each in by_name[one]})
        yield name, sorted(paths, key=lambda each: each != path)
