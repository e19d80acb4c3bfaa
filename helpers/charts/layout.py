"""Where the boxes and wires of a stage graph lie: geometry only, in inches, y downward.

One column of stages in the order of the Dockerfile, a row each; at their left the images
that they stand on. What comes from an image enters a stage at its left, what comes from
another stage at its right. Wires run in the gutters beside the columns and turn at right
angles, so that none runs through a box, however many stages there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..dockerfile import SCRATCH, Dockerfile, Edge

WIDE = 7.05                            # of the whole
_BOX, _HIGH, _GAP = 2.05, 0.62, 0.3    # a box, and the room between two rows
_LEFT = 1.3                            # the gutter between images and stages
_PORT = 0.22                           # from wire to wire at a box
_LANES, _LANE = 1.22, 0.12             # where the lanes of the right gutter begin; from lane to lane
_FIRST_LANE = 0.12                     # the same in the left gutter, where one is mostly enough
_TRUNK = 0.13                          # of a second trunk from an image, below its middle
_KINDS = ("RUN", "COPY", "FROM")        # which is nearer to the box, all else equal

Point = tuple[float, float]
Key = tuple[str, str]   # ('stage', label), ('image', reference), or ('scratch', label of its stage)


@dataclass(frozen=True)
class Box:
    """A stage or an image. `x` is its left side, `y` its middle; `row` counts from 0."""

    name: str
    external: bool
    x: float
    y: float
    high: float
    row: int
    wide: float = _BOX

    @property
    def right(self) -> float:
        return self.x + self.wide


@dataclass(frozen=True)
class Wire:
    """What a stage takes, `count` times. `points` end at the arrow's head; `label` is
    where its words begin (`words_left`) or end, on the wire beside the stage."""

    via: str
    count: int
    points: tuple[Point, ...]
    label: Point
    words_left: bool


@dataclass(frozen=True)
class Plan:
    """A whole graph: {key: box}, its wires, the height, and {label of a stage: (top,
    bottom)} of the strip that belongs to it."""

    boxes: dict[Key, Box]
    wires: tuple[Wire, ...]
    high: float
    strips: dict[str, tuple[float, float]]


def plan(dockerfile: Dockerfile, above: Mapping[str, float] = MappingProxyType({})) -> Plan:
    """The graph of a Dockerfile. `above` says how much room to leave at the top of the
    strips of some stages."""
    links = _links(dockerfile.edges)
    rows = _rows([stage.label for stage in dockerfile.stages], links)
    ports = {label: _right_ports(label, links, rows) for label in rows.order}
    boxes, strips, high = _boxes(rows, links, ports, above)
    left = [wire for label in rows.order for wire in _left_wires(label, links, boxes)]
    return Plan(boxes, (*left, *_right_wires(links, boxes, ports)), high, strips)


# -- what takes what ------------------------------------------------------------------

@dataclass(frozen=True)
class _Link:
    """All edges of one kind between the same two."""

    source: Key
    target: str
    via: str
    count: int


def _links(edges: Iterable[Edge]) -> list[_Link]:
    counts: dict[tuple[Key, str, str], int] = {}
    for edge in edges:
        link = (_key(edge), edge.target, edge.via)
        counts[link] = counts.get(link, 0) + 1
    return [_Link(*link, count) for link, count in counts.items()]


def _key(edge: Edge) -> Key:
    if not edge.external:
        return "stage", edge.source
    # Nothing is shared by those that begin with nothing: each has its own.
    return ("scratch", edge.target) if edge.source == SCRATCH else ("image", edge.source)


def _into(label: str, links: Sequence[_Link], external: bool) -> list[_Link]:
    return [link for link in links if link.target == label
            and (link.source[0] != "stage") is external]


# -- boxes ----------------------------------------------------------------------------

@dataclass(frozen=True)
class _Rows:
    """Rows from the top: (label of the stage or '', key of the image or None)."""

    rows: list[tuple[str, Key | None]]

    @property
    def order(self) -> list[str]:
        return [label for label, _ in self.rows if label]

    def of(self, label: str) -> int:
        return next(row for row, (there, _) in enumerate(self.rows) if there == label)


def _rows(labels: Sequence[str], links: Sequence[_Link]) -> _Rows:
    """A row a stage, with an image that it takes from at its left; a row above it
    for each further image that has none yet."""
    rows: list[tuple[str, Key | None]] = []
    placed: set[Key] = set()
    for label in labels:
        new = [link for link in _into(label, links, external=True) if link.source not in placed]
        new.sort(key=lambda link: link.via != "FROM")
        images = list(dict.fromkeys(link.source for link in new))
        placed.update(images)
        rows += [("", image) for image in images[1:]]
        rows.append((label, images[0] if images else None))
    return _Rows(rows)


def _boxes(rows: _Rows, links: Sequence[_Link], ports: dict[str, list[tuple]],
           above: Mapping[str, float]) -> tuple[dict[Key, Box], dict[str, tuple[float, float]], float]:
    """({key: box}, {label: (top, bottom)}, height of the whole)."""
    boxes: dict[Key, Box] = {}
    strips: dict[str, tuple[float, float]] = {}
    y = top = 0.0
    for row, (label, image) in enumerate(rows.rows):
        if y == top:
            y += above.get(next(name for name, _ in rows.rows[row:] if name), 0.0)
        wires = max(len(_into(label, links, True)), len(ports[label])) if label else 1
        high = max(_HIGH, (wires + 0.5) * _PORT)
        middle = y + _GAP / 2 + high / 2
        if image:
            name = SCRATCH if image[0] == "scratch" else image[1]
            boxes[image] = Box(name, True, 0.0, middle, high, row)
        if label:
            boxes["stage", label] = Box(label, False, _BOX + _LEFT, middle, high, row)
        y += high + _GAP
        if label:
            strips[label] = top, y
            top = y
    return boxes, strips, y


def _leaves(link: _Link, links: Sequence[_Link], boxes: dict[Key, Box]) -> float:
    """y at which a trunk leaves an image: where the wire to the stage beside it does,
    if that is of the same kind."""
    source = boxes[link.source]
    for other in links:
        target = boxes["stage", other.target]
        if (other.source, other.via, target.row) == (link.source, link.via, source.row):
            into = _sorted(other.target, links, boxes)
            return _port(target, into.index(other), len(into))
    return source.y + (0 if link.via == "FROM" else _TRUNK)


def _sorted(label: str, links: Sequence[_Link], boxes: dict[Key, Box]) -> list[_Link]:
    """What enters a stage at its left, from the top."""
    return sorted(_into(label, links, external=True), key=lambda link: (boxes[link.source].row, link.via))


def _port(box: Box, index: int, count: int) -> float:
    """y of a box's wire number `index` of `count` on one side, from the top."""
    return box.y + (index - (count - 1) / 2) * _PORT


# -- wires ----------------------------------------------------------------------------

def _left_wires(label: str, links: Sequence[_Link], boxes: dict[Key, Box]) -> list[Wire]:
    """From images into one stage: straight from the one in its row, else down the gutter."""
    target = boxes["stage", label]
    into = _sorted(label, links, boxes)
    trunks = [(link.source, link.via) for link in links if link.source[0] == "image"
              and boxes[link.source].row != boxes["stage", link.target].row]
    lanes = {key: number for number, key in enumerate(dict.fromkeys(trunks))}
    wires = []
    for index, link in enumerate(into):
        source, y = boxes[link.source], _port(target, index, len(into))
        end = target.x, y
        if source.row == target.row:
            points: tuple[tuple[float, float], ...] = (source.right, y), end
        else:
            out = _leaves(link, links, boxes)
            lane = source.right + _FIRST_LANE + lanes[link.source, link.via] * min(_LANE, 0.3 / len(lanes))
            points = (source.right, out), (lane, out), (lane, y), end
        wires.append(Wire(link.via, link.count, points, (target.x - 0.2, y), words_left=False))
    return wires


def _right_ports(label: str, links: Sequence[_Link], rows: _Rows) -> list[tuple]:
    """The wires at a stage's right side from the top: ('in', source, via) for each that
    comes, ('out', via) for each trunk that leaves.

    What leads up is above what leads down; the nearest is outermost in the order, as
    it takes the inner lane. Then no two wires of a box cross.
    """
    here = rows.of(label)
    far: dict[tuple, int] = {}   # rows to the other end, upward negative
    for link in _into(label, links, external=False):
        far["in", link.source[1], link.via] = rows.of(link.source[1]) - here
    for link in links:
        if link.source == ("stage", label):
            port, rise = ("out", link.via), rows.of(link.target) - here
            far[port] = max(far.get(port, 0), rise, key=abs)
    # -1, -2, -3 from above, then 3, 2, 1 to below; of two kinds between the same stages
    # the one that is inner at this end is inner at the other.
    return sorted(far, key=lambda port: (far[port] > 0, -far[port],
                                         _KINDS.index(port[-1]) * (-1 if far[port] > 0 else 1)))


def _right_wires(links: Sequence[_Link], boxes: dict[Key, Box],
                 ports: dict[str, list[tuple]]) -> list[Wire]:
    """From stage to stage. All that one stage gives in one way shares a trunk."""
    def port(label: str, name: tuple) -> float:
        return _port(boxes["stage", label], ports[label].index(name), len(ports[label]))

    trunks: dict[tuple[str, str], list[_Link]] = {}
    for link in links:
        if link.source[0] == "stage":
            trunks.setdefault((link.source[1], link.via), []).append(link)
    ends = {trunk: [port(trunk[0], ("out", trunk[1])),
                    *(port(link.target, ("in", trunk[0], trunk[1])) for link in given)]
            for trunk, given in trunks.items()}
    lanes = _lanes({trunk: (min(ys), max(ys)) for trunk, ys in ends.items()})
    pitch = min(_LANE, 0.36 / max(1, *lanes.values(), 1))
    wires = []
    for trunk, given in trunks.items():
        source = boxes["stage", trunk[0]]
        lane = source.right + _LANES + lanes[trunk] * pitch
        begin = ends[trunk][0]
        for link, y in zip(given, ends[trunk][1:]):
            target = boxes["stage", link.target]
            points = (source.right, begin), (lane, begin), (lane, y), (target.right, y)
            wires.append(Wire(link.via, link.count, points, (target.right + 0.2, y), words_left=True))
    return wires


def _lanes(reach: dict[tuple[str, str], tuple[float, float]]) -> dict[tuple[str, str], int]:
    """A lane for each trunk, the innermost that is free along its reach; short ones first."""
    lanes: dict[tuple[str, str], int] = {}
    for trunk in sorted(reach, key=lambda each: reach[each][1] - reach[each][0]):
        top, bottom = reach[trunk]
        taken = {lane for other, lane in lanes.items()
                 if reach[other][0] <= bottom and top <= reach[other][1]}
        lanes[trunk] = next(lane for lane in range(len(reach)) if lane not in taken)
    return lanes
