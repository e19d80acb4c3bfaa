"""What the lessons show beneath a cell, run by a real shell: it finds what the helper above it found."""

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from helpers import image
from helpers import inventory as inventories
from helpers.builder import build
from helpers.lesson import commands

TEXT = """FROM debian:bookworm-slim AS kitchen
RUN echo {word} > /word && echo kept > /kept
RUN rm /word
FROM debian:bookworm-slim
COPY --from=kitchen /kept /kept
"""


@pytest.fixture(scope="module")
def word():
    return uuid.uuid4().hex


@pytest.fixture(scope="module")
def made(engine, word, tmp_path_factory):
    """Names of two images: the first has hidden the word that the second never had."""
    text, folder = TEXT.format(word=word), tmp_path_factory.mktemp("context")
    names = {target: f"course-test:{target}-{word[::-1]}" for target in ("kitchen", "last")}
    build(folder, text=text, tag=names["kitchen"], target="kitchen", engine=engine)
    build(folder, text=text, tag=names["last"], engine=engine)
    yield names
    for name in names.values():
        engine.client.images.remove(name, force=True)


@pytest.fixture
def shell(engine, docker, tmp_path, monkeypatch):
    """shell(command) gives what it prints. `look` and /tmp/look are the names of this test."""
    look = f"look-{uuid.uuid4().hex[:8]}"
    (tmp_path / "docker").symlink_to(docker.program)

    def run(command):
        command = command.replace("/tmp/", f"{tmp_path}/").replace("--name look", f"--name {look}").replace(
            "look:", f"{look}:").replace("export look", f"export {look}").replace("rm look", f"rm {look}")
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={
            **os.environ, "DOCKER_HOST": engine.host, "PATH": f"{tmp_path}:{os.environ['PATH']}"}).stdout
    return run


def test_every_file_is_listed_and_so_is_every_package_of_debian(engine, made, shell):
    found = inventories.inventory(made["kitchen"], engine)
    told = shell(commands.inventory(made["kitchen"], debian=True)).splitlines()
    listed = {f"/{line.split()[5].rstrip('/')}" for line in told if line[:1] in "-dhl" and len(line.split()) > 5}
    assert "/kept" in listed and set(found.tree) - listed == set()
    packages = {line.split()[1] for line in told if line.startswith("Package: ")}
    assert packages == {each.package.name for each in found.packages if each.package.type == "deb"} != set()


@pytest.mark.parametrize("to", ["", "/tmp/copy"])
def test_a_file_is_read_also_one_that_a_later_layer_hides(engine, made, shell, word, tmp_path, to):
    seen = image.inspect(made["kitchen"], engine)
    for path, hidden in {"/kept": False, "/word": True}.items():
        said = shell(commands.reading(made["kitchen"], path, hidden, to))
        content = Path(tmp_path, "copy").read_text() if to else said
        assert image.read_file(seen, path, engine=engine).decode() in content


def test_a_text_is_found_in_the_image_that_has_it(made, shell, word):
    assert shell(commands.searching(made["kitchen"], word)).count("/look/") >= 2    # a layer, and the history
    assert shell(commands.searching(made["last"], word)) == ""


def test_what_only_one_image_has_is_listed(made, shell):
    names = ["debian:bookworm-slim", made["last"]]
    assert shell("\n".join(commands.comparison(names))).splitlines()[-1:] == ["> kept"]


def test_the_libraries_of_a_program_are_listed(engine, made, shell):
    needed = inventories.inventory(made["last"], engine).needs("/usr/bin/dash")
    told = shell(commands.needs(made["last"], "/usr/bin/dash"))
    assert needed.loader in told and all(name in told for name in needed.found)
