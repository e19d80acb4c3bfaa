"""How an inventory shows itself: tools by kind, packages by layer, what nobody sees."""

from collections import Counter
from collections.abc import Iterator

from ..inventory import KINDS, Comparison, Inventory, Needs, printable
from ..text import escape, one_line
from ..units import counted, size, some
from .markup import code, jointed, table, whole_names

_NAMES = 8      # names of tools in a row of a table
_PACKAGES = 12  # names of packages that a comparison shows
_FILES = 5      # files of a layer that nobody sees


def inventory_view(found: Inventory) -> str:
    """Tools by kind with what brought them; packages, waste and programs folded away."""
    image = found.image
    caption = (f"{image.reference}: {counted(found.surface.files, 'file')}, "
               f"{counted(found.surface.executables, 'executable')}, "
               f"{counted(len(found.packages), 'package')}{f', {found.os}' if found.os else ''}")
    rows = [(_html(kind), _html(names), "<br>".join(map(_code, brought))) for kind, names, brought in _tool_rows(found)]
    caption = printable(caption)
    known = table(("kind", "tools", "came with"), rows, caption) if rows else \
        f"<p>{escape(caption)}</p><p>No known tool.</p>"
    return known + _folded_packages(found) + _folded_waste(found)


def inventory_text(found: Inventory) -> str:
    """What is in an image, as text."""
    image, surface = found.image, found.surface
    lines = [f"{image.reference}: {size(image.unpacked)} unpacked, {counted(surface.files, 'file')}, "
             f"{counted(surface.executables, 'executable')}, {counted(surface.setuid, 'setuid file')}"]
    lines += [f"  {found.os}"] if found.os else []
    lines.append("Tools")
    lines += [f"  {kind:<16} {names:<44} {'; '.join(map(_line, brought))}".rstrip()
              for kind, names, brought in _tool_rows(found)] or ["  none known"]
    lines.append("Packages")
    lines += [f"  {kinds:<44} {_line(made)}" for kinds, made in _package_rows(found)] or ["  none listed"]
    if found.wasted:
        lines.append(f"Shipped and never seen: {size(found.wasted)}")
        lines += [f"  {size(total):>8} of {_line(made)}, hidden by {_line(by)}"
                  for total, made, by, _ in _waste_rows(found)]
    return _text(lines)


def _tool_rows(found: Inventory) -> Iterator[tuple[str, str, list[str]]]:
    """(kind, names, what brought them) for each kind that is there."""
    for kind in KINDS:
        tools = found.kind(kind)
        if tools:
            names = some(list(dict.fromkeys(tool.name for tool in tools)), _NAMES)
            brought = list(dict.fromkeys(found.layer(tool.layer).instruction for tool in tools))
            yield kind, names, brought


def _package_rows(found: Inventory) -> Iterator[tuple[str, str]]:
    """('91 deb, 3 python', the instruction) for each layer that tells of packages."""
    layers: dict[int, Counter] = {}
    for each in found.packages:
        layers.setdefault(each.layer, Counter())[each.package.type] += 1
    for index in sorted(layers):
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(layers[index].items()))
        yield kinds, found.layer(index).instruction


def _waste_rows(found: Inventory) -> Iterator[tuple[int, str, str, list[str]]]:
    """(bytes, the layer that has them, the layers that hid them, some of the files)."""
    for each in found.waste:
        by = "; ".join(found.layer(index).instruction for index in each.by)
        files = [f"{unseen.path} ({size(unseen.size)})" for unseen in each.files[:_FILES]]
        if len(each.files) > _FILES:
            files.append(f"and {len(each.files) - _FILES:,} more")
        yield each.size, found.layer(each.layer).instruction, by, files


def _folded_packages(found: Inventory) -> str:
    if not found.packages:
        return "<p>No package is listed in it.</p>"
    rows = [(_html(kinds), _code(made)) for kinds, made in _package_rows(found)]
    return (f"<details><summary>{counted(len(found.packages), 'package')} by layer</summary>"
            f"{table(('packages', 'came with'), rows)}</details>")


def _folded_waste(found: Inventory) -> str:
    if not found.wasted:
        return ""
    rows = [(size(total), _code(made), _code(by), "<br>".join(map(_html, files)))
            for total, made, by, files in _waste_rows(found)]
    inner = table(("bytes", "in the layer of", "hidden by", "files"), rows, right=(0,))
    return (f"<details><summary>{size(found.wasted)} is shipped and never seen</summary>{inner}</details>")


def _html(text: str) -> str:
    return whole_names(jointed(escape(printable(text))))


def _code(instruction: str) -> str:
    """An instruction in one line: white space makes no difference in it."""
    return code(printable(" ".join(instruction.split())))


def _text(lines: list[str]) -> str:
    """Lines of text. What came out of an image can break none of them, nor speak to a terminal."""
    return "\n".join(map(printable, lines))


def _line(instruction: str) -> str:
    return one_line(instruction, 60)


def needs_view(found: Needs) -> str:
    """The loader and each library, and where it is."""
    rows = [(escape(what), code(name), code(place) if place else "<b>✘ not there</b>")
            for what, name, place in _needs_rows(found)]
    return table(("needs", "named", "found at"), rows) if rows else f"<p>{_ALONE}</p>"


def needs_text(found: Needs) -> str:
    """What a program needs, as text."""
    return "\n".join(f"{what:<8} {name:<28} {place or 'not there'}"
                     for what, name, place in _needs_rows(found)) or _ALONE


_ALONE = "Nothing but itself: no loader, no library."


def _needs_rows(found: Needs) -> Iterator[tuple[str, str, str]]:
    """(loader or library, its name, its path in the image or '')."""
    if found.loader:
        yield "loader", found.loader, "" if found.loader in found.missing else found.loader
    for name in sorted({*found.found, *found.missing} - {found.loader}):
        yield "library", name, found.found.get(name, "")


def comparison_view(seen: Comparison) -> str:
    """Images side by side, as HTML."""
    heads, rows = _comparison_rows(seen)
    shown = [(_html(what), *map(_html, values)) for what, values in rows]
    numbers = table(("what", *map(printable, heads)), shown, right=tuple(range(1, len(heads) + 1)))
    only = [(_html(name), _html(tools or "none"), _html(packages or "none"))
            for name, tools, packages in _only_rows(seen)]
    return numbers + table(("only in", "tools", "packages"), only)


def comparison_text(seen: Comparison) -> str:
    """Images side by side, as text."""
    heads, rows = _comparison_rows(seen)
    wide = [max(len(head), 12) for head in heads]
    lines = ["  ".join(["              ", *(f"{head:>{w}}" for head, w in zip(heads, wide))])]
    lines += ["  ".join([f"{what:<14}", *(f"{value:>{w}}" for value, w in zip(values, wide))]) for what, values in rows]
    for name, tools, packages in _only_rows(seen):
        lines += [f"Only in {name}", f"  tools     {tools or 'none'}", f"  packages  {packages or 'none'}"]
    return _text(lines)


def _comparison_rows(seen: Comparison) -> tuple[list[str], list[tuple[str, list[str]]]]:
    heads = [each.image.reference for each in seen.inventories]
    rows = [("unpacked", [size(each.image.unpacked) for each in seen.inventories]),
            ("never seen", [size(each.wasted) for each in seen.inventories])]
    counts = [dict(each.surface.rows()) for each in seen.inventories]
    rows += [(what, [f"{each[what]:,}" for each in counts]) for what in counts[0]]
    return heads, rows


def _only_rows(seen: Comparison) -> Iterator[tuple[str, str, str]]:
    for each in seen.inventories:
        tools = list(dict.fromkeys(tool.name for tool in seen.only_tools(each)))
        packages = [package.name for package in seen.only_packages(each)]
        yield each.image.reference, some(tools, 2 * _NAMES), some(packages, _PACKAGES)
