"""The small engine: scans, layers, images, cache and COPY; nothing is run, no PRoot is needed."""

import io
import json
import os
import stat
import tarfile

import pytest

from helpers.dockerfile import parse
from helpers.image import saved
from helpers.small import layers, settings
from helpers.small.build import Builder, Options
from helpers.small.paths import inside
from helpers.small.scan import Change, changes, scan
from helpers.small.store import Missing, Store, full
from helpers.small.trees import Trees
from helpers.small.waste import Waste
from helpers.small.wire import Body


# -- paths ---------------------------------------------------------------------------

def test_links_never_lead_out_of_a_file_system(tmp_path):
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "up").symlink_to("../../../../etc")
    (tmp_path / "far").symlink_to("/etc/passwd")
    root = str(tmp_path)
    assert inside(root, "/bin/sh") == f"{root}/usr/bin/sh"
    assert inside(root, "up/passwd") == f"{root}/etc/passwd"
    assert inside(root, "far") == f"{root}/etc/passwd"
    assert inside(root, "far", follow=False) == f"{root}/far"
    assert inside(root, "../../x") == f"{root}/x"


def test_a_circle_of_links_is_an_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic"):
        inside(str(tmp_path), "a")


# -- what changed ---------------------------------------------------------------------

@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "root"
    (root / "etc/deep").mkdir(parents=True)
    (root / "etc/name").write_text("old")
    (root / "etc/deep/gone").write_text("x")
    (root / "kept").write_text("x")
    return root


def test_a_layer_names_what_changed_and_the_directories_above(tree):
    before = scan(str(tree))
    (tree / "etc/name").write_text("newer")
    (tree / "etc/deep/gone").unlink()
    (tree / "link").symlink_to("kept")
    found = changes(before, scan(str(tree)))
    assert found == [Change("etc"), Change("etc/deep"), Change("etc/deep/gone", True), Change("etc/name"), Change("link")]


def test_of_a_tree_that_is_gone_only_the_top_is_named(tree):
    before = scan(str(tree))
    layers.remove(str(tree / "etc"))
    assert changes(before, scan(str(tree))) == [Change("etc", True)]


def test_nothing_changed_is_nothing(tree):
    assert changes(scan(str(tree)), scan(str(tree))) == []


def test_a_permission_alone_is_a_change(tree):
    before = scan(str(tree))
    (tree / "kept").chmod(0o4755)
    assert changes(before, scan(str(tree))) == [Change("kept")]


def test_layers_laid_over_one_another_give_the_file_system_again(tree, tmp_path):
    empty = scan(str(tree))
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    layers.write(first, str(tree), changes({}, empty), empty, {"kept": (7, 8)})
    os.link(tree / "kept", tree / "twin")
    (tree / "etc/deep/gone").unlink()
    (tree / "etc/name").chmod(0o640)
    now = scan(str(tree))
    layers.write(second, str(tree), changes(empty, now), now, {})
    again, owners = tmp_path / "again", {}
    again.mkdir()
    for place in (first, second):
        with tarfile.open(place) as archive:
            layers.lay(archive, str(again), owners)
    shape = {path: (seen.mode, seen.size, seen.target) for path, seen in now.items()}
    assert {path: (seen.mode, seen.size, seen.target) for path, seen in scan(str(again)).items()} == shape
    assert not (again / "etc/deep/gone").exists() and "kept" in owners


def test_a_hard_link_is_kept_once(tree, tmp_path):
    os.link(tree / "kept", tree / "twin")
    seen = scan(str(tree))
    _, content = layers.write(tmp_path / "l.tar", str(tree), changes({}, seen), seen, {})
    with tarfile.open(tmp_path / "l.tar") as archive:
        assert archive.getmember("twin").islnk() and archive.getmember("twin").linkname == "kept"
    assert content == sum(each.stat().st_size for each in (tree / "etc/name", tree / "etc/deep/gone", tree / "kept"))


def test_an_archive_cannot_write_outside(tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("door")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        archive.addfile(link)
        for name in ("door/file", "../../escaped"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"x"))
    packed.seek(0)
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    with tarfile.open(fileobj=packed) as archive:
        layers.lay(archive, str(root), {})
    assert list((tmp_path / "outside").iterdir()) == [] and (root / "escaped").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]


# -- building without running anything --------------------------------------------------

class Nobody:
    """Runs nothing: a Dockerfile of these tests has no RUN."""

    bound = ()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def building(store, tmp_path):
    trees = Trees(tmp_path / "trees", store.layer, Waste(tmp_path / "waste"))

    def run(text, files=(), **options):
        context = tmp_path / "context"
        layers.remove(str(context))
        context.mkdir()
        (context / "Dockerfile").write_text(text)
        for name, content in dict(files).items():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            (context / name).write_text(content)
        told = []
        image = Builder(store, trees, Nobody(), told.append).build(context, Options(**options))
        return image, told

    return run


_TWO = """\
FROM scratch AS unused
COPY b /never
FROM scratch AS builder
COPY a /app/
FROM scratch
ENV X=1 Y="two words"
COPY --from=builder --chown=5:6 /app/a /bin/
CMD ["/bin/a"]
"""


def lines(told):
    return [each["stream"] for each in told if "stream" in each]


def test_two_stages_and_only_what_was_copied(building, store):
    image, told = building(_TWO, {"a": "A", "b": "B"}, tags=("t:1",))
    assert store.find("t:1") == image
    with tarfile.open(store.layer(store.chain(image)[0])) as archive:
        entries = {entry.name: (entry.uid, entry.gid, stat.filemode(entry.mode)) for entry in archive}
    assert entries.keys() == {"bin", "bin/a"} and entries["bin/a"][:2] == (5, 6)
    config = store.config(image)["config"]
    assert config["Cmd"] == ["/bin/a"] and "Y=two words" in config["Env"]


def test_a_stage_that_nothing_needs_is_not_run_and_keeps_its_numbers(building):
    _, told = building(_TWO, {"a": "A", "b": "B"})
    steps = [line.split(" :")[0] for line in lines(told) if line.startswith("Step ")]
    assert steps == ["Step 3/8", "Step 4/8", "Step 5/8", "Step 6/8", "Step 7/8", "Step 8/8"]


def test_the_cache_knows_content_and_not_time(building):
    first, _ = building(_TWO, {"a": "A", "b": "B"})
    again, told = building(_TWO, {"a": "A", "b": "B"})
    other, _ = building(_TWO, {"a": "changed", "b": "B"})
    anew, cold = building(_TWO, {"a": "A", "b": "B"}, no_cache=True)
    hits = lines(told).count(" ---> Using cache\n")
    assert first == again and other != first and hits == 4   # COPY, ENV, COPY, CMD
    assert " ---> Using cache\n" not in lines(cold)


def test_a_target_and_labels(building, store):
    image, _ = building(_TWO, {"a": "A", "b": "B"}, target="builder", labels={"k": "v"})
    assert store.config(image)["config"]["Labels"] == {"k": "v"}
    with tarfile.open(store.layer(store.chain(image)[0])) as archive:
        assert archive.getnames() == ["app", "app/a"]


def test_what_is_not_in_the_context_is_refused(building):
    with pytest.raises(settings.Refused, match="file not found in build context"):
        building("FROM scratch\nCOPY nothing /\n")


def test_an_ignored_dockerfile_is_not_copied(building, store):
    image, _ = building("FROM scratch\nCOPY . /\n", {".dockerignore": "Dockerfile\n.dockerignore\n", "a": "A"})
    with tarfile.open(store.layer(store.chain(image)[0])) as archive:
        assert archive.getnames() == ["a"]


def test_an_argument_is_part_of_what_the_cache_knows_only_once_it_is_declared(building):
    text = "ARG V=1\nFROM scratch\nARG V\nENV X=$V\n"
    assert building(text)[0] != building(text, args={"V": "2"})[0]
    assert building(text)[0] == building(text, args={"W": "2"})[0]


def test_a_saved_image_is_read_by_the_course_and_by_another_store(building, store, tmp_path):
    image, _ = building(_TWO, {"a": "A" * 5000, "b": "B"}, tags=("t:1",))
    archive = b"".join(store.save(["t:1"]))
    read = saved.read([archive])
    assert [each.unpacked for each in read.layers.values()] == [5000]
    other = Store(tmp_path / "other")
    assert other.load(io.BytesIO(archive)) == ["t:1"]
    assert other.find("t:1") == image and other.chain(image) == store.chain(image)


def test_a_layer_that_is_not_what_it_says_is_not_loaded(building, store, tmp_path):
    building(_TWO, {"a": "AAAA", "b": "B"}, tags=("t:1",))
    archive = b"".join(store.save(["t:1"])).replace(b"AAAA", b"BBBB")
    with pytest.raises(ValueError, match="not what it says"):
        Store(tmp_path / "other").load(io.BytesIO(archive))


def test_the_last_name_takes_the_image_and_its_layers_away(building, store):
    image, _ = building(_TWO, {"a": "A", "b": "B"}, tags=("t:1", "t:2"))
    digest = store.chain(image)[0]
    store.remove("t:1")
    assert store.layer(digest).exists()
    told = store.remove("t:2")
    assert {"Deleted": f"sha256:{image}"} in told and not store.layer(digest).exists()
    with pytest.raises(Missing):
        store.find("t:2")


def test_a_tree_that_was_changed_is_not_lent_again(building, store, tmp_path):
    image, _ = building(_TWO, {"a": "A", "b": "B"})
    trees = Trees(tmp_path / "more", store.layer, Waste(tmp_path / "waste"))
    clean = trees.lend(store.chain(image))
    trees.give_back(clean)
    again = trees.lend(store.chain(image))
    assert again is clean
    with open(f"{again.root}/bin/dirt", "w"):
        pass
    trees.give_back(again)
    assert trees.lend(store.chain(image)) is not clean and not os.path.exists(clean.root)


def test_a_name_is_listed_whole():
    assert [full(each) for each in ("a", "docker.io/library/a:2", "h:5000/a")] == ["a:latest", "a:2", "h:5000/a:latest"]


# -- settings and the wire -----------------------------------------------------------------

def test_the_instructions_that_change_no_file():
    config = {}
    text = ('FROM scratch\nENV A=1 B=$Z\nENV C old form\nLABEL x="a b"\nEXPOSE 80 53/udp\nWORKDIR /a\nWORKDIR b\n'
            'SHELL ["/bin/bash", "-c"]\nCMD run it\nUSER me:us\n')
    for instruction in parse(text).stages[0].instructions[1:]:
        settings.apply(config, instruction, {"Z": "z"})
    assert config == {"Env": ["A=1", "B=z", "C=old form"], "Labels": {"x": "a b"}, "WorkingDir": "/a/b",
                      "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Shell": ["/bin/bash", "-c"],
                      "Cmd": ["/bin/bash", "-c", "run it"], "User": "me:us"}


def test_a_program_that_is_not_there_is_told_in_a_runtimes_words(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/script").write_text("#!/bin/none\n")
    (tmp_path / "bin/script").chmod(0o755)
    root = str(tmp_path)
    assert "executable file not found in $PATH" in settings.program(root, "/bin", "/", "sh")
    assert "no such file or directory" in settings.program(root, "/bin", "/", "/sh")
    assert settings.program(root, "/bin", "/", "script") == "exec /bin/script: no such file or directory"


@pytest.mark.parametrize(("head", "sent"), [
    ({"Content-Length": "5"}, b"hello and more"),
    ({"Transfer-Encoding": "chunked"}, b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\nmore"),
])
def test_a_body_ends_where_it_says(head, sent):
    body = Body(io.BytesIO(sent), head)
    assert io.BufferedReader(body).read() == b"hello"


def test_a_body_that_breaks_off_is_an_error():
    with pytest.raises(ConnectionError):
        Body(io.BytesIO(b"he"), {"Content-Length": "5"}).read(5) and Body(io.BytesIO(b""), {"Content-Length": "5"}).read(5)


def test_the_state_outlives_the_engine(building, store, tmp_path):
    image, _ = building(_TWO, {"a": "A", "b": "B"}, tags=("t:1",))
    assert json.loads((store.folder / "state.json").read_text())["names"] == {"t:1": image}
    assert Store(store.folder).find("t:1") == image
