"""`python -m helpers inventory` and `compare`, on handmade images."""

import json

import pytest

from helpers import cli
from helpers.errors import ImageNotFound
from tests.unit.layers import elf, inventory, layer

IMAGES = {
    "one:1": lambda: inventory(layer(("bin/gcc", elf(), 0o755), ("bin/su", elf(), 0o4755), ("gone", b"12345")),
                               layer((".wh.gone", b""), ("x/package.json", b'{"name": "a", "version": "1"}')), name="one:1"),
    "two:1": lambda: inventory(layer(("bin/sh", elf(), 0o755)), name="two:1"),
    "odd:1": lambda: inventory(layer(("bin/\x1b\udcff\n", elf(), 0o4755)), name="odd:1"),
}
TRANSFER, UNIQUE = {"one:1": 1_234_000, "two:1": 567_000, "odd:1": 1}, {"one:1": 890, "two:1": 0, "odd:1": 1}


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    """An engine with these images that records whose transfer size was measured."""
    asked = []

    def look(reference, engine):
        if reference not in IMAGES:
            raise ImageNotFound(f"no image {reference}", remedy="Build it.")
        return IMAGES[reference]()

    monkeypatch.setattr("helpers.engine.connect", lambda: "engine")
    monkeypatch.setattr("helpers.inventory.inventory", look)
    monkeypatch.setattr("helpers.image.transfer", lambda image, engine: asked.append(image.reference) or TRANSFER[image.reference])
    monkeypatch.setattr("helpers.image.unique", lambda image, engine: UNIQUE[image.reference])
    return asked


def printed(capsys, *words: str) -> dict:
    assert cli.main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_an_inventory_as_json(capsys, engine):
    facts = printed(capsys, "inventory", "one:1")
    assert facts == IMAGES["one:1"]().facts()
    assert (facts["image"], facts["transfer"], facts["setuid"], "listing" in facts) == ("one:1", None, ["/bin/su"], False)
    assert engine == []


def test_with_its_files_and_its_transfer_size(capsys, engine):
    facts = printed(capsys, "inventory", "one:1", "--files", "--transfer")
    assert facts["transfer"] == 1_234_000 and engine == ["one:1"]
    assert [each["path"] for each in facts["listing"]] == ["/bin/gcc", "/bin/su", "/x/package.json"]
    assert facts["files"] == len(facts["listing"]) and all({"path", "size", "layer"} == each.keys() for each in facts["listing"])


def test_an_inventory_as_text(capsys, engine):
    assert cli.main(["inventory", "one:1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("one:1: 2.00 kB unpacked, 3 files, 2 executables, 1 setuid file\n") and "gcc" in out
    assert "Transfer" not in out and "Files" not in out
    assert cli.main(["inventory", "one:1", "--files", "--transfer"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Transfer: 1.23 MB" in lines and lines[-4:][0] == "Files"
    assert lines[-1].split() == ["29", "B", "/x/package.json", "RUN", "1"]


@pytest.mark.parametrize("words", [["inventory", "odd:1"], ["inventory", "odd:1", "--files"], ["compare", "odd:1", "one:1"],
                                   ["inventory", "odd:1", "--files", "--json"]])
def test_file_names_cannot_control_the_terminal(capsysbinary, words):
    """Nor break strict standard output with a lone surrogate."""
    assert cli.main(words) == 0
    out = capsysbinary.readouterr().out
    assert b"\x1b" not in out and out.decode().replace("\n", "").isprintable()
    assert "--json" in words or rb"\x1b\xff\n" in out


def test_a_comparison_as_json(capsys, engine):
    facts = printed(capsys, "compare", "one:1", "two:1")
    assert {"images", "only_in"} <= facts.keys()
    one, two = facts["images"]
    assert one == {**IMAGES["one:1"]().facts(), "unique": 890, "transfer": None}
    assert (two["image"], two["unique"], "listing" in two) == ("two:1", 0, False)
    assert facts["only_in"] == {"one:1": {"tools": ["gcc", "su"], "packages": ["a"]}, "two:1": {"tools": ["sh"], "packages": []}}
    assert engine == []


def test_a_comparison_with_transfer_sizes(capsys, engine):
    assert [each["transfer"] for each in printed(capsys, "compare", "one:1", "two:1", "--transfer")["images"]] == [1_234_000, 567_000]
    assert cli.main(["compare", "one:1", "two:1", "--transfer"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["one:1: 890 B in no other named image, 1.23 MB to transfer",
                          "two:1: 0 B in no other named image, 567 kB to transfer"]
    assert [line.split() for line in lines if line.startswith("compilers")] == [["compilers", "1", "0"]]


def test_a_comparison_is_drawn(capsys, tmp_path):
    assert cli.main(["compare", "one:1", "two:1", "--png", str(tmp_path / "a.png"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["images"] and err == f"Written: {tmp_path / 'a.png'}\n"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_an_unwritable_chart_is_an_error(capsys, tmp_path):
    assert cli.main(["compare", "one:1", "--png", str(tmp_path / "no" / "a.png"), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert "cannot be written" in answer["error"]["message"] and answer["error"]["why"]


@pytest.mark.parametrize("words", [["inventory", "no:1"], ["compare", "one:1", "no:1"]])
def test_a_missing_image_is_an_error(capsys, words):
    assert cli.main([*words, "--json"]) == 1
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["ok"], answer["error"]["kind"], answer["error"]["remedy"]) == (False, "ImageNotFound", "Build it.")
    assert err.startswith("ImageNotFound: no image no:1")
    assert cli.main(words) == 1 and capsys.readouterr().out == ""
