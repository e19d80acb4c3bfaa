"""A kit of saved base images, for real: out of an engine, out of a registry, and back."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from helpers import bases, labels
from helpers.bases import kit, references
from helpers.builder import ensure_bases
from helpers.errors import BaseUnavailable
from helpers.image import inspect
from tests.waiting import lacks

from .test_bases import REF, drop, fresh, has, load, ours, pushed, theirs  # noqa: F401 (fixtures)

ROOT = Path(__file__).parents[2]
CC = "gcr.io/distroless/cc-debian12"    # the smallest of several layers
COURSE = "localhost/multistage.course/"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(kit.VARIABLE, str(tmp_path / "kit"))
    return tmp_path / "kit"


@pytest.fixture(autouse=True)
def swept(engine):
    yield
    drop(engine, REF, COURSE + REF)


def saved(engine, folder, tmp_path, **marks):
    """REF saved in a kit and gone from the engine; its entry."""
    load(engine, REF, tmp_path, **marks)
    image = engine.client.images.get(REF)
    kept = bases.save(engine, bases.ResolvedBase(REF, True, "made" if marks else "pulled", REF), folder, print)
    drop(engine, REF)
    assert not has(engine, image.id)
    return kept, image


def test_a_real_base_comes_back_with_its_layers_history_and_labels(engine, folder):
    (base,) = ensure_bases(engine, [CC])
    kept = bases.save(engine, base, folder, print)
    before = inspect(base.name, engine)
    assert kept.path.stat().st_size == kept.size < kept.unpacked / 2
    assert kept.layers == tuple(engine.client.images.get(base.name).attrs["RootFS"]["Layers"])
    assert kept.stand_in == base.stand_in and kept.made_of == base.made_of
    assert (kept.origin == "made") == base.stand_in
    had = has(engine, COURSE + CC)
    name = kit.load(engine, kept, print)
    after = inspect(name, engine)
    assert len(before.layers) > 1 and [each.digest for each in after.layers] == [each.digest for each in before.layers]
    assert [each.instruction for each in after.layers] == [each.instruction for each in before.layers]
    assert after.unpacked == before.unpacked
    if not had:
        drop(engine, name)


def test_what_a_registry_gave_gets_its_own_name_back_anywhere(theirs, folder, tmp_path):
    kept, image = saved(theirs, folder, tmp_path)
    (found,) = ensure_bases(theirs, [REF], offline=True)
    assert found == bases.ResolvedBase(REF, True, "pulled", REF, kit=True)
    again = theirs.client.images.get(REF)
    assert again.id == image.id and list(map(references.short, again.tags)) == [REF]
    assert ensure_bases(theirs, [REF])[0].kit is False   # it is here now


def test_a_stand_in_keeps_its_mark_and_takes_no_name_of_others(theirs, folder, tmp_path):
    marks = labels.marked(labels.BASE, **{labels.STAND_IN: REF, labels.MADE_OF: "a test"})
    kept, _ = saved(theirs, folder, tmp_path, **marks)
    assert (kept.origin, kept.stand_in, kept.made_of) == ("made", True, "a test")
    (found,) = ensure_bases(theirs, [REF], offline=True)
    assert found == bases.ResolvedBase(REF, True, "made", COURSE + REF, True, "a test", kit=True)
    assert not has(theirs, REF)


def test_in_an_engine_of_the_course_it_has_its_own_name(ours, folder, tmp_path):
    marks = labels.marked(labels.BASE, **{labels.STAND_IN: REF, labels.MADE_OF: "a test"})
    saved(ours, folder, tmp_path, **marks)
    (found,) = ensure_bases(ours, [REF], offline=True)
    assert found.name == REF and not has(ours, COURSE + REF)


@pytest.mark.parametrize("changed", [
    lambda whole: whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
    # Sound in itself, and every engine would load it: but it is not what was saved.
    lambda whole: zstandard.compress(zstandard.ZstdDecompressor().decompressobj().decompress(whole), 1),
], ids=["turned", "another"])
def test_a_file_that_changed_reaches_no_engine(engine, folder, tmp_path, changed):
    kept, image = saved(engine, folder, tmp_path)
    kept.path.write_bytes(changed(kept.path.read_bytes()))
    with pytest.raises(BaseUnavailable) as caught:
        ensure_bases(engine, [REF], offline=True)
    assert kept.file in caught.value.why and "save" in caught.value.remedy
    assert not has(engine, image.id)


def test_another_image_under_the_name_is_refused(engine, folder, tmp_path):
    """An index that says what the archive is not: as if a file of another kit lay there."""
    kept, image = saved(engine, folder, tmp_path)
    index = json.loads((folder / kit.INDEX).read_text())
    index["bases"][0]["layers"] = ["sha256:" + "0" * 64]
    (folder / kit.INDEX).write_text(json.dumps(index))
    with pytest.raises(BaseUnavailable, match="not here"):
        ensure_bases(engine, [REF], offline=True)
    assert not has(engine, image.id)


@pytest.fixture
def skopeo():
    if not shutil.which("skopeo"):
        lacks("skopeo is not installed")


def unprivileged(tmp_path, *words, **more):
    """`python -m helpers bases WORDS` with no engine in reach, and without a single privilege."""
    drop_all = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    return subprocess.run(
        [*(drop_all if os.geteuid() == 0 else ()), sys.executable, "-m", "helpers", "bases", *words],
        capture_output=True, text=True, cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_HOST": "unix:///nowhere", **more})


def test_it_is_filled_from_a_registry_without_engine_and_privileges(engine, folder, tmp_path, pushed, registry, skopeo):
    ref = pushed("multistage-test/fetched:1")
    done = unprivileged(tmp_path, "--json", "--without-engine", "--save", str(folder), ref)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["bases"]
    assert told["origin"] == "pulled" and told["digest"].startswith("sha256:")
    (kept,) = kit.entries(folder)
    assert kept.facts() == told and not list(folder.glob(".part-*"))
    (found,) = ensure_bases(engine, [ref], offline=True)
    try:
        assert (found.origin, found.kit, found.name) == ("pulled", True, ref)
        assert tuple(engine.client.images.get(ref).attrs["RootFS"]["Layers"]) == kept.layers
    finally:
        drop(engine, ref)


def test_a_mirror_is_asked_first_and_named(folder, tmp_path, pushed, registry, skopeo):
    pushed("multistage-test/mirrored:1")
    done = unprivileged(tmp_path, "--without-engine", "--save", str(folder), "multistage-test/mirrored:1",
                        **{references.MIRROR: registry})
    assert done.returncode == 0, done.stderr
    assert [each.origin for each in kit.entries(folder)] == ["mirror"]


def test_what_is_over_the_budget_or_not_there_is_said_and_the_rest_is_kept(folder, tmp_path, pushed, registry, skopeo):
    small, none = pushed("multistage-test/small:1"), f"{registry}/multistage-test/none:1"
    done = unprivileged(tmp_path, "--json", "--without-engine", "--save", str(folder), none, small)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and [each["ref"] for each in told["bases"]] == [small]
    assert "manifest unknown" in told["failed"][0]["why"], told
    other = pushed("multistage-test/other:1")
    done = unprivileged(tmp_path, "--json", "--without-engine", "--budget", "0", "--save", str(folder), small, other)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and [each["ref"] for each in told["bases"]] == [small]
    assert "too large" in told["failed"][0]["message"]
    assert [each.ref for each in kit.entries(folder)] == [small]
