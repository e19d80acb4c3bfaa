"""What `docker images` shows, on summaries as engines tell them; and lists as tables."""

import pytest
from docker.errors import ImageNotFound

from helpers.builder.cache import Record
from helpers.image import Image, Layer, Listed, listed, marked
from helpers.image.listing import names
from helpers.views.lists import Images, Records, ordered
from tests.unit.engines import Straw


class Shelf(Straw):
    """An engine with images: {id: (names, history)}, and some that only -a shows."""

    def __init__(self, shown: dict, hidden: dict):
        super().__init__()
        self.shown, self.hidden = shown, hidden

    def images(self, all=False):
        held = {**self.shown, **(self.hidden if all else {})}
        return [{"Id": id_, "RepoTags": tags} for id_, (tags, _) in held.items()]

    def history(self, id_):
        held = {**self.shown, **self.hidden}
        if id_ not in held or held[id_][1] is None:
            raise ImageNotFound("gone")
        return [{"CreatedBy": text} for text in held[id_][1]]


NONE = "<none>:<none>"
STRAW = Shelf({"sha256:1": (["app:1", "app:latest"], ["CMD x", "LABEL made-for=123"]),
               "sha256:2": ([NONE], ["|1 A=b /bin/sh -c echo 123 > /m", None]),
               "sha256:3": (None, ["/bin/sh -c make"])}, {"sha256:4": ([NONE], ["/bin/sh -c echo 123 > /m"])})


@pytest.mark.parametrize("tags, said", [
    (["a:1"], ["a:1"]), (["b:1", "a:1"], ["a:1", "b:1"]), ([NONE], []), ([], []), (None, [])])
def test_the_names_of_an_image_on_older_and_newer_engines(tags, said):
    assert names({"RepoTags": tags}) == said
    assert names({}) == []


def test_a_line_for_each_name_and_for_each_image_without():
    assert listed(STRAW) == (Listed("app:1", "sha256:1"), Listed("app:latest", "sha256:1"),
                             Listed("<none>", "sha256:2"), Listed("<none>", "sha256:3"))
    assert [line.dangling for line in listed(STRAW)] == [False, False, True, True]
    assert [line.id for line in listed(STRAW, every=True)][-1] == "sha256:4"


def test_a_mark_in_the_history_identifies_an_image():
    assert [line.id for line in marked(listed(STRAW), "123", STRAW)] == ["sha256:1", "sha256:1", "sha256:2"]
    assert len(marked(listed(STRAW, every=True), "123", STRAW)) == 4
    assert marked(listed(STRAW), "124", STRAW) == ()


def test_an_image_that_is_removed_meanwhile_is_left_out():
    assert marked([Listed("a:1", "sha256:9")], "123", STRAW) == ()


def image(size: int) -> Image:
    return Image("a", "sha256:x", (Layer("sha256:l", "RUN a", size, 1),), "", {})


SHELF = Images([(Listed("app:1", "sha256:" + "1" * 64), image(23_000_000)),
                (Listed("<none>", "sha256:" + "2" * 64), image(778_000_000)),
                (Listed("app:2", "sha256:" + "3" * 64), image(5))])


def test_images_as_text_and_as_a_table():
    assert repr(SHELF).splitlines()[1].split() == ["<none>", "2" * 12, "778", "MB"]
    page = SHELF._repr_html_()
    assert "3 images" in page and "&lt;none&gt;" in page and "23.0 MB" in page and "<none>" not in page
    assert repr(Images()) == "no images" and Images()._repr_html_() == "<p>no images</p>"


def test_names_and_what_has_none():
    assert SHELF.names == ["app:1", "app:2"]
    assert [each.unpacked for each in SHELF.dangling] == [778_000_000]
    assert SHELF.only("app:2", "app:1", "app:9").names == ["app:2", "app:1"]


def record(id_, *parents, text="", size=1, **other) -> Record:
    return Record(id_, parents, "regular", text, size, **{"uses": 2, "shared": False, "in_use": False, **other})


def test_records_a_stage_after_the_other():
    found = [record("e", "d"), record("b", "a", text="2"), record("d", "z", text="exec two"), record("c", "b"),
             record("a", "z", text="exec one")]
    assert [each.id for each in ordered(found)] == ["a", "b", "c", "d", "e"]
    assert ordered([]) == ()


def test_a_record_on_two_others_comes_once():
    assert sorted(each.id for each in ordered([record("a"), record("b"), record("c", "a", "b")])) == ["a", "b", "c"]


def test_records_as_text_and_as_a_table():
    found = Records([record("a", text="mount / from exec /bin/sh -c go  build\n <x>", size=15_000_000),
                     record("b", text="f" * 100, size=5)])
    assert repr(found).splitlines()[0] == " 15.0 MB  go build <x>"
    assert repr(found).splitlines()[1].endswith("f" * 63 + "…")
    page = found._repr_html_()
    assert "2 records, 15.0 MB" in page and "go build &lt;x&gt;" in page
    assert found.bytes == 15_000_005
    assert repr(Records()) == "no records" and Records()._repr_html_() == "<p>no records</p>"
