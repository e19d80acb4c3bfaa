"""What differs between two builds, from hand-made layers and configurations."""

import hashlib
import json
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from helpers.errors import ImageUnreadable
from helpers.image import Twins, compare
from helpers.image.diff import FileState, changes, file_changes
from tests.unit.layers import digest, tar

FILE = FileState("f", "sha256 of it", 0o755, (0, 0), 1.5)


@pytest.mark.parametrize("other, found", [
    ({}, []), ({"content": "another"}, ["content"]), ({"mode": 0o644}, ["mode"]),
    ({"owner": (0, 5)}, ["owner"]), ({"time": 2.5}, ["time"]), ({"kind": "l"}, ["kind"]),
    ({"capability": b"1"}, ["capability"]), ({"content": "another", "time": 0}, ["content", "time"])])
def test_what_of_an_entry_differs(other, found):
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


class Api:
    """The two calls of the SDK that are made, on hand-made images."""

    def __init__(self, images: dict[str, bytes]):
        self.images = images

    def inspect_image(self, name):
        return {"Id": f"id of {hashlib.sha256(self.images[name]).hexdigest()}"}

    def get_image(self, image_id):
        found = next(data for name, data in self.images.items() if self.inspect_image(name)["Id"] == image_id)
        return iter([found[:700], found[700:]])


def engine(**images):
    packed = {name: saved(content) if isinstance(content, dict) else content for name, content in images.items()}
    return SimpleNamespace(translate_errors=lambda _: nullcontext(), describe=lambda: "", client=SimpleNamespace(api=Api(packed)))


BASE = layer(1, b"base")


def test_the_same_image():
    twins = compare("a", "b", engine(a=image(BASE, layer(5)), b=image(BASE, layer(5))))
    assert twins == Twins((), (), layers=True, image=True)
    assert repr(twins) == "nothing differs"


def test_another_time_of_a_file():
    twins = compare("a", "b", engine(a=image(BASE, layer(5)), b=image(BASE, layer(6), created="Tuesday")))
    assert twins.files == (("/app/app", "time"),)
    assert twins.configuration == ("created",)   # and not the digests of the layers, too
    assert not twins.layers and not twins.image and twins.same("/app/app")
    assert repr(twins) == "/app/app: time\nconfiguration: created"


def test_another_program():
    twins = compare("a", "b", engine(a=image(BASE, layer(5)), b=image(BASE, layer(5, b"another"))))
    assert twins.files == (("/app/app", "content"),) and not twins.same("/app/app")


def test_the_same_layers_and_another_configuration():
    twins = compare("a", "b", engine(a=image(BASE), b=image(BASE, created="Tuesday")))
    assert twins.layers and not twins.image and twins.differences == ("configuration: created",)


@pytest.mark.parametrize("data", [b"", b"no archive" * 100, saved({"a": b"b"}), saved({"manifest.json": b"{"}),
                                  saved({"manifest.json": b"[1]"}), saved({"manifest.json": b"[]"})])
def test_what_is_no_saved_image(data):
    with pytest.raises(ImageUnreadable, match="cannot be read"):
        compare("a", "b", engine(a=data, b=image(BASE)))


def test_an_image_with_more_layers_is_not_taken_for_the_same():
    twins = compare("a", "b", engine(a=image(BASE), b=image(BASE, layer(5))))
    assert not twins.layers and not twins.same("/app/app")
