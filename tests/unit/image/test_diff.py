"""What differs between two builds, from hand-made layers and configurations."""

import hashlib
import json
from dataclasses import replace

import pytest

from helpers.errors import ImageUnreadable
from helpers.image import Twins, compare
from helpers.image.diff import FileState, changes, file_changes
from tests.unit.engines import Straw
from tests.unit.layers import digest, pieces, tar

FILE = FileState("f", "sha256 of it", 0o755, (0, 0), 1.5)


@pytest.mark.parametrize("other, found", [
    ({}, []), ({"content": "another"}, ["content"]), ({"mode": 0o644}, ["mode"]),
    ({"owner": (0, 5)}, ["owner"]), ({"time": 2.5}, ["time"]), ({"kind": "l"}, ["kind"]),
    ({"capability": b"1"}, ["capability"]), ({"content": "another", "time": 0}, ["content", "time"])])
def test_properties_of_an_entry_are_compared(other, found):
    told = file_changes({"/a": FILE}, {"/a": replace(FILE, **other)})
    assert told == ([("/a", field) for field in found] or [("the archive", "form")])


def test_an_entry_that_only_one_has():
    assert file_changes({"/a": FILE, "/b": FILE}, {"/a": FILE, "/c": FILE}) == [("/b", "only in one"), ("/c", "only in one")]


@pytest.mark.parametrize("one, other, found", [
    ({"a": 1}, {"a": 1}, []), ({"a": 1}, {"a": 2}, ["a"]), ({"a": 1}, {}, ["a"]), ({}, {"a": None}, []),
    ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ["a.b[1].c"]),
    ({"a": [1]}, {"a": [1, 2]}, ["a"]), ({"b": 1, "a": 1}, {"b": 2, "a": 2}, ["a", "b"]),
    ({"a": [1]}, {"a": {"b": 1}}, ["a"])])
def test_where_configurations_differ(one, other, found):
    assert list(changes(one, other)) == found


def layer(time: int, content: bytes = b"program") -> bytes:
    return tar(("app/app", content), mtime=time)


def image(*layers: bytes, created="Monday") -> dict[str, bytes]:
    """The members of a saved image."""
    config = json.dumps({"created": created, "rootfs": {"diff_ids": [digest(each) for each in layers]}}).encode()
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    index = json.dumps([{"Config": "config.json", "Layers": names}]).encode()
    return dict(zip(names, layers)) | {"config.json": config, "manifest.json": index}


def saved(members: dict[str, bytes]) -> bytes:
    return tar(*members.items())


class Pair(Straw):
    """An engine with these saved images, given as members or as bytes."""

    def __init__(self, **images):
        super().__init__()
        self.images = {name: saved(found) if isinstance(found, dict) else found for name, found in images.items()}

    def inspect_image(self, name):
        return {"Id": f"id of {hashlib.sha256(self.images[name]).hexdigest()}"}

    def get_image(self, image_id):
        found = next(data for name, data in self.images.items() if self.inspect_image(name)["Id"] == image_id)
        return pieces(found, 700)


BASE = layer(1, b"base")


@pytest.mark.parametrize("other, files, configuration, same", [
    (image(BASE, layer(5)), (), (), True),
    (image(BASE, layer(6), created="Tuesday"), (("/app/app", "time"),), ("created",), True),
    (image(BASE, layer(5, b"another")), (("/app/app", "content"),), (), False),
    (image(BASE, layer(5), created="Tuesday"), (), ("created",), True),
    (image(BASE), (("/app/app", "only in one"),), (), False)], ids=["nothing", "time", "content", "configuration", "layers"])
def test_what_differs_between_two_images(other, files, configuration, same):
    twins = compare("a", "b", Pair(a=image(BASE, layer(5)), b=other))
    assert twins == Twins(files, configuration, not files, not files and not configuration, "An engine of straw")
    assert twins.same("/app/app") == same
    assert twins.differences == (*map(": ".join, files), *(f"configuration: {place}" for place in configuration))
    assert repr(twins) == ("\n".join(twins.differences) or "nothing differs")


@pytest.mark.parametrize("data", [b"", b"no archive" * 100, saved({"a": b"b"}), saved({"manifest.json": b"{"}),
                                  saved({"manifest.json": b"[1]"}), saved({"manifest.json": b"[]"})])
def test_bytes_that_are_no_saved_image(data):
    with pytest.raises(ImageUnreadable, match="cannot be read"):
        compare("a", "b", Pair(a=data, b=image(BASE)))
