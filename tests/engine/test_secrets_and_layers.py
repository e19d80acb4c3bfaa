"""The experiments of lessons 05 and 06, and each of them turned round."""

import uuid

import pytest

from helpers.builder import build
from helpers.container import run, serve
from helpers.container.attack import run_attacks
from helpers.errors import CourseError, ImageNotFound
from helpers.image import inspect, read_file, search
from helpers.image.stream import stream
from helpers.inventory import inventory
from helpers.lesson import APPS

BASE = "debian:bookworm-slim"


@pytest.fixture
def made(temporary, tmp_path):
    """A function that builds a Dockerfile's text with some files, and gives the image's name."""
    def make(text, files=(), **words):
        for name, content in dict(files).items():
            (tmp_path / name).write_bytes(content)
        return temporary(tmp_path, text=text, **words).tag

    return make


# -- what was deleted is read back (C18) -------------------------------------------------

def test_a_deleted_file_is_shipped_and_read_back(engine, made):
    tag = made(f"FROM {BASE}\nCOPY big /big\nRUN rm /big\n", {"big": b"content" * 1000})
    found = inventory(tag, engine)
    assert "/big" not in found.tree
    assert [(each.path, each.size, each.deleted) for each in found.deleted] == [("/big", 7000, True)]
    assert found.waste[-1].layer == len(found.image.layers) - 2
    assert read_file(found.image, "/big", engine=engine) == b"content" * 1000
    assert run(tag, ["/bin/sh", "-c", "cat /big"], engine=engine).exit_code != 0


def test_a_file_that_its_own_instruction_deletes_is_in_no_layer(engine, made):
    tag = made(f"FROM {BASE}\nRUN head -c 7000 /dev/zero > /big && rm /big\n")
    found = inventory(tag, engine)
    assert found.deleted == () and found.image.own_bytes == 0
    with pytest.raises(ImageNotFound, match="has no file /big"):
        read_file(found.image, "/big", engine=engine)


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
    monkeypatch.setattr("helpers.image.content.stream", lambda *given: saved.append(given) or stream(*given))
    before = {each["Id"] for each in engine.client.api.containers(all=True, filters={"ancestor": image.id})}
    assert read_file(image, "/file", engine=engine) == b"one\n" and not saved
    assert read_file(image, "/etc/hosts", engine=engine) == b"of the image" and len(saved) == 1
    assert read_file(image, "/gone", engine=engine) == b"two\n" and len(saved) == 2
    for no_file in ("/link", "/folder", "/dev", "/nothing"):
        with pytest.raises(ImageNotFound, match=f"has no file {no_file}"):
            read_file(image, no_file, engine=engine)
    assert {each["Id"] for each in engine.client.api.containers(all=True, filters={"ancestor": image.id})} == before


# -- secrets (C21, C23) ----------------------------------------------------------------------

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


def test_a_secret_in_the_builder_stays_there_and_a_mounted_one_nowhere(engine):
    secret = f"s-{uuid.uuid4().hex}"
    final = build(APPS / "secret", dockerfile="Dockerfile.argument", args={"TOKEN": secret}, engine=engine)
    builder = build(APPS / "secret", dockerfile="Dockerfile.argument", args={"TOKEN": secret}, target="builder",
                    engine=engine)
    assert places(engine, final.image, secret) == set()
    # Docker 25 and later write the value of an ARG into the history by itself, too. Of a RUN
    # with arguments, Buildah writes what the legacy builder does: their count, and no RUN.
    run = "|1" if builder.builder == "buildah" else "RUN"
    assert places(engine, builder.image, secret) - {("history", "ARG")} == {("file", "/log"), ("history", run)}
    lender = build(APPS / "secret", target="builder", secrets={"token": secret.encode()}, no_cache=True, engine=engine)
    assert places(engine, lender.image, secret) == set()
    # Turned round: the log is copied, and the claim falls.
    text = (APPS / "secret" / "Dockerfile.argument").read_text() + "COPY --from=builder /log /log\n"
    leaky = build(APPS / "secret", text=text, args={"TOKEN": secret}, engine=engine)
    assert places(engine, leaky.image, secret) == {("file", "/log")}


# -- an intruder (C9) ----------------------------------------------------------------------

OUTCOMES = {
    "Dockerfile.single": (True, True, True, True, True), "Dockerfile.slim": (True, True, False, True, True),
    "Dockerfile": (False, False, False, False, True), "Dockerfile.user": (False, False, False, False, False)}


@pytest.mark.parametrize("dockerfile", OUTCOMES)
def test_an_attack_works_where_it_can_and_where_the_inventory_says_so(engine, built, dockerfile):
    """Each attack works somewhere and fails elsewhere: so neither outcome is built in."""
    made = built("go-server", dockerfile)
    with serve(made.tag, port=8080, engine=engine) as server:
        done = {each.what: each.worked for each in run_attacks(server, 8080)}
    assert tuple(done.values()) == OUTCOMES[dockerfile]
    found = inventory(made.tag, engine)
    for kind, attack in (("shell", "open a shell"), ("compiler", "compile a program"),
                         ("package manager", "install a package")):
        assert bool(found.kind(kind)) is done[attack]


# -- COPY (C19) ----------------------------------------------------------------------------

@pytest.mark.parametrize("builder", ["buildkit", "legacy"])
def test_what_copy_keeps_of_a_file(engine, builder):
    if builder not in engine.builders:
        pytest.skip(f"{engine.name} has no {builder}")
    stage = build(APPS / "copies", target="builder", builder=builder, engine=engine)
    copied = build(APPS / "copies", builder=builder, engine=engine)
    before, after = inventory(stage.image, engine).tree, inventory(copied.image, engine).tree
    for path in ("/made/file", "/made/twin", "/made/link"):
        one, two = before.origin(before[path]), after.origin(after[path])
        assert (one.kind, one.mode, one.size, one.link) == (two.kind, two.mode, two.size, two.link)
        assert one.entries.uids[one.row] == two.entries.uids[two.row]
    assert (before["/made"].mode, after["/made"].mode) == (0o700, 0o755)
    assert after["/followed"].kind == "f" and "/made-in-passing" not in after
