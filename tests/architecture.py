"""The one order of imports, and the picture of it: `python -m tests.architecture` (`make architecture`).

Draws docs/architecture.svg from the imports of helpers/ and writes the order into docs/architecture.md. A test fails
where either is out of date, or where an import runs back up.
"""

import ast
import functools
import graphlib
import html
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HELPERS = ROOT / "helpers"
PAGE, PICTURE = ROOT / "docs" / "architecture.md", ROOT / "docs" / "architecture.svg"
BEGIN, END = "<!-- order: written by `make architecture` -->", "<!-- order: end -->"

# Data flows downward: a package imports only from the rows above its own. A module that stands apart from
# its package has a row of its own.
ORDER: tuple[tuple[str, ...], ...] = (
    ("text",),
    ("errors", "units", "paths", "labels", "subprocesses"),
    ("formats", "dockerfile", "lint", "claims", "recorded", "extraction"),
    ("questions",),
    ("engine",),
    ("bases", "limits"),
    ("builder", "container", "registry"),
    ("engine/proot", "image"),
    ("inventory",),
    ("experiments",),
    ("report", "maintenance"),
    ("checks",),
    ("charts", "classroom"),
    ("views",),
    ("widgets",),
    ("magics",),
    ("lesson", "cli"),
    ("__main__",),
)
ROW = {name: at for at, names in enumerate(ORDER) for name in names}


def room(module: str) -> str:
    """The entry of ORDER for a module ("builder/session"): the longest one that it begins with."""
    names = module.split("/")
    return next((name for name in ("/".join(names[:n]) for n in range(len(names), 0, -1)) if name in ROW), names[0])


def part(path: Path) -> str:
    """The entry of ORDER for a file of helpers/."""
    return room(path.relative_to(HELPERS).with_suffix("").as_posix().removesuffix("/__init__"))


@functools.cache    # the tests ask several times for all
def named(path: Path) -> tuple[str, ...]:
    """The modules of helpers/, and the names in them, that a file imports, wherever in it: ("builder/session/Session",)."""
    package = ("helpers", *path.relative_to(HELPERS).with_suffix("").parts)[:-1]
    found: list[list[str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[:len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            found += [[*base, alias.name] for alias in node.names]
    return tuple("/".join(names[1:]) for names in found if names[0] == "helpers" and len(names) > 1)


def imports(path: Path) -> frozenset[str]:
    """The entries of ORDER that a file imports from, its own included."""
    return frozenset({room(name) for name in named(path)} - {"__version__"})


def modules() -> list[Path]:
    """Every module of helpers/ but the package's own front page."""
    return [path for path in sorted(HELPERS.rglob("*.py")) if path != HELPERS / "__init__.py"]


def graph() -> dict[str, set[str]]:
    """{entry: what it imports from}, for every entry that has a file."""
    found: dict[str, set[str]] = {}
    for path in modules():
        found.setdefault(part(path), set()).update(imports(path) - {part(path)})
    return found


def circle() -> list[Path]:
    """Modules that import each other, in a row, also those that do so in a function or for a type; [] if none do."""
    sorter = graphlib.TopologicalSorter({path: list(filter(None, map(_file, named(path)))) for path in modules()})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def _file(name: str) -> Path | None:
    """The module that "builder/session/Session" is in; None for what a package says of itself."""
    files = (HELPERS / f"{each}.py" for each in (name, name.rpartition("/")[0]))
    return next((path for path in files if path.exists()), None)


def reduced(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same without what follows from the rest: an arrow a -> c where a -> b -> c is there."""
    def reach(name: str) -> set[str]:
        return set().union(*({each} | reach(each) for each in edges.get(name, ())))
    return {name: {each for each in to if not any(each in reach(other) for other in to - {each})}
            for name, to in edges.items()}


def order(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The rows of ORDER, with what has a file."""
    return [row for names in ORDER if (row := [name for name in names if name in edges and name != "__main__"])]


def picture(edges: Mapping[str, set[str]]) -> str:
    """An SVG: a row for each row of ORDER, an arrow for each import that does not follow from others."""
    width, high, gap = 1180, 34, 66
    rows = order(edges)
    place: dict[str, tuple[float, float, float]] = {}
    for at, names in enumerate(rows):
        wide = [len(name) * 8.2 + 26 for name in names]
        space = (width - sum(wide)) / (len(names) + 1)
        left = space
        for name, each in zip(names, wide):
            place[name] = (left, 20 + at * gap, each)
            left += each + space
    tall = 40 + len(rows) * gap - (gap - high)
    lines = [_arrow(place[low], place[name], high) for name, to in sorted(reduced(edges).items()) if name in place
             for low in sorted(to)]
    boxes = [_box(name, *place[name], high) for names in rows for name in names]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall}" role="img" aria-labelledby="title">',
        f'<title id="title">{html.escape(sentence(rows))}</title>', f'<rect width="{width}" height="{tall}" fill="#fff"/>',
        *lines, *boxes, "</svg>", ""])


def _arrow(above: tuple[float, float, float], below: tuple[float, float, float], high: int) -> str:
    x1, y1, x2, y2 = above[0] + above[2] / 2, above[1] + high, below[0] + below[2] / 2, below[1]
    bend = (y2 - y1) / 2
    return (f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}" '
            'fill="none" stroke="#7a7a7a" stroke-width="1.2"/>')


def _box(name: str, left: float, top: float, wide: float, high: int) -> str:
    return (f'<rect x="{left:.0f}" y="{top:.0f}" width="{wide:.0f}" height="{high}" rx="6" fill="#e8f1f8" '
            f'stroke="#0072B2"/><text x="{left + wide / 2:.0f}" y="{top + 22:.0f}" text-anchor="middle" '
            f'font-family="ui-monospace, monospace" font-size="13.5" fill="#111">{html.escape(name)}</text>')


def sentence(rows: Iterable[Iterable[str]]) -> str:
    """What the picture shows, for who cannot see it."""
    return "Data flows downward: " + "; then ".join(", ".join(names) for names in rows) + "."


def listed(rows: Iterable[Iterable[str]]) -> str:
    """The order as Markdown."""
    return "\n".join(f"{at}. " + ", ".join(f"`{name}`" for name in names) for at, names in enumerate(rows, 1)) + "\n"


def placed(page: str, text: str) -> str:
    """A page with `text` between the two marks. Raises ValueError without them."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"no place for the order between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}{END}{after}"


def main() -> None:
    edges = graph()
    PICTURE.write_text(picture(edges))
    PAGE.write_text(placed(PAGE.read_text(), listed(order(edges))))


if __name__ == "__main__":
    main()
