"""The rules that the content of an image decides. Nothing in it is run.

Each is a function of what an exercise asks and of the image, and yields a Fail for each thing that does not hold.
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

_SHOWN = 4      # finds that a message names
_SHELLS = ("sh", "bash", "dash", "ash")
_PLACES = {"file": "in the file", "history": "in the history of the image, at", "settings": "in the setting",
           "label": "in the label"}


@dataclass(frozen=True)
class Seen:
    """An image that was built, as the rules see it."""

    inventory: Inventory    # what is in it
    read: Dockerfile    # the learner's Dockerfile
    start: Start    # how it is started
    target: str | None = None    # the stage that was built, None for the last
    starter: int | None = None    # bytes of the starter's image, None where they are not needed
    source: str = ""    # the file of the exercise that the program is compiled from, '' if none is known
    secrets: Mapping[str, str] = field(default_factory=dict)    # {name: value} of what must not be in it
    engine: Engine | None = None    # that can read its files

    @cached_property
    def lines(self) -> Provenance:
        """The lines of the Dockerfile that made its layers."""
        return Provenance(self.read, self.target, self.inventory.image)

    @cached_property
    def files(self) -> dict[str, int]:
        """{path: index of its layer} of each file that a container sees."""
        layers = {layer.digest: index for index, layer in enumerate(self.inventory.image.layers)}
        return {path: layers[layer.digest] for path, _, layer in self.inventory.listing()}

    def matching(self, *patterns: str) -> list[str]:
        """The paths of its files that match one of these."""
        return [path for pattern in patterns for path in self.files if matches(path, pattern)]

    def last_line(self, *keywords: str) -> int:
        """The line of the last of these instructions, or of the last FROM if there is none."""
        found = self.lines.instructions(*keywords)
        return found[-1].line if found else self.lines.last_from


def absent(asked: Content, seen: Seen) -> Iterator[Fail]:
    """No tool of these kinds or names is in it. Tools are known by what they are, not by their names."""
    by_line: dict[int, list[Tool]] = {}
    for tool in unwanted(asked, seen.inventory):
        by_line.setdefault(seen.lines.line(tool.layer), []).append(tool)
    image = seen.inventory.image
    for line, tools in sorted(by_line.items()):
        yield tools_fail(tools, line, image.base if tools[0].layer < image.base_layers else None)


def unwanted(asked: Content, inventory: Inventory) -> list[Tool]:
    """The tools in an image that an exercise does not want there."""
    return [tool for tool in inventory.tools if tool.kind in asked.absent or tool.name in asked.absent]


def tools_fail(tools: list[Tool], line: int, base: str | None = None) -> Fail:
    """Rule `absent`, for tools that a line brings; `base`: the image in FROM, if they are in that."""
    verb, pronoun = ("is", "it") if len(tools) == 1 else ("are", "them")
    named = some([f"{tool.name} ({tool.kind}, {printable(tool.path)})" for tool in tools], _SHOWN)
    why = (f"The base image {base} brings {pronoun}, and deleting {pronoun} would only hide {pronoun}: start the last stage "  # noqa: E501
           f"from a base without {pronoun}." if base else
           f"This line brings {pronoun}, and the program does not need {pronoun} to run.")
    return Fail("absent", f"In the image there {verb} {named}. {why}", line)


def present(asked: Content, seen: Seen) -> Iterator[Fail]:
    """A tool of each of these kinds or names is in it."""
    for name in asked.present:
        if not any(name in (tool.name, tool.kind) for tool in seen.inventory.tools):
            yield Fail("present", f"There is no {name} in the image, and this needs one. Take a base "
                       "that has it, or copy it.", seen.lines.last_from)


def no_files(asked: Content, seen: Seen) -> Iterator[Fail]:
    """No file has one of these paths."""
    for pattern in asked.no_files:
        if found := seen.matching(pattern):
            verb = "is" if len(found) == 1 else "are"
            yield Fail("no-files",
                       f"In the image there {verb} {some(list(map(printable, found)), _SHOWN)}. Copy only what the "
                       "program needs to run.", seen.lines.line(seen.files[found[0]]))


def files(asked: Content, seen: Seen) -> Iterator[Fail]:
    """A file has each of these paths."""
    for pattern in asked.files:
        if not seen.matching(pattern):
            yield Fail("files", f"There is no {pattern} in the image.", seen.lines.last_from)


def copied(asked: Content, seen: Seen) -> Iterator[Fail]:
    """Another stage compiled the file: COPY --from brought it, or a RUN installed what that stage made."""
    for pattern in asked.copied:
        if not seen.matching(pattern):
            yield Fail("copied", f"There is no {pattern} in the image.", seen.lines.last_from)
    for path in seen.matching(*asked.copied):
        made = seen.lines.instruction(seen.files[path])
        stage = made.flags["from"][-1] if made and made.keyword == "COPY" and "from" in made.flags else ""
        if made is None:
            why = "came with the base image. Build it from the source."
        elif made.keyword == "RUN" and not installs(seen.read, made, seen.source):
            why = ("was made by this command in the last stage, so whatever made it was in that stage. Make it in a "
                   "stage of its own, and fetch it with COPY --from, or mount it.")
        elif made.keyword != "RUN" and not stage:
            why = (f"was not copied from another stage: {made.keyword} made it here. Build it in a stage of its own, "
                   "and fetch it with COPY --from.")
        elif stage and not compiles(seen.read, stage):
            why = (f"comes from {stage}, which did not build it: no stage behind it copies the source and runs a "
                   "command.")
        else:
            continue
        yield Fail("copied", f"{printable(path)} {why}", made.line if made else seen.lines.last_from)


def small(asked: Content, seen: Seen) -> Iterator[Fail]:
    """It is small, measured against the starter's image or against its own base."""
    image = seen.inventory.image
    for part, whole, name in ((asked.starter, seen.starter, "The starter's image"),
                              (asked.base, image.base_bytes, "Its base")):
        if part and whole and image.unpacked > part * whole:
            heavy = max(range(len(image.layers)), key=lambda index: image.layers[index].unpacked)
            allowed = f"{share(part, 1)} of it" if part <= 1 else f"{part:g} times that"
            yield Fail("size", f"The image has {size(image.unpacked)}. {name} has {size(whole)}, and at most {allowed} "
                       f"is allowed. The heaviest layer has {size(image.layers[heavy].unpacked)}.",
                       seen.lines.line(heavy))


def wasted(asked: Content, seen: Seen) -> Iterator[Fail]:
    """Its own layers hide little of what is below them. Source: OCI image-spec, layer.md, "Whiteouts"."""
    hidden: dict[int, int] = {}
    for each in (file for waste in seen.inventory.waste for file in waste.files):
        if each.by >= seen.inventory.image.base_layers:
            hidden[each.by] = hidden.get(each.by, 0) + each.size
    if sum(hidden.values()) > (asked.wasted or 0) * seen.inventory.image.unpacked:
        worst = max(hidden, key=hidden.__getitem__)
        yield Fail("wasted", f"This line deletes or replaces {size(hidden[worst])} that a layer below still holds, and "
                   "that ships all the same. Do not bring it in.", seen.lines.line(worst))


def user(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The image sets the right user. Source: docs.docker.com, "Building best practices", "USER"."""
    name = seen.start.user or "root"
    line = seen.last_line("USER")
    if asked.user != "not root" and name.partition(":")[0] != asked.user:
        yield Fail("user", f"It runs as {printable(name)}, and should run as {asked.user}.", line)
    elif asked.user == "not root" and seen.start.is_root:
        yield Fail("user", "It runs as root. Name another user with USER in the last stage.", line)


def expose(asked: Content, seen: Seen) -> Iterator[Fail]:
    """It declares these ports. Source: Dockerfile reference, "EXPOSE"."""
    for port in asked.expose:
        if port not in seen.start.ports:
            yield Fail("expose",
                       f"The image does not declare that it listens on port {port}. EXPOSE belongs in the last "
                       "stage.", seen.lines.last_from)


def exec_form(asked: Content, seen: Seen) -> Iterator[Fail]:
    """No shell stands between the engine's signals and the program. Source: Dockerfile reference, "Shell and exec
    form"."""
    command = seen.start.command
    if command and command[0].rpartition("/")[2] in _SHELLS:
        yield Fail("exec-form", "A shell starts the program, and gets its signals. Write the command as a list: "
                   'CMD ["/program", "argument"].', seen.last_line("CMD", "ENTRYPOINT"))


def stripped(asked: Content, seen: Seen) -> Iterator[Fail]:
    """These programs have no table of symbols, and nothing for a debugger. Source: gABI, chapter 4; strip(1)."""
    for path in seen.matching(*asked.stripped):
        if symbols(read_file(seen.inventory.image, path, engine=seen.engine)):
            yield Fail("stripped", f"{printable(path)} still has its symbols, which only a debugger needs. Remove them "
                       "before it is copied, with strip, or link it with -s.", seen.lines.line(seen.files[path]))


def secret(asked: Content, seen: Seen) -> Iterator[Fail]:
    """No secret is in its files, history or settings, as it is or in base64. Source: docs.docker.com,
    "Build secrets"."""
    texts = {name: (value, base64.b64encode(value.encode()).decode().rstrip("="))
             for name, value in seen.secrets.items()}
    found = search_all(seen.inventory.image, [text for each in texts.values() for text in each], seen.engine)
    for name, each in texts.items():
        remedy = "Leave it out." if name == each[0] else "Let the command that mounts it write it nowhere."
        for text, spelt in zip(each, ("", ", in base64"), strict=True):
            if found[text]:
                first = found[text][0]
                line = seen.lines.line(first.layer) if first.layer is not None else None
                what = printable(first.what).replace(each[0], "...")
                yield Fail("secret", f"The secret {name} is {_PLACES[first.where]} {what}{spelt}. Anyone who has the "
                           f"image can read it there. {remedy}", line)


Rule = Callable[[Content, Seen], Iterator[Fail]]
# {rule: (its keys in [image], the rule)}. A cause stands before what follows from it.
RULES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "absent": (("absent",), absent), "present": (("present",), present), "no-files": (("no_files",), no_files),
    "files": (("files",), files), "copied": (("copied",), copied), "size": (("starter", "base"), small),
    "wasted": (("wasted",), wasted), "user": (("user",), user), "expose": (("expose",), expose),
    "exec-form": (("exec_form",), exec_form), "stripped": (("stripped",), stripped), "secret": ((), secret)}


def wanted(asked: Content, secrets: Mapping[str, str] | None = None) -> dict[str, Rule]:
    """{name: rule} of the rules that an exercise asks for. `secrets`: {name: value} that must not be in the image."""
    none = Content()
    return {name: rule for name, (keys, rule) in RULES.items()
            if any(getattr(asked, key) != getattr(none, key) for key in keys) or (rule is secret and secrets)}
