"""The engine over PRoot: scans, layers, images, cache and COPY; nothing is run, no PRoot is needed."""

import gzip
import io
import json
import os
import stat
import tarfile

import pytest

from helpers.bases import aptsources, rootfs
from helpers.dockerfile import parse
from helpers.engine import proot_program as proot
from helpers.engine.proot import copying, fetching, layers, programs, settings
from helpers.engine.proot.build import Builder, Options, unpack
from helpers.engine.proot.file_systems import FileSystem, FileSystems, Waste
from helpers.engine.proot.layers import Change, changes, scan
from helpers.engine.proot.refused import NotFound, RequestRefused
from helpers.engine.proot.store import Store, full
from helpers.errors import CourseError
from helpers.extraction import extract, inside
from helpers.image import archive_reader
from helpers.paths import remove
from tests.unit.layers import tar
from tests.waiting import until


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


def test_a_cycle_of_links_is_an_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic"):
        inside(str(tmp_path), "a")


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "root"
    (root / "etc/deep").mkdir(parents=True)
    (root / "etc/name").write_text("old")
    (root / "etc/deep/gone").write_text("x")
    (root / "kept").write_text("x")
    return root


def edit(tree):
    (tree / "etc/name").write_text("newer")
    (tree / "etc/deep/gone").unlink()
    (tree / "link").symlink_to("kept")


@pytest.mark.parametrize("change, found", [
    (lambda tree: None, []), (lambda tree: remove(str(tree / "etc")), [Change("etc", True)]),
    (lambda tree: (tree / "kept").chmod(0o4755), [Change("kept")]),
    (edit, [Change("etc"), Change("etc/deep"), Change("etc/deep/gone", True), Change("etc/name"), Change("link")])])
def test_a_layer_has_the_changes_and_their_parent_directories(tree, change, found):
    before = scan(str(tree))
    change(tree)
    assert changes(before, scan(str(tree))) == found


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
            extract(archive, str(again), owners, whiteouts=True)
    shape = {path: (seen.mode, seen.size, seen.target) for path, seen in now.items()}
    assert {path: (seen.mode, seen.size, seen.target) for path, seen in scan(str(again)).items()} == shape
    assert not (again / "etc/deep/gone").exists() and "kept" in owners


def test_a_hard_link_is_stored_once(tree, tmp_path):
    os.link(tree / "kept", tree / "twin")
    seen = scan(str(tree))
    _, content = layers.write(tmp_path / "l.tar", str(tree), changes({}, seen), seen, {})
    with tarfile.open(tmp_path / "l.tar") as archive:
        assert archive.getmember("twin").islnk() and archive.getmember("twin").linkname == "kept"
    assert content == sum(each.stat().st_size for each in (tree / "etc/name", tree / "etc/deep/gone", tree / "kept"))


def packed(*members):
    """A tar archive of these members (see `layers.tar`), as a file."""
    return io.BytesIO(tar(*members))


def laid(root, *members):
    """Extract a layer of these members over the folder `root`."""
    with tarfile.open(fileobj=packed(*members)) as archive:
        extract(archive, str(root), whiteouts=True)


def test_an_archive_cannot_write_outside(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    laid(root, ("door", ("l", str(tmp_path / "outside"))), ("door/file", b"x"), ("../../escaped", b"x"))
    assert list((tmp_path / "outside").iterdir()) == [] and (root / "escaped").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]


@pytest.mark.parametrize("name", [".wh...", "deep/.wh...", "deep/.wh..", ".wh.", "../.wh.outside"])
def test_a_whiteout_deletes_nothing_outside(tmp_path, name):
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (tmp_path / "outside").write_text("x")
    (root / "kept").write_text("x")
    laid(root, (name, b""))
    assert (root / "kept").exists() and (root / "deep").exists() and (tmp_path / "outside").exists()


@pytest.mark.parametrize("target", ["../secret", "up/secret", "/secret"])
def test_a_hard_link_cannot_point_outside(tmp_path, target):
    (tmp_path / "secret").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "up").symlink_to("..")
    with pytest.raises(FileNotFoundError):
        laid(root, ("twin", ("h", target)))


def test_a_link_in_a_layer_applies_to_later_entries(tmp_path):
    """A cached folder is looked up again after a link."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    laid(tmp_path, ("a/b/one", b""), ("a/b", ("l", "/elsewhere")), ("a/b/two", b""))
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["two"]


def test_devices_are_skipped(tmp_path):
    laid(tmp_path, ("dev/sda", "b"), ("file", b""))
    assert not (tmp_path / "dev/sda").exists() and (tmp_path / "file").exists()


def test_a_pattern_matches_inside_the_file_system(tmp_path):
    (tmp_path / "usr/lib").mkdir(parents=True)
    for name in ("a.so", "b.so", ".c.so", "d.txt"):
        (tmp_path / "usr/lib" / name).write_text("x")
    (tmp_path / "lib").symlink_to("/usr/lib")   # this machine has one, too, with other files
    (tmp_path / "etc").symlink_to("/")
    named = lambda pattern: [name for name, _ in copying.sources(str(tmp_path), [pattern])]
    assert named("lib/*.so") == ["lib/.c.so", "lib/a.so", "lib/b.so"]
    assert named("/l?b/[^a].so") == ["lib/b.so"]
    assert named("etc/u*") == ["etc/usr"]
    with pytest.raises(RequestRefused, match="file not found"):
        named("lib/*.none")


class Nobody:
    """Runs nothing: the Dockerfiles of these tests have no RUN."""

    bound = ()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def building(store, tmp_path):
    trees = FileSystems(tmp_path / "trees", store.layer, Waste(tmp_path / "waste"))

    def run(text, files=(), **options):
        context = tmp_path / "context"
        remove(str(context))
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


def names(store, image):
    """The paths in the first layer of an image."""
    with tarfile.open(store.layer(store.chain(image)[0])) as archive:
        return archive.getnames()


def test_two_stages_and_only_what_was_copied(building, store):
    image, told = building(_TWO, {"a": "A", "b": "B"}, tags=("t:1",))
    assert store.find("t:1") == image
    with tarfile.open(store.layer(store.chain(image)[0])) as archive:
        entries = {entry.name: (entry.uid, entry.gid, stat.filemode(entry.mode)) for entry in archive}
    assert entries.keys() == {"bin", "bin/a"} and entries["bin/a"][:2] == (5, 6)
    config = store.config(image)["config"]
    assert config["Cmd"] == ["/bin/a"] and "Y=two words" in config["Env"]


def test_an_unneeded_stage_is_skipped_but_its_steps_are_counted(building):
    _, told = building(_TWO, {"a": "A", "b": "B"})
    steps = [line.split(" :")[0] for line in lines(told) if line.startswith("Step ")]
    assert steps == ["Step 3/8", "Step 4/8", "Step 5/8", "Step 6/8", "Step 7/8", "Step 8/8"]


def test_the_cache_compares_contents_not_times(building):
    first, _ = building(_TWO, {"a": "A", "b": "B"})
    again, told = building(_TWO, {"a": "A", "b": "B"})
    other, _ = building(_TWO, {"a": "changed", "b": "B"})
    anew, cold = building(_TWO, {"a": "A", "b": "B"}, no_cache=True)
    hits = lines(told).count(" ---> Using cache\n")
    assert first == again and other != first and hits == 4   # COPY, ENV, COPY, CMD
    assert " ---> Using cache\n" not in lines(cold)


def test_a_target_and_labels(building, store):
    image, _ = building(_TWO, {"a": "A", "b": "B"}, target="builder", labels={"k": "v"})
    assert store.config(image)["config"]["Labels"] == {"k": "v"} and names(store, image) == ["app", "app/a"]


def test_an_ignored_dockerfile_is_not_copied(building, store):
    image, _ = building("FROM scratch\nCOPY . /\n", {".dockerignore": "Dockerfile\n.dockerignore\n", "a": "A"})
    assert names(store, image) == ["a"]


def test_only_declared_arguments_are_part_of_the_cache_key(building):
    text = "ARG V=1\nFROM scratch\nARG V\nENV X=$V\n"
    assert building(text)[0] != building(text, args={"V": "2"})[0]
    assert building(text)[0] == building(text, args={"W": "2"})[0]


def test_a_saved_image_is_read_by_the_course_and_by_another_store(building, store, tmp_path):
    image, _ = building(_TWO, {"a": "A" * 5000, "b": "B"}, tags=("t:1",))
    archive = b"".join(store.save(["t:1"]))
    assert [each.unpacked for each in archive_reader.read([archive]).values()] == [5000]
    other = Store(tmp_path / "other")
    assert other.load(io.BytesIO(archive)) == ["t:1"]
    assert other.find("t:1") == image and other.chain(image) == store.chain(image)


def test_a_layer_with_a_wrong_digest_is_not_loaded(building, store, tmp_path):
    building(_TWO, {"a": "AAAA", "b": "B"}, tags=("t:1",))
    archive = b"".join(store.save(["t:1"])).replace(b"AAAA", b"BBBB")
    with pytest.raises(ValueError, match="does not match its digest"):
        Store(tmp_path / "other").load(io.BytesIO(archive))


@pytest.mark.parametrize("digest", ["../../../escaped", "", "f" * 63, "F" * 64])
def test_an_invalid_digest_is_refused(tmp_path, digest):
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["t:1"], "Layers": ["l.tar"]}]).encode()
    store = Store(tmp_path / "store")
    if digest.startswith("."):
        (store.layer(digest)).write_text("somebody's")
    with pytest.raises(ValueError, match="is not a digest"):
        store.load(packed(("c.json", config), ("l.tar", bytes(10240)), ("manifest.json", manifest)))
    assert store.images(every=True) == []


def test_a_compressed_layer_is_stored_decompressed(building, store, tmp_path):
    """As OCI's layout has it; nothing of the loading is left."""
    image, _ = building(_TWO, {"a": "A" * 5000, "b": "B"})
    config = (store.folder / "images" / f"{image}.json").read_bytes()
    layer = store.layer(store.chain(image)[0]).read_bytes()
    manifest = json.dumps([{"Config": "c", "RepoTags": ["t:1"], "Layers": ["blobs/l"]}]).encode()
    other = Store(tmp_path / "other")
    saved_so = packed(("blobs/l", gzip.compress(layer)), ("c", config), ("manifest.json", manifest))
    assert other.load(saved_so) == ["t:1"]
    assert other.layer(store.chain(image)[0]).read_bytes() == layer and other.weight(store.chain(image)[0]) == 5000
    assert list((other.folder / "tmp").iterdir()) == []


def test_other_files_are_not_loaded_and_leave_nothing(tmp_path):
    store = Store(tmp_path / "store")
    for file in (packed(("file", b"x")), io.BytesIO(b"no tar" * 1000)):
        with pytest.raises(ValueError, match="not a saved image"):
            store.load(file)
    assert [list((store.folder / each).iterdir()) for each in ("tmp", "layers", "images")] == [[], [], []]


def test_a_layer_is_kept_until_its_image_is_added(building, store, tmp_path):
    """Another client may remove an image between storing a layer and its image."""
    image, _ = building(_TWO, {"a": "A", "b": "B"}, tags=("t:1",))
    (tmp_path / "root").mkdir()
    (tmp_path / "root/new").write_text("new")
    seen = scan(str(tmp_path / "root"))
    young = store.add_layer(str(tmp_path / "root"), changes({}, seen), seen, {})
    store.remove("t:1")
    assert store.layer(young).exists()
    later = store.add_image({"rootfs": {"type": "layers", "diff_ids": [f"sha256:{young}"]}})
    store.remove(later)
    assert not store.layer(young).exists()


def test_removing_the_last_name_deletes_image_and_layers(building, store):
    image, _ = building(_TWO, {"a": "A", "b": "B"}, tags=("t:1", "t:2"))
    digest = store.chain(image)[0]
    store.remove("t:1")
    assert store.layer(digest).exists()
    told = store.remove("t:2")
    assert {"Deleted": f"sha256:{image}"} in told and not store.layer(digest).exists()
    with pytest.raises(NotFound):
        store.find("t:2")


def test_a_changed_tree_is_not_reused(building, store, tmp_path):
    image, _ = building(_TWO, {"a": "A", "b": "B"})
    trees = FileSystems(tmp_path / "more", store.layer, Waste(tmp_path / "waste"))
    clean = trees.take(store.chain(image))
    trees.give_back(clean)
    again = trees.take(store.chain(image))
    assert again is clean
    with open(f"{again.root}/bin/dirt", "w"):
        pass
    trees.give_back(again)
    assert trees.take(store.chain(image)) is not clean and not os.path.exists(clean.root)


def test_mount_points_do_not_change_a_tree(building, store, tmp_path):
    """PRoot makes an empty file to bind one over it."""
    image, _ = building("FROM scratch\nCOPY a /etc/\n", {"a": "A"})
    trees = FileSystems(tmp_path / "more", store.layer, Waste(tmp_path / "waste"), ["etc/hosts", "proc", "etc/a"])
    tree = trees.take(store.chain(image))
    with open(f"{tree.root}/etc/hosts", "w"):
        pass
    os.mkdir(f"{tree.root}/proc")
    trees.give_back(tree)
    assert trees.take(store.chain(image)) is tree and os.listdir(f"{tree.root}/etc") == ["a"]
    assert os.listdir(tree.root) == ["etc"]


def test_mount_points_of_secrets_are_removed_unless_written_to(tmp_path):
    (tmp_path / "run").mkdir()
    tree = FileSystem(str(tmp_path), (), scan(str(tmp_path)))
    (tmp_path / "run/secrets").mkdir()
    for name in ("token", "other"):
        (tmp_path / "run/secrets" / name).touch()
    (tmp_path / "kept").write_text("the command wrote it")
    now = scan(str(tmp_path))
    tree.unbind(now, ["run/secrets/token", "run/secrets/other", "kept"])
    assert now == scan(str(tmp_path)) and now.keys() == {"run", "kept"} and now["run"] == tree.seen["run"]


def test_waste_is_moved_at_once_and_deleted_in_the_background(tmp_path):
    (tmp_path / "waste/left/by/another").mkdir(parents=True)
    closed = tmp_path / "tree/closed"
    closed.mkdir(parents=True)
    (closed / "file").write_text("x")
    closed.chmod(0)
    waste = Waste(tmp_path / "waste")
    waste.throw(str(tmp_path / "tree"))
    waste.throw(str(tmp_path / "nothing"))
    assert not (tmp_path / "tree").exists()
    assert until(lambda: not list((tmp_path / "waste").iterdir()))


def test_a_context_may_have_a_file_named_like_a_whiteout(store):
    context = store.folder.parent / "unpacked"
    context.mkdir()
    unpack(packed(("a", b"A"), (".wh.a", b"B")), context)
    assert sorted(path.name for path in context.iterdir()) == [".wh.a", "a"]


def test_names_are_listed_with_their_tag():
    assert [full(each) for each in ("a", "docker.io/library/a:2", "h:5000/a")] == ["a:latest", "a:2", "h:5000/a:latest"]


SOURCES = (aptsources.Source(("https://mirror.invalid/debian",), ("bookworm", "bookworm-updates"), ("main",), "/keys.gpg"),)


def test_the_machines_mirror_is_tried_before_mmdebstraps_default(monkeypatch):
    monkeypatch.setattr(aptsources, "machine", lambda suite: SOURCES if suite == "bookworm" else ())
    (source,), none = fetching._archives()
    assert none == []
    assert (source.uris, source.suites, source.signed_by) == (SOURCES[0].uris, ("unstable",), "/keys.gpg")
    monkeypatch.setattr(aptsources, "machine", lambda suite: ())
    assert list(fetching._archives()) == [[]]


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """Fetch with a mmdebstrap that unpacks a script for PRoot; (place, how it was called)."""
    (tmp_path / "bin").mkdir()
    calls = tmp_path / "calls"
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(rootfs, "need_mmdebstrap", lambda report, without: None)
    monkeypatch.setattr(aptsources, "machine", lambda suite: SOURCES if suite == "bookworm" else ())

    def run(failing=0, said=""):
        program = tmp_path / "bin/mmdebstrap"
        program.write_text(
            f'#!/bin/bash\necho "$@" >> "{calls}"\n[ $(wc -l < "{calls}") -gt {failing} ] || {{ echo "E: no"; exit 1; }}\n'
            'for word; do [ "$word" = unstable ] && next=1 || { [ "$next" ] && to="${to:-$word}"; }; done\n'
            'mkdir -p "$to/usr/bin" "$to/usr/lib/x/gconv" "$to/usr/share/doc/proot"\n'
            'touch "$to/usr/bin/proot" "$to/usr/lib/x/libc.so.6" "$to/usr/lib/x/gconv/A.so" '
            '"$to/usr/share/doc/proot/copyright" "$to/usr/share/doc/proot/NEWS"\n')
        program.chmod(0o755)
        monkeypatch.setattr(proot, "_tried", lambda words, environment: said)
        place = fetching.fetch(lambda _: None, tmp_path / "share/proot")
        return place, calls.read_text().splitlines()

    return run


def test_program_libraries_and_licences_are_kept(fetched, tmp_path):
    place, calls = fetched()
    assert sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()) == [
        "usr/bin/proot", "usr/lib/x/libc.so.6", "usr/share/doc/proot/copyright"]
    (call,) = calls
    assert "--mode=chrootless --variant=extract" in call and "--include=libc6,libtalloc2,proot" in call
    assert list(place.parent.iterdir()) == [place]
    assert proot.calls(place) == [(f"{place}/usr/bin/proot",)]


def test_a_mirror_without_unstable_is_skipped(fetched):
    _, calls = fetched(failing=1)
    assert len(calls) == 2 and calls[0].endswith("debian.sources") and not calls[1].endswith("debian.sources")


def test_a_failed_fetch_keeps_the_old_program(fetched, tmp_path):
    place, _ = fetched()
    before = sorted(tmp_path.rglob("share/**"))
    with pytest.raises(CourseError, match="does not work here") as caught:
        fetched(said="translates no paths here")
    assert "translates no paths here" in caught.value.why
    (tmp_path / "calls").unlink()
    with pytest.raises(CourseError, match="could not be fetched") as caught:
        fetched(failing=2)
    assert caught.value.evidence == "E: no" and sorted(tmp_path.rglob("share/**")) == before


def test_a_missing_or_old_proot_is_reported_with_the_way_to_a_newer_one(monkeypatch, tmp_path):
    monkeypatch.setattr(proot, "working", [])
    monkeypatch.setattr(proot, "candidates", list)
    assert proot.find() == (None, "PRoot is not installed (`python -m helpers engine fetch-proot` fetches it)")
    program = tmp_path / "proot"   # it lets the probe see the word, and faccessat2 fail
    program.write_text("#!/bin/sh\nprintf multistage\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(proot, "candidates", lambda: [(str(program),)])
    assert "is too old for Go (`python -m helpers engine fetch-proot` fetches 5.4)" in proot.find()[1]
    program.write_text('#!/bin/sh\n[ "$PROOT_NO_SECCOMP" ] && printf multistage\nexit 0\n')
    assert proot.find()[0].environment == {"PROOT_NO_SECCOMP": "1"}
    program.unlink()
    assert proot.find()[1] == ""    # what worked once is not tried again


def test_the_instructions_that_change_no_file():
    config = {}
    text = ('FROM scratch\nENV A=1 B=$Z\nENV C old form\nLABEL x="a b"\nEXPOSE 80 53/udp\nWORKDIR /a\nWORKDIR b\n'
            'SHELL ["/bin/bash", "-c"]\nCMD run it\nUSER me:us\n')
    for instruction in parse(text).stages[0].instructions[1:]:
        settings.apply(config, instruction, {"Z": "z"})
    assert config == {"Env": ["A=1", "B=z", "C=old form"], "Labels": {"x": "a b"}, "WorkingDir": "/a/b",
                      "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Shell": ["/bin/bash", "-c"],
                      "Cmd": ["/bin/bash", "-c", "run it"], "User": "me:us"}


def test_a_missing_program_is_reported_in_a_runtimes_words(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/script").write_text("#!/bin/none\n")
    (tmp_path / "bin/script").chmod(0o755)
    root = str(tmp_path)
    assert "executable file not found in $PATH" in programs.program(root, "/bin", "/", "sh")
    assert "no such file or directory" in programs.program(root, "/bin", "/", "/sh")
    assert programs.program(root, "/bin", "/", "script") == "exec /bin/script: no such file or directory"


def test_state_survives_the_engine(building, store, tmp_path):
    image, _ = building(_TWO, {"a": "A", "b": "B"}, tags=("t:1",))
    assert json.loads((store.folder / "state.json").read_text())["names"] == {"t:1": image}
    assert Store(store.folder).find("t:1") == image
