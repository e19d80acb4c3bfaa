"""What is read back out of an image: a file of any layer, and a text wherever it stands."""

import uuid

import pytest

from helpers.errors import CourseError, ImageNotFound
from helpers.image import inspect, read_file, search
from helpers.image.archive_reader import save

BASE = "debian:bookworm-slim"


@pytest.fixture
def made(temporary, tmp_path):
    """A function that builds a Dockerfile's text with some files, and gives the image's name."""
    def make(text, files=(), **words):
        for name, content in dict(files).items():
            (tmp_path / name).write_bytes(content)
        return temporary(tmp_path, text=text, **words).tag

    return make


def test_a_file_is_read_out_of_the_layer_that_is_asked_for(engine, made):
    tag = made(f"FROM {BASE}\nRUN echo one > /file\nRUN echo two > /file\nRUN rm /file\n")
    image = inspect(tag, engine)
    first, second, third = image.own_layers
    assert read_file(image, "/file", engine=engine) == b"two\n"
    assert [read_file(image, "/file", layer, engine) for layer in (first, second)] == [b"one\n", b"two\n"]
    with pytest.raises(ImageNotFound, match="in the layer of RUN rm /file"):
        read_file(image, "/file", third, engine)


@pytest.mark.parametrize("large", [0, 10**12], ids=["copied out of a container", "out of the saved image"])
def test_a_file_too_large_to_hold_is_not_read(engine, made, monkeypatch, large):
    tag = made("FROM scratch\nCOPY big /big\n", {"big": b"x" * 2000})
    monkeypatch.setattr("helpers.image.content._LARGE", large)
    monkeypatch.setattr("helpers.image.content.LIMIT", 1999)
    with pytest.raises(CourseError, match="too many to read into memory"):
        read_file(inspect(tag, engine), "/big", engine=engine)


def test_a_file_copied_out_of_a_container_is_that_of_the_image(engine, made, monkeypatch):
    """What is no file there, and what an engine writes into every container, comes out of the saved image."""
    tag = made(f"FROM {BASE}\nRUN echo one > /file && ln -s file /link && mkdir /folder\nCOPY hosts /etc/hosts\n"
               "RUN echo two > /gone\nRUN rm /gone\nVOLUME /folder\n", {"hosts": b"of the image"})
    image, saved = inspect(tag, engine), []
    monkeypatch.setattr("helpers.image.content._LARGE", 0)
    monkeypatch.setattr("helpers.image.content._on_disk", lambda *_: None)
    monkeypatch.setattr("helpers.image.content.save", lambda *given: saved.append(given) or save(*given))
    before = {each["Id"] for each in engine.client.api.containers(all=True, filters={"ancestor": image.id})}
    assert read_file(image, "/file", engine=engine) == b"one\n" and not saved
    assert read_file(image, "/etc/hosts", engine=engine) == b"of the image" and len(saved) == 1
    assert read_file(image, "/gone", engine=engine) == b"two\n" and len(saved) == 2
    for no_file in ("/link", "/folder", "/dev", "/nothing"):
        with pytest.raises(ImageNotFound, match=f"has no file {no_file}"):
            read_file(image, no_file, engine=engine)
    assert {each["Id"] for each in engine.client.api.containers(all=True, filters={"ancestor": image.id})} == before


def places(engine, tag, needle):
    return {(each.where, each.what.split(" ")[0]) for each in search(inspect(tag, engine), needle, engine)}


def test_a_text_is_found_wherever_it_stands(engine, made):
    secret = f"s-{uuid.uuid4().hex}"
    tag = made(f"FROM {BASE}\nARG S\nENV KEPT={secret}\nLABEL told={secret}\nRUN echo $S > /file\nRUN rm /file\n"
               f"COPY straddling /\nRUN touch /named-{secret}\nCMD [\"echo\", \"{secret}\"]\n",
               {"straddling": b"x" * 32_765 + secret.encode() + b"y" * 70_000}, args={"S": secret})
    found = places(engine, tag, secret)
    assert {("file", "/file"), ("file", "/straddling"), ("file", f"/named-{secret}")} <= found
    assert {where for where, _ in found} == {"file", "history", "settings", "label"}
    assert places(engine, tag, secret + "0") == set()
    with pytest.raises(ValueError):
        search(inspect(tag, engine), "", engine)
