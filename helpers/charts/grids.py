"""Tables of coloured cells: what attacks achieve, what crosses, what a base brings, what two builds share."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from ..container.attack import AS_ROOT, AttackResult
from ..image import Image, Twins
from ..inventory import BUILDING, KINDS, Inventory
from ..units import counted, listed
from .style import BUILD, DANGER, FAINT, INK, PALE, RUN, SHARED, WIDTH, Chart, canvas, finish, wide

_APART = 0.35      # rows between what an intruder finds and who it is
_ROW_SIZE = 11     # points of a row's name
_BETWEEN = 0.2     # inches from the name of one column to the next
_PARTS = ("program", "layers", "configuration", "image id")


def grid(axes: Axes, columns: Sequence[str], rows: Sequence[str], *, top: float = 0, size: float = 11) -> None:
    """Frame a table of cells of 1 by 1: the names of its columns above, in lines where they are long, those of its
    rows at the left.

    top   where the names of the columns stand, upward negative
    size  points of these names
    """
    axes.set_xlim(0, len(columns))
    axes.set_ylim(max(1, len(rows)), top)
    room = (WIDTH - max((wide(row, _ROW_SIZE) for row in rows), default=0.0)) / max(1, len(columns)) - _BETWEEN
    heads = [name if "\n" in name else _in_room(name, size, room) for name in columns]
    axes.set_xticks([column + 0.5 for column in range(len(columns))], heads, fontweight="bold", fontsize=size)
    axes.xaxis.tick_top()
    axes.set_yticks([row + 0.5 for row in range(len(rows))], rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _in_room(name: str, points: float, inches: float) -> str:
    """A name in as many lines as its words need."""
    lines = [""]
    for word in name.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and wide(longer, points, bold=True) > inches:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def cell(axes: Axes, column: int, row: float, colour: str, words: str = "", *, bold: bool = False) -> None:
    """The cell of a column and a row, counted from 0, in the pale form of a colour, with words in its middle."""
    axes.add_patch(Rectangle((column + 0.02, row + 0.06), 0.96, 0.88, facecolor=PALE[colour], edgecolor=colour,
                             linewidth=1))
    axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", color=INK, fontsize=10,
              fontweight="bold" if bold else "normal")


def pale_legend(*kinds: tuple[str, str]) -> list[Patch]:
    """A patch for each (colour, what a cell of it means)."""
    return [Patch(facecolor=PALE[colour], edgecolor=colour, label=label) for colour, label in kinds]


def tries(found: Mapping[str, Sequence[AttackResult]], images: Sequence[Image] = ()) -> Chart:
    """A row for each attack, a column for each image ({its name: its attacks})."""
    return _yes_no({name: {each.what: each.worked for each in done} for name, done in found.items()},
                   (("⚠ works", DANGER, "⚠ works: the intruder can"), ("fails", SHARED, "fails: the intruder cannot")),
                   _tries_finding(found, len(next(iter(found.values())))), images, apart=AS_ROOT)


def crossings(found: Mapping[str, Mapping[str, bool]], images: Sequence[Image] = ()) -> Chart:
    """What reaches a stage, {way into it: {what: whether it crosses}}: a row for each thing, a column for each way."""
    return _yes_no(found, (("✔ crosses", RUN, "✔ is there"), ("stays behind", SHARED, "is not there")),
                   _count(found, "crosses", "cross"), images)


def works(found: Mapping[str, Mapping[str, bool]], images: Sequence[Image] = ()) -> Chart:
    """What works where, {place: {what: whether it works}}: a row for each thing, a column for each place."""
    return _yes_no(found, (("✔ works", SHARED, "✔ works there"), ("✘ fails", DANGER, "✘ fails there")),
                   _count(found, "works", "work"), images)


def _yes_no(found: Mapping[str, Mapping[str, bool]], kinds: Sequence[tuple[str, str, str]], title: str,
            images: Sequence[Image], apart: str = "") -> Chart:
    """`kinds`: (words in a cell, colour, words in the legend) for yes, then for no. Danger is bold, else yes.
    `apart`: the last row, if it is of another kind."""
    rows = list(next(iter(found.values())))
    places = [row + _APART * (what == apart) for row, what in enumerate(rows)]
    figure, axes = canvas(0.4 + 0.4 * len(rows))
    loud = next((words for words, colour, _ in kinds if colour == DANGER), kinds[0][0])
    for column, answers in enumerate(found.values()):
        for row, what in zip(places, rows):
            words, colour, _ = kinds[not answers[what]]
            cell(axes, column, row, colour, words, bold=words == loud)
    grid(axes, list(found), rows)
    axes.set_yticks([place + 0.5 for place in places], rows)
    axes.set_ylim(places[-1] + 1, 0)
    alt = " ".join(f"{name}, {_grouped(answers, kinds)}." for name, answers in found.items())
    return finish(figure, title, alt, images, legend=pale_legend(*((colour, words) for _, colour, words in kinds)))


def _grouped(answers: Mapping[str, bool], kinds: Sequence[tuple[str, str, str]]) -> str:
    """'crosses: the user, the file; stays behind: the argument'"""
    sides = {words.lstrip("✘✔⚠ "): [what for what, yes in answers.items() if yes is side]
             for (words, *_), side in zip(kinds, (True, False))}
    return "; ".join(f"{words}: {', '.join(names)}" for words, names in sides.items() if names)


def _count(found: Mapping[str, Mapping[str, bool]], one: str, several: str) -> str:
    """'FROM builder: 5 of 6 cross; COPY --from: 1'"""
    counts = {name: sum(answers.values()) for name, answers in found.items()}
    (first, most), *others = counts.items()
    return "; ".join([f"{first}: {most} of {len(found[first])} {one if most == 1 else several}",
                      *(f"{name}: {count or 'none'}" for name, count in others)])


def _tries_finding(found: Mapping[str, Sequence[AttackResult]], count: int) -> str:
    worked = {name: sum(each.worked for each in done) for name, done in found.items()}
    most, least = max(worked, key=worked.__getitem__), min(worked, key=worked.__getitem__)
    if worked[most] == worked[least]:
        return f"{worked[most]} of {count} {'attack works' if count == 1 else 'attacks work'} in every image"
    return f"{most}: {worked[most]} of {count} attacks work; {least}: {worked[least]}"


def twins(pairs: Mapping[str, Twins], program: str) -> Chart:
    """A row for each pair of builds, {what was done: the comparison}: is the file `program` the
    same in both, are the layers, is the rest of the configuration, is the image?"""
    held = {name: (pair.same(program), pair.layers, not pair.configuration, pair.image) for name, pair in pairs.items()}
    figure, axes = canvas(0.35 + 0.5 * len(pairs))
    for row, answers in enumerate(held.values()):
        for column, same in enumerate(answers):
            cell(axes, column, row, SHARED if same else DANGER, "✔ same" if same else "✘ differs", bold=not same)
    grid(axes, _PARTS, list(pairs), size=10)
    alt = "; ".join(f"{name}: " + ", ".join(f"{'same' if same else 'different'} {what}"
                                            for what, same in zip(_PARTS, answers)) for name, answers in held.items())
    engines = "; ".join(dict.fromkeys(pair.engine for pair in pairs.values()))
    return finish(figure, _twins_finding(held), alt, source=f"Each row is two builds without the cache, on {engines}.",
                  legend=pale_legend((SHARED, "\u2714 byte for byte"), (DANGER, "\u2718 not")))


def _twins_finding(held: Mapping[str, tuple[bool, ...]]) -> str:
    first, last = next(iter(held.values())), list(held)[-1]
    same = [what for what, is_same in zip(_PARTS, held[last]) if is_same]
    if len(same) == len(_PARTS):
        return f"{last}: the same image twice, to the last bit"
    return (f"{counted(sum(first), 'part')} of {len(_PARTS)} the same at first, {len(same)} at the end"
            + (f": {' and '.join(same)}" if same else ""))


def left_behind(pairs: Mapping[str, tuple[Inventory, Inventory]]) -> Chart:
    """How many tools of each kind an image of one stage has, and one of several: a column for each language."""
    both = [found for pair in pairs.values() for found in pair]
    kinds = [kind for kind in KINDS if any(found.kind(kind) for found in both)]
    figure, axes = canvas(0.4 + 0.36 * max(1, len(kinds)))
    for row, kind in enumerate(kinds):
        for column, (one, several) in enumerate(pairs.values()):
            before, after = len(one.kind(kind)), len(several.kind(kind))
            if before or after:
                colour = SHARED if not after else BUILD if kind in BUILDING else DANGER
                cell(axes, column, row, colour, f"{before} → {after}", bold=after > 0)
            else:
                axes.text(column + 0.5, row + 0.5, "none", ha="center", va="center", color=FAINT, fontsize=9)
    grid(axes, list(pairs), kinds)
    title = _left_finding({name: len(several.build_tools) for name, (_, several) in pairs.items()})
    counts = {name: ", ".join(f"{kind} {len(one.kind(kind))} to {len(several.kind(kind))}" for kind in kinds
                              if one.kind(kind) or several.kind(kind)) for name, (one, several) in pairs.items()}
    return finish(figure, title, " ".join(f"{name}: {each or 'no known tool'}." for name, each in counts.items()),
                  [each.image for each in both], legend=pale_legend(
                      (SHARED, "all left behind"), (BUILD, "in the last image, for building"),
                      (DANGER, "in the last image, of use to an intruder")))


def _left_finding(left: Mapping[str, int]) -> str:
    """The languages with no tool for building in the last image, and how many the others have."""
    none = [name for name, count in left.items() if not count]
    some = [f"{name} {count}" for name, count in left.items() if count]
    clean = f"Several stages leave every build tool of {listed(none)} behind" if none else ""
    return "; ".join(filter(None, (clean, f"{'s' if none else 'S'}till there: {listed(some)}" if some else "")))
