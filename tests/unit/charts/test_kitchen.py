"""The kitchen and the dining room: every byte once, and drawn to scale."""

import re
from types import MappingProxyType

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from helpers import dockerfile as dockerfiles
from helpers import labels
from helpers.charts import kitchen
from helpers.charts.kitchen import tiles
from helpers.charts.style import _DARK, PAPER, repaint
from helpers.image import Image
from helpers.inventory import take
from helpers.report.kitchen import Rooms, Thing, rooms, total
from helpers.units import size
from tests.unit.cases import DYNAMIC, FAT, SMALL, STATIC, image, layer
from tests.unit.charts.figures import PNG, notes, texts

TEXT = ("FROM base:1 AS builder\nWORKDIR /src\nCOPY . .\nRUN build\n\n"
        "FROM small:1\nCOPY --from=builder /src/app /app\nCOPY --from=other:1 /certs /certs\n")
SOURCE = [("src/main.go", b"x" * 1_000)]
BUILT = [("src/app", STATIC, 0o755), ("root/.cache/go-build/a", b"y" * 9_000)]
SHELLS = [("bin/bash", DYNAMIC, 0o755), ("usr/bin/bash", ("h", "bin/bash"))]


def inventory(base, *own, **other):
    entries = [layer(*members) for _, members in (*base, *own)]
    pairs = [(made, each) for (made, _), each in zip((*base, *own), entries, strict=False)]
    return take(image(pairs[:len(base)], *pairs[len(base):], **other), entries)


def built(text=TEXT, base=FAT, last=SMALL, own=(("COPY /src/app /app", [("app", STATIC, 0o755)]),
                                                ("COPY /certs /certs", [("certs/a", b"c" * 40)]))):
    cook = inventory([("ADD rootfs /", [*base, *SHELLS])], ("WORKDIR /src", [("src", "d")]), ("COPY . .", SOURCE),
                     ("RUN build", BUILT))
    guest = inventory([("ADD rootfs /", last)], *own, base_name="small:1")
    return rooms(cook, guest, dockerfiles.parse(text))


def sizes(things):
    return {each.name: each.size for each in things}


def seen_bytes(inventory):
    return sum(count for _, count, _ in inventory.listing()) - sum(
        inventory.tree.origin(inventory.tree[path]).size for path in inventory.tree if inventory.tree[path].kind == "h")


def test_every_byte_of_both_rooms_is_counted_once():
    made = built()
    for things, each in zip((made.kitchen, made.dining), made.inventories, strict=False):
        assert total(things) == seen_bytes(each)
        assert list(things) == sorted(things, key=lambda thing: -thing.size)


def test_what_is_in_the_kitchen():
    found = sizes(built().kitchen)
    program = len(DYNAMIC)
    assert found["source"] == 1_000 and found["caches"] == 9_000
    assert found["libraries and headers to build with"] == 70_000   # a header
    assert found["compilers"] == found["version control"] == found["package managers"] == program
    assert found["shells"] == 2 * program and found["what crosses"] == len(STATIC)
    uses = {each.name: each.use for each in built().kitchen}
    assert [uses[name] for name in ("what crosses", "source", "caches", "compilers", "shells")] == ["run", "own", "own", "build", "rest"]


def test_what_crosses_is_what_copy_from_a_stage_brought():
    made = built()
    assert dict(made.crossed) == {"/app": len(STATIC)} and made.crossing == len(STATIC)
    assert [each.line for each in made.bridges] == [7]      # the other image is no kitchen
    assert sizes(made.dining)["what crosses"] == len(STATIC)
    assert "/certs/a" not in made.crossed


def test_a_folder_that_crosses_is_known_in_the_kitchen_too():
    text = TEXT.replace("/src/app /app", "/src /srv")
    made = built(text, own=[("COPY /src /srv", [("srv/app", STATIC, 0o755), ("srv/main.go", b"x" * 1_000)])])
    assert made.crossing == len(STATIC) + 1_000 == sizes(made.kitchen)["what crosses"]
    assert "source" not in sizes(made.kitchen)


def test_tools_that_stay_behind():
    assert set(built().tools()) == {"compilers", "version control", "package managers", "shells"}
    assert "shells" not in built(last=[*SMALL, *SHELLS]).tools()


@pytest.mark.parametrize("text", [TEXT.replace("COPY --from=builder /src/app /app\n", ""),
                                  "FROM a AS builder\nFROM b\n"])
def test_without_a_bridge_nothing_crosses(text):
    made = built(text, own=())
    assert made.crossing == 0 and made.bridges == ()


@pytest.mark.parametrize("sizes", [[1], [6, 6, 4, 3, 2, 2, 1], [100, 1, 1, 1], [5] * 9,
                                   [10 ** n for n in range(8, 0, -1)]])
@pytest.mark.parametrize("room", [(0, 0, 4, 4), (1, 2, 6, 1), (0, 0, 1, 6)])
def test_tiles_fill_the_room_and_do_not_overlap(sizes, room):
    found = tiles(sizes, room)
    x, y, wide, high = room
    whole = sum(sizes)
    for count, (left, bottom, w, h) in zip(sizes, found, strict=True):
        assert w * h == pytest.approx(wide * high * count / whole)
        assert x - 1e-9 <= left and left + w <= x + wide + 1e-9
        assert y - 1e-9 <= bottom and bottom + h <= y + high + 1e-9
    for one, (a, b, c, d) in enumerate(found):
        for e, f, g, h in found[one + 1:]:
            assert min(a + c, e + g) - max(a, e) < 1e-9 or min(b + d, f + h) - max(b, f) < 1e-9


def test_tiles_are_nearly_square():
    found = tiles([6, 6, 4, 3, 2, 2, 1], (0, 0, 6, 4))     # the paper's own example
    assert max(max(w / h, h / w) for _, _, w, h in found) < 3


@pytest.mark.parametrize("sizes", [[], [0], [0, 0]])
def test_an_empty_room_has_no_tiles(sizes):
    assert tiles(sizes, (0, 0, 1, 1)) == []


def frames(chart):
    """Width and height of the two rooms, by their frames."""
    axes, = chart.figure.axes
    found = [each for each in axes.patches if isinstance(each, Rectangle) and not each.get_fill()]
    return [(each.get_width(), each.get_height()) for each in found]


def test_the_areas_of_the_rooms_are_as_their_bytes():
    made = built()
    (w1, h1), (w2, h2) = frames(kitchen(made))
    assert w1 * h1 / (w2 * h2) == pytest.approx(total(made.kitchen) / total(made.dining))


def test_the_picture_says_what_crosses_and_what_stays():
    made = built()
    chart = kitchen(made)
    assert chart.title == "Less than 1 % of the kitchen crosses; compilers, package managers and shells stay there"
    assert "In the dining room" in texts(chart) and "Stayed in the kitchen" in texts(chart)
    assert f"kitchen: {size(total(made.kitchen))} that a container sees" in texts(chart)
    for room, things in (("Kitchen", made.kitchen), ("Dining room", made.dining)):
        assert f"{room}: " + ", ".join(f"{each.name} {size(each.size)}" for each in things) in chart.alt
    assert f"COPY --from=builder /src/app /app): {size(made.crossing)}." in chart.alt
    assert chart.png().startswith(PNG)


def test_a_dining_room_with_a_kitchen_of_its_own_is_called_that():
    chart = kitchen(built(last=[*FAT, *SHELLS]))
    assert "but the dining room has compilers, package managers and shells of its own" in chart.title
    assert all(width <= 7.0 for width, _ in frames(chart)) and sum(width for width, _ in frames(chart)) < 7.0
    assert "In the dining room" not in texts(chart)     # there is no room for a list


def test_a_room_without_a_bridge():
    chart = kitchen(built("FROM a AS builder\nFROM b\n", own=()))
    assert chart.title == "Nothing crosses from the kitchen into the dining room"
    assert "nothing\ncrosses" in texts(chart)


def test_every_kind_that_stayed_is_listed_or_counted():
    things = tuple(Thing(f"kind {n}", 1_000 - n, "build", ("x",)) for n in range(30))
    made = built()
    chart = kitchen(Rooms(things, made.dining, made.bridges, made.crossed, made.inventories))
    listed = [word for word in texts(chart) if re.fullmatch(r"kind \d+", word)]
    more = [int(word.split()[1]) for word in texts(chart) if re.fullmatch(r"and \d+ kinds more", word)]
    assert len(listed) + sum(more) == 30 and len(more) == 1


def test_a_stand_in_is_hatched():
    made = built()
    one, two = made.inventories
    told = image([("ADD x /", layer(*FAT))])
    stand_in = Image(**{**told.__dict__, "labels": {labels.STAND_IN: "golang:1.22"}})
    chart = kitchen(Rooms(made.kitchen, made.dining, made.bridges, made.crossed, (take(stand_in, [layer(*FAT)]), two)))
    axes, = chart.figure.axes
    assert any(each.get_hatch() for each in axes.patches) and "stand-in" in notes(chart)
    assert hatching(chart) == hatching(chart, _DARK) and not hatching(chart, _DARK) & {"#010101", _DARK[PAPER].lower()}
    axes, = kitchen(made).figure.axes
    assert not any(each.get_hatch() for each in axes.patches)


def hatching(chart, theme=MappingProxyType({})):
    """The colours of hatching in the picture, in that theme. Words on it are in black."""
    repaint(chart.figure, theme)
    axes, = chart.figure.axes
    return {to_hex(each.get_hatchcolor()) for each in axes.patches if each.get_hatch()}


def test_an_empty_image_is_an_empty_room():
    empty = take(Image("a", "sha256:x", (), "", {}), [])
    chart = kitchen(rooms(empty, empty, dockerfiles.parse("FROM scratch AS a\nFROM scratch\n")))
    assert chart.png().startswith(PNG)
