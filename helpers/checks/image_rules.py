"""The rules that the content of an image decides. Nothing of it is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..dockerfile import Dockerfile
from ..image import Start
from ..inventory import Inventory, Tool, printable
from ..report.provenance import Lines
from ..units import counted, listed, share, size
from .exercise import Content
from .globs import matches
from .dockerfile_rules import compiles, installs
from .verdict import Fail

_SHOWN = 4      # finds that a message names
_SHELLS = ("sh", "bash", "dash", "ash")


@dataclass(frozen=True)
class Seen:
    """An image that was built, looked at.

    read        the learner's Dockerfile; target: the stage, None for the last
    user        number of the user whose name the image has, None where it says none
    starter     bytes of the starter's image, None where they are not asked for
    source      the file of the exercise that the program is compiled from, '' if none is known
    """

    inventory: Inventory
    read: Dockerfile
    start: Start
    target: str | None = None
    uid: int | None = None
    starter: int | None = None
    source: str = ""

    @cached_property
    def lines(self) -> Lines:
        return Lines(self.read, self.target, self.inventory.image)

    @cached_property
    def files(self) -> dict[str, int]:
        """{path: layer} of each file that a container sees."""
        layers = {layer.digest: index for index, layer in enumerate(self.inventory.image.layers)}
        return {path: layers[layer.digest] for path, _, layer in self.inventory.listing()}

    @property
    def unpacked(self) -> int:
        return self.inventory.image.unpacked

    @property
    def base(self) -> int | None:
        """Bytes of the base that it stands on, None without one."""
        image = self.inventory.image
        return sum(layer.unpacked for layer in image.layers[:image.base_layers]) or None

    def fitting(self, pattern: str) -> list[str]:
        return [path for path in self.files if matches(path, pattern)]


def absent(asked: Content, seen: Seen) -> Iterator[Fail]:
    by_line: dict[int, list[Tool]] = {}
    for tool in seen.inventory.tools:
        if tool.kind in asked.absent or tool.name in asked.absent:
            by_line.setdefault(seen.lines.line(tool.layer), []).append(tool)
    for line, tools in sorted(by_line.items()):
        named = [f"{tool.name} ({tool.kind}, {printable(tool.path)})" for tool in tools[:_SHOWN]]
        more = f" and {len(tools) - _SHOWN} more" if len(tools) > _SHOWN else ""
        one = tools[0]
        where = f"FROM {seen.inventory.image.base}" if one.layer < seen.inventory.image.base_layers else "this line"
        yield Fail("absent", f"In the image there {'is' if len(tools) == 1 else 'are'} {', '.join(named)}{more}. "
                   f"{where[0].upper()}{where[1:]} brings {'it' if len(tools) == 1 else 'them'}, and who runs the "
                   "program has no use for it.", line)


def present(asked: Content, seen: Seen) -> Iterator[Fail]:
    for name in asked.present:
        if not any(name in (tool.name, tool.kind) for tool in seen.inventory.tools):
            yield Fail("present", f"There is no {name} in the image, and this needs one.", seen.lines.last_from)


def no_files(asked: Content, seen: Seen) -> Iterator[Fail]:
    for pattern in asked.no_files:
        found = seen.fitting(pattern)
        if found:
            line = seen.lines.line(seen.files[found[0]])
            yield Fail("no-files", f"In the image there {'is' if len(found) == 1 else 'are'} "
                       f"{listed(list(map(printable, found[:_SHOWN])))}"
                       f"{f' and {len(found) - _SHOWN} more' if len(found) > _SHOWN else ''}. "
                       "Copy only what the program needs to run.", line)


def files(asked: Content, seen: Seen) -> Iterator[Fail]:
    for pattern in asked.files:
        if not seen.fitting(pattern):
            yield Fail("files", f"There is no {pattern} in the image.", seen.lines.last_from)


def copied(asked: Content, seen: Seen) -> Iterator[Fail]:
    """The file came from a stage that had the source and ran a command: by COPY --from, or by a RUN
    that installs what such a stage made, and that has not got the source itself."""
    for pattern in asked.copied:
        found = seen.fitting(pattern)
        if not found:
            yield Fail("copied", f"There is no {pattern} in the image.", seen.lines.last_from)
        for path in found:
            layer = seen.files[path]
            made = seen.lines.instruction(layer)
            if made is None:
                yield Fail("copied", f"{printable(path)} came with the base image. Build it from the source.",
                           seen.lines.last_from)
            elif made.keyword == "RUN" and installs(seen.read, made, seen.source):
                continue
            elif made.keyword == "RUN":
                yield Fail("copied", f"{printable(path)} was made in the last stage, by this command: no other stage hands it "
                           "over. So what made it was in the last stage, and to delete it afterwards makes the image smaller "
                           "and not another one. Make it in a stage of its own, and fetch it with COPY --from, or mount it.",
                           made.line)
            elif made.keyword != "COPY" or "from" not in made.flags:
                yield Fail("copied", f"{printable(path)} was not copied from another stage: {made.keyword} made it here. "
                           "Build it in a stage of its own, and fetch it with COPY --from.", made.line)
            elif not compiles(seen.read, made.flags["from"][-1]):
                yield Fail("copied", f"{printable(path)} comes from {made.flags['from'][-1]}, which did not make it from "
                           "the source: no stage behind it copies the source and runs a command.", made.line)


def small(asked: Content, seen: Seen) -> Iterator[Fail]:
    for part, whole, name in ((asked.starter, seen.starter, "the starter's image"),
                              (asked.base, seen.base, "the base it stands on")):
        if part is not None and whole is not None and seen.unpacked > part * whole:
            heavy = max(range(len(seen.inventory.image.layers)),
                        key=lambda index: seen.inventory.image.layers[index].unpacked)
            bound = f"at most {share(part, 1)} of it" if part <= 1 else f"at most {part:g} times that"
            yield Fail("size", f"The image has {size(seen.unpacked)}. {name[0].upper()}{name[1:]} has {size(whole)}, and "
                       f"{bound} is wanted. The heaviest layer has "
                       f"{size(seen.inventory.image.layers[heavy].unpacked)}.", seen.lines.line(heavy))


def wasted(asked: Content, seen: Seen) -> Iterator[Fail]:
    if asked.wasted is None:
        return
    own = seen.inventory.image.base_layers
    hidden: dict[int, int] = {}
    for waste in seen.inventory.waste:
        for each in waste.files:
            if each.by >= own:
                hidden[each.by] = hidden.get(each.by, 0) + each.size
    if sum(hidden.values()) > asked.wasted * seen.unpacked:
        worst = max(hidden, key=hidden.__getitem__)
        yield Fail("wasted", f"This line deletes or replaces {size(hidden[worst])} that a layer below it still holds: "
                   "what is deleted later is shipped all the same. Do not bring it in.", seen.lines.line(worst))


def layers(asked: Content, seen: Seen) -> Iterator[Fail]:
    there = len(seen.inventory.image.own_layers)
    if asked.layers is not None and there > asked.layers:
        yield Fail("layers", f"The image has {counted(there, 'layer')} on top of its base; "
                   f"{asked.layers} at most are wanted.", seen.lines.last_from)


def user(asked: Content, seen: Seen) -> Iterator[Fail]:
    if not asked.user:
        return
    said = seen.start.user or "root"
    line = next((each.line for stage in reversed(seen.lines.stages) for each in reversed(stage.instructions)
                 if each.keyword == "USER"), seen.lines.last_from)
    if asked.user != "not root":
        if said.partition(":")[0] != asked.user:
            yield Fail("user", f"It runs as {printable(said)}; {asked.user} is wanted.", line)
    elif seen.start.is_root or seen.uid == 0:
        alias = "" if seen.start.is_root else f", which is another name of root ({printable(said)} has the number 0)"
        yield Fail("user", f"It runs as root{alias}. Name another user with USER in the last stage.", line)


def expose(asked: Content, seen: Seen) -> Iterator[Fail]:
    for port in asked.expose:
        if port not in seen.start.ports:
            yield Fail("expose", f"The image does not say that it listens on port {port}. EXPOSE belongs to the last "
                       "stage.", seen.lines.last_from)


def exec_form(asked: Content, seen: Seen) -> Iterator[Fail]:
    command = seen.start.command
    if not asked.exec_form:
        return
    if command and command[0].rpartition("/")[2] in _SHELLS:
        line = next((each.line for stage in reversed(seen.lines.stages) for each in reversed(stage.instructions)
                     if each.keyword in ("CMD", "ENTRYPOINT")), seen.lines.last_from)
        yield Fail("exec-form", "A shell starts the program, and gets its signals. Write the command as a list: "
                   'CMD ["/program", "word"].', line)


# In the order in which they are told: a cause stands before what follows from it.
RULES = {"absent": absent, "present": present, "no-files": no_files, "files": files, "copied": copied, "size": small,
         "wasted": wasted, "layers": layers, "user": user, "expose": expose, "exec-form": exec_form}


def wanted(asked: Content) -> list[str]:
    """The rules that an exercise has something to say for."""
    said = {"absent": asked.absent, "present": asked.present, "no-files": asked.no_files, "files": asked.files,
            "copied": asked.copied, "size": asked.starter or asked.base, "wasted": asked.wasted is not None,
            "layers": asked.layers is not None, "user": asked.user, "expose": asked.expose, "exec-form": asked.exec_form}
    return [rule for rule in RULES if said[rule]]
