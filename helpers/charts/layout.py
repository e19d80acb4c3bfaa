"""Where the boxes and wires of a stage graph lie: geometry only, in inches, y downward.

One column of stages in the order of the Dockerfile, a row each; at their left the images that they stand on. What comes
from an image enters a stage at its left, what comes from another stage at its right. Wires run in the gutters beside
the columns and turn at right angles, so that none runs through a box, however many stages there are.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..dockerfile import SCRATCH, Dockerfile, Edge

WIDE = 6.25                            # of the whole
_BOX, _HIGH, _GAP = 1.65, 0.62, 0.3    # a box, and the room between two rows
_LEFT = 1.35                           # the gutter between images and stages
_PORT = 0.22                           # from wire to wire at a box
_LANES, _LANE = (0.12, 1.22), 0.12     # where the lanes of both gutters begin; from lane to lane
_KINDS = ("RUN", "COPY", "FROM")       # which is nearer to the box, all else equal

Point = tuple[float, float]
Key = tuple[str, str]   # of a box: ('stage', label), ('image', reference), or ('scratch', label of its stage)
Trunk = tuple[Key, str]


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
        """Its right edge, in the units of the axes."""
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
    """A whole graph: {key: box}, its wires, and the height."""

    boxes: dict[Key, Box]
    wires: tuple[Wire, ...]
    high: float


class _Link(NamedTuple):
    """All edges of one kind between the same two."""

    source: Key
    target: str
    via: str

    @property
    def trunk(self) -> Trunk:
        """The line that it shares with all that its source gives in the same way."""
        return self.source, self.via


Links = Counter[_Link]
Ports = dict[tuple[str, str], list]   # {key of a stage: what is at one of its sides, from the top}


def plan(dockerfile: Dockerfile) -> Plan:
    """The graph of a Dockerfile."""
    links = Counter(_Link(_key(edge), edge.target, edge.via) for edge in dockerfile.edges)
    labels = [stage.label for stage in dockerfile.stages]
    rows = _rows(labels, links)
    row_of = {key: number for number, row in enumerate(rows) for key in row if key}
    left: Ports = {("stage", label): sorted(_from_images(label, links),
                                            key=lambda link: (row_of[link.source], link.via)) for label in labels}
    right: Ports = {("stage", label): _right_ports(label, links, row_of) for label in labels}
    boxes, high = _boxes(rows, left, right)
    return Plan(boxes, tuple(_wires(links, boxes, left, right)), high)


def _key(edge: Edge) -> Key:
    if not edge.external:
        return "stage", edge.source
    # Nothing is shared by those that begin with nothing: each has its own.
    return ("scratch", edge.target) if edge.source == SCRATCH else ("image", edge.source)


def _from_images(label: str, links: Links) -> list[_Link]:
    return [link for link in links if link.target == label and link.source[0] != "stage"]


def _rows(labels: Sequence[str], links: Links) -> list[tuple[Key | None, Key | None]]:
    """(image, stage) of each row: a stage with an image that it takes from at its left; a row
    above it for each further image that has none yet."""
    rows: list[tuple[Key | None, Key | None]] = []
    placed: set[Key] = set()
    for label in labels:
        new = [link for link in _from_images(label, links) if link.source not in placed]
        images = list(dict.fromkeys(link.source for link in sorted(new, key=lambda link: link.via != "FROM")))
        placed.update(images)
        rows += [(image, None) for image in images[1:]]
        rows.append((images[0] if images else None, ("stage", label)))
    return rows


def _right_ports(label: str, links: Links, row_of: dict[Key, int]) -> list:
    """The wires at a stage's right side from the top: each link that comes, and each trunk that leaves.

    What leads up is above what leads down; the nearest is outermost in the order, as it takes the
    inner lane. Then no two wires of a box cross.
    """
    here = row_of["stage", label]
    far: dict[tuple, int] = {}   # rows to the other end, upward negative
    for link in links:
        if link.target == label and link.source[0] == "stage":
            far[link] = row_of[link.source] - here
        if link.source == ("stage", label):
            far[link.trunk] = max(far.get(link.trunk, 0), row_of["stage", link.target] - here, key=abs)
    return sorted(far, key=lambda port: (far[port] > 0, -far[port],
                                         _KINDS.index(port[-1]) * (-1 if far[port] > 0 else 1)))


def _boxes(rows: Sequence[tuple[Key | None, Key | None]], left: Ports, right: Ports) -> tuple[dict[Key, Box], float]:
    """({key: box}, height of the whole)."""
    boxes: dict[Key, Box] = {}
    y = 0.0
    for row, (image, stage) in enumerate(rows):
        wires = max(len(left[stage]), len(right[stage])) if stage else 1
        high = max(_HIGH, (wires + 0.5) * _PORT)
        middle = y + _GAP / 2 + high / 2
        if image:
            boxes[image] = Box(SCRATCH if image[0] == "scratch" else image[1], True, 0.0, middle, high, row)
        if stage:
            boxes[stage] = Box(stage[1], False, _BOX + _LEFT, middle, high, row)
        y += high + _GAP
    return boxes, y


def _wires(links: Links, boxes: dict[Key, Box], left: Ports, right: Ports) -> Iterator[Wire]:
    """From each source to its targets. All that one source gives in one way shares a trunk."""
    def port(ports: Ports, stage: Key, what: object) -> float:
        place = ports[stage].index(what) - (len(ports[stage]) - 1) / 2
        return boxes[stage].y + place * _PORT

    ends = {link: port(left if link.source[0] != "stage" else right, ("stage", link.target), link) for link in links}
    straight = {link for link in links if boxes[link.source].row == boxes["stage", link.target].row}
    begins: dict[Trunk, float] = {}
    for key, via in dict.fromkeys(link.trunk for link in links):
        low = boxes[key].y + boxes[key].high / 2 - (0.07 if via == "FROM" else 0.15)
        begins[key, via] = port(right, key, (key, via)) if key[0] == "stage" else low
    lanes = [_lanes(begins, {link: y for link, y in ends.items() if (link.source[0] == "stage") is of_stages
                             and link not in straight}) for of_stages in (False, True)]
    for link, y in ends.items():
        source, target, of_stage = boxes[link.source], boxes["stage", link.target], link.source[0] == "stage"
        taken = lanes[of_stage]
        pitch = min(_LANE, (0.36 if of_stage else 0.3) / max(1, *taken.values(), 1))
        lane = source.right + _LANES[of_stage] + taken.get(link.trunk, 0) * pitch
        begin = y if link in straight else begins[link.trunk]
        end = target.right if of_stage else target.x
        points = (source.right, begin), (lane, begin), (lane, y), (end, y)
        yield Wire(link.via, links[link], points, (end + (0.2 if of_stage else -0.2), y), words_left=of_stage)


def _lanes(begins: dict[Trunk, float], ends: dict[_Link, float]) -> dict[Trunk, int]:
    """A lane for each trunk, the innermost that is free along its reach; short ones first."""
    reach: dict[Trunk, tuple[float, float]] = {}
    for trunk in dict.fromkeys(link.trunk for link in ends):
        ys = [begins[trunk], *(y for link, y in ends.items() if link.trunk == trunk)]
        reach[trunk] = min(ys), max(ys)
    lanes: dict[Trunk, int] = {}
    for trunk in sorted(reach, key=lambda each: reach[each][1] - reach[each][0]):
        top, bottom = reach[trunk]
        taken = {lane for other, lane in lanes.items() if reach[other][0] <= bottom and top <= reach[other][1]}
        lanes[trunk] = next(lane for lane in range(len(reach)) if lane not in taken)
    return lanes
