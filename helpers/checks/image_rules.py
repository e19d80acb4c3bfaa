"""The rules about the content of an image, for which nothing is run.

Each is a function that takes what an exercise asks for, and the image, and yields its fails.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..dockerfile import Dockerfile
from ..engine import Engine
from ..formats import symbols
from ..image import Start, read_file, search_all
from ..image.provenance import Provenance
from ..inventory import Inventory, Tool, printable
from ..units import share, size, some
from .dockerfile_rules import compiles, installs
from .exercise import Content
from .globs import matches
from .verdict import Fail

_SHOWN = 4      # tools or files that a message names
_SHELLS = ("sh", "bash", "dash", "ash")
_PLACES = {"file": "in the file", "history": "in the history of the image, at", "settings": "in the setting",
           "label": "in the label"}


@dataclass(frozen=True)
class Seen:
    """An image that was built, as the rules see it."""

    inventory: Inventory
    read: Dockerfile    # the learner's
    start: Start
    target: str | None = None    # the stage that was built, None for the last
    starter: int | None = None    # bytes of the starter's image, None if they are not needed
    source: str = ""    # the file of the exercise from which the program is compiled, '' if unknown
    secrets: Mapping[str, str] = field(default_factory=dict)    # {name: value} of what must not be in the image
    engine: Engine | None = None    # to read the image's files

    @cached_property
    def lines(self) -> Provenance:
        """Which line of the Dockerfile made which layer."""
        return Provenance(self.read, self.target, self.inventory.image)

    @cached_property
    def files(self) -> dict[str, int]:
        """{path: index of its layer} of each file that a container sees."""
        layers = {layer.digest: index for index, layer in enumerate(self.inventory.image.layers)}
        return {path: layers[layer.digest] for path, _, layer in self.inventory.listing()}

    def matching(self, *patterns: str) -> list[str]:
        """The paths that match one of these patterns."""
        return [path for pattern in patterns for path in self.files if matches(path, pattern)]

    def last_line(self, *keywords: str) -> int:
        """The line of the last of these instructions, or of the last FROM."""
        found = self.lines.instructions(*keywords)
        return found[-1].line if found else self.lines.last_from


def absent(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The image has no tool of these kinds or names. Tools are identified by their bytes, not by the names of their
    files."""
    by_line: dict[int, list[Tool]] = {}
    for tool in unwanted(asked, seen.inventory):
        by_line.setdefault(seen.lines.line(tool.layer), []).append(tool)
    image = seen.inventory.image
    for line, tools in sorted(by_line.items()):
        yield tools_fail(tools, line, image.base if tools[0].layer < image.base_layers else None)


def unwanted(asked: Content, inventory: Inventory) -> list[Tool]:
    """The tools in an image that an exercise forbids."""
    return [tool for tool in inventory.tools if tool.kind in asked.absent or tool.name in asked.absent]


def tools_fail(tools: list[Tool], line: int, base: str | None = None) -> Fail:
    """Rule `absent`, for tools that a line adds. `base` is the image in FROM if they come from that."""
    them = "it" if len(tools) == 1 else "them"
    named = some([f"{tool.name} ({tool.kind}, {printable(tool.path)})" for tool in tools], _SHOWN)
    why = (f"The base image {base} has {them}, and deleting {them} would only hide {them}: use a base without {them} "
           "for the last stage." if base else f"This line adds {them}, but the program does not need {them} to run.")
    return Fail("absent", f"The image has {named}. {why}", line)


def present(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The image has a tool of each of these kinds or names."""
    for name in asked.present:
        if not any(name in (tool.name, tool.kind) for tool in seen.inventory.tools):
            yield Fail("present", f"The image has no {name}, but needs one. Use a base that has it, or copy it.",
                       seen.lines.last_from)


def no_files(asked: Content, seen: Seen) -> Iterator[Fail]:
    """No file has one of these paths."""
    for pattern in asked.no_files:
        if found := seen.matching(pattern):
            yield Fail("no-files", f"The image has {some(list(map(printable, found)), _SHOWN)}. Copy only what the "
                       "program needs to run.", seen.lines.line(seen.files[found[0]]))


def files(asked: Content, seen: Seen) -> Iterator[Fail]:
    """A file has each of these paths."""
    for pattern in asked.files:
        if not seen.matching(pattern):
            yield Fail("files", f"The image has no {pattern}.", seen.lines.last_from)


def copied(asked: Content, seen: Seen) -> Iterator[Fail]:
    """Another stage compiled the file: COPY --from copied it, or a RUN installed what that stage made."""
    for pattern in asked.copied:
        if not seen.matching(pattern):
            yield Fail("copied", f"The image has no {pattern}.", seen.lines.last_from)
    for path in seen.matching(*asked.copied):
        made = seen.lines.instruction(seen.files[path])
        stage = made.flags["from"][-1] if made and made.keyword == "COPY" and "from" in made.flags else ""
        if made is None:
            why = "comes from the base image. Build it from the source."
        elif made.keyword == "RUN" and not installs(seen.read, made, seen.source):
            why = ("was made by this command in the last stage, so what made it was in that stage. Make it in another "
                   "stage, and get it with COPY --from or a mount.")
        elif made.keyword != "RUN" and not stage:
            why = (f"was not copied from another stage: {made.keyword} made it here. Build it in another stage, and "
                   "get it with COPY --from.")
        elif stage and not compiles(seen.read, stage):
            why = (f"comes from {stage}, which did not build it: neither that stage nor one that it takes from copies "
                   "the source and runs a command.")
        else:
            continue
        yield Fail("copied", f"{printable(path)} {why}", made.line if made else seen.lines.last_from)


def small(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The image is small, relative to the starter's image or to its own base."""
    image = seen.inventory.image
    for part, whole, name in ((asked.starter, seen.starter, "the starter's image"),
                              (asked.base, image.base_bytes, "its base")):
        if part and whole and image.unpacked > part * whole:
            heavy = max(range(len(image.layers)), key=lambda index: image.layers[index].unpacked)
            allowed = f"{share(part, 1)} of" if part <= 1 else f"{part:g} times"
            yield Fail("size", f"The image has {size(image.unpacked)}; at most {allowed} {name} ({size(whole)}) is "
                       f"allowed. The heaviest layer has {size(image.layers[heavy].unpacked)}.", seen.lines.line(heavy))


def wasted(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The own layers hide little of what is below them. Source: OCI image-spec, layer.md, "Whiteouts"."""
    hidden: dict[int, int] = {}
    for each in (file for waste in seen.inventory.waste for file in waste.files):
        if each.by >= seen.inventory.image.base_layers:
            hidden[each.by] = hidden.get(each.by, 0) + each.size
    if sum(hidden.values()) > (asked.wasted or 0) * seen.inventory.image.unpacked:
        worst = max(hidden, key=hidden.__getitem__)
        yield Fail("wasted", f"This line deletes or replaces {size(hidden[worst])}, which a layer below still holds "
                   "and ships. Do not add it in the first place.", seen.lines.line(worst))


def user(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The image sets the right user. Source: docs.docker.com, "Building best practices", "USER"."""
    name = seen.start.user or "root"
    line = seen.last_line("USER")
    if asked.user != "not root" and name.partition(":")[0] != asked.user:
        yield Fail("user", f"It runs as {printable(name)} instead of {asked.user}.", line)
    elif asked.user == "not root" and seen.start.is_root:
        yield Fail("user", "It runs as root. Set another user with USER in the last stage.", line)


def expose(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The image declares these ports. Source: Dockerfile reference, "EXPOSE"."""
    for port in asked.expose:
        if port not in seen.start.ports:
            yield Fail("expose", f"The image does not declare port {port}. EXPOSE belongs in the last stage.",
                       seen.lines.last_from)


def exec_form(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The program, not a shell, gets the engine's signals. Source: Dockerfile reference, "Shell and exec form"."""
    command = seen.start.command
    if command and command[0].rpartition("/")[2] in _SHELLS:
        yield Fail("exec-form", "A shell starts the program, and gets the signals meant for it. Write the command as a "
                   'list: CMD ["/program", "argument"].', seen.last_line("CMD", "ENTRYPOINT"))


def stripped(asked: Content, seen: Seen) -> Iterator[Fail]:
    """These programs have no symbol table and no debug information. Source: gABI, chapter 4; strip(1)."""
    for path in seen.matching(*asked.stripped):
        if symbols(read_file(seen.inventory.image, path, engine=seen.engine)):
            yield Fail("stripped", f"{printable(path)} still has its symbols, which only a debugger needs. Remove them "
                       "with strip before it is copied, or link it with -s.", seen.lines.line(seen.files[path]))


def secret(asked: Content, seen: Seen) -> Iterator[Fail]:
    """No secret is in the files, history or configuration of the image, in plain text or base64. Source:
    docs.docker.com, "Build secrets"."""
    texts = {name: (value, base64.b64encode(value.encode()).decode().rstrip("="))
             for name, value in seen.secrets.items()}
    found = search_all(seen.inventory.image, [text for each in texts.values() for text in each], seen.engine)
    for name, each in texts.items():
        remedy = "Leave it out." if name == each[0] else "The command that mounts it must not write it anywhere."
        for text, spelt in zip(each, ("", ", in base64"), strict=True):
            if found[text]:
                first = found[text][0]
                line = seen.lines.line(first.layer) if first.layer is not None else None
                what = printable(first.what).replace(each[0], "...")
                yield Fail("secret", f"The secret {name} is {_PLACES[first.where]} {what}{spelt}. Anyone who has the "
                           f"image can read it there. {remedy}", line)


Rule = Callable[[Content, Seen], Iterator[Fail]]
# {rule: (its keys in [image], the rule)}, causes before their effects
RULES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "absent": (("absent",), absent), "present": (("present",), present), "no-files": (("no_files",), no_files),
    "files": (("files",), files), "copied": (("copied",), copied), "size": (("starter", "base"), small),
    "wasted": (("wasted",), wasted), "user": (("user",), user), "expose": (("expose",), expose),
    "exec-form": (("exec_form",), exec_form), "stripped": (("stripped",), stripped), "secret": ((), secret)}


def wanted(asked: Content, secrets: Mapping[str, str] | None = None) -> dict[str, Rule]:
    """{name: rule} of what an exercise asks for. `secrets` is {name: value} of what must not be in the image."""
    none = Content()
    return {name: rule for name, (keys, rule) in RULES.items()
            if any(getattr(asked, key) != getattr(none, key) for key in keys) or (rule is secret and secrets)}
