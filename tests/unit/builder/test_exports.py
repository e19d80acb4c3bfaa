"""Outputs and caches: how they are read, what an engine has to be able to do for them, and what is refused."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers import dockerfile
from helpers.bases import references
from helpers.builder import BuildRequest, exports, solving
from helpers.builder.context import Context
from helpers.builder.exports import Export
from helpers.builder.request import attributes, image_attributes
from helpers.engine.backends import DOCKERD
from helpers.errors import CourseError, Unsupported
from tests.unit import engines

IMAGES, FILES = ("caches", "platforms", "provenance", "sbom", "timestamps", "push"), ("provenance-file", "epoch")


def asked(**options):
    return exports.read(BuildRequest(builder="buildkit", **options))


@pytest.mark.parametrize("output, kind, fields", [
    ("out", "local", {"dest": "out"}), (Path("out"), "local", {"dest": "out"}),
    ("type=tar,dest=app.tar", "tar", {"dest": "app.tar"}), ('type=local,"dest=a,b"', "local", {"dest": "a,b"}),
    ("type=image,Push=true", "image", {"push": "true"}), ("type=registry", "image", {"push": "true"})])
def test_an_output_is_read_as_buildx_reads_it(output, kind, fields):
    assert asked(output=output).output == Export(kind, fields)


@pytest.mark.parametrize("option, written, words", [
    ("output", "-", "type is none of"), ("output", "", "type is none of"), ("output", "type=oci,dest=x", "type is none of"),
    ("output", "type=tar", "no dest="), ("output", "dest=x", "type is none of"),
    ("cache_to", ["type=local"], "no dest="), ("cache_to", ["type=gha"], "type is none of"),
    ("cache_from", ["type=local,dest=x"], "no src="), ("cache_from", ["type=inline"], "type is none of"),
    ("provenance", "all", "mode=max"), ("sbom", "syft", "generator=IMAGE")])
def test_what_is_no_output_or_cache_is_refused(option, written, words):
    with pytest.raises(CourseError, match=words):
        asked(**{option: written})


@pytest.mark.parametrize("option, written, read", [
    *(("provenance", written, read) for written, read in [("", ""), ("false", ""), ("true", "mode=min"), ("max", "mode=max"), ("mode=min", "mode=min")]),
    *(("sbom", written, read) for written, read in [("", None), ("false", None), ("true", ""), ("generator=me/scan", "generator=me/scan")]),
    ("cache_from", ["host/app:cache"], (Export("registry", {"ref": "host/app:cache"}),))])
def test_an_option_is_read_as_buildx_reads_it(option, written, read):
    found = asked(**{option: written})
    assert getattr(found, option) == read and found.any == (read not in ("", None) or written == "true")


@pytest.mark.parametrize("options, needs", [
    ({}, ()), ({"output": "out"}, ()), ({"platform": "linux/arm64"}, ()), ({"cache_to": ["type=inline"]}, ()),
    ({"output": "out", "platform": "linux/amd64, linux/arm64"}, ()), ({"cache_from": ["x"]}, ()),
    ({"cache_to": ["type=local,dest=x"]}, ("caches",)), ({"cache_to": ["type=registry,ref=x"]}, ("caches",)),
    ({"platform": "linux/amd64,linux/arm64"}, ("platforms",)), ({"provenance": "mode=max"}, ("provenance",)),
    ({"sbom": "true"}, ("sbom",)), ({"sbom": "false"}, ()),
    ({"output": "type=image,rewrite-timestamp=true"}, ("timestamps",)), ({"output": "type=registry"}, ("push",)),
    ({"output": "type=tar,dest=x,rewrite-timestamp=1"}, ("timestamps",)),
    ({"args": {"SOURCE_DATE_EPOCH": "0"}}, ()), ({"output": "x", "args": {"SOURCE_DATE_EPOCH": "0"}}, ("epoch",)),
    ({"output": "x", "provenance": "max"}, ("provenance-file",))])
def test_what_an_engine_has_to_do_for_a_request(options, needs):
    assert asked(**options).needs == needs


@pytest.mark.parametrize("version, store, able", [
    (20, "overlay2", ()), (28, "overlay2", FILES), (25, "overlayfs (containerd)", FILES),
    (26, "overlayfs (containerd)", (*IMAGES, *FILES))])
def test_an_engine_exports_everything_with_the_containerd_store_alone(version, store, able):
    assert DOCKERD.capabilities(version, False, store).exports == able


@pytest.fixture
def local(monkeypatch):
    """BuildKit's control API can be reached in a Docker Engine without a client, too."""
    monkeypatch.setattr(exports, "upgradable", lambda engine: "buildkit" in engine.builders)


@pytest.mark.parametrize("options, words", [
    ({"cache_to": ["type=local,dest=x"]}, "type=inline"), ({"platform": "a/b,c/d"}, "several platforms"),
    ({"provenance": "max"}, "provenance"), ({"sbom": "true"}, "list beside an image"), ({"output": "type=image,rewrite-timestamp=true", "tag": "x"}, "times"),
    ({"output": "type=registry", "tag": "x"}, "push"), ({"output": "x", "provenance": "max"}, "beside the files"),
    ({"output": "x", "args": {"SOURCE_DATE_EPOCH": "0"}}, "SOURCE_DATE_EPOCH")])
def test_what_an_engine_would_drop_is_refused_in_one_sentence(local, options, words):
    request = BuildRequest(builder="buildkit", **options)
    with pytest.raises(Unsupported, match=words) as caught:
        exports.check(exports.read(request), request, engines.docker("20.10.24"))
    assert caught.value.what.startswith("This engine cannot ") and "Use Docker 2" in caught.value.remedy


@pytest.mark.parametrize("builder, engine", [("legacy", engines.docker()), ("buildah", engines.podman())])
def test_other_builders_take_none_of_it_and_build_as_before(local, builder, engine):
    with pytest.raises(Unsupported, match="cannot be chosen"):
        exports.check(asked(output="out"), BuildRequest(builder=builder, output="out"), engine)
    exports.check(asked(), BuildRequest(builder=builder), engine)


@pytest.mark.parametrize("options, words", [({"output": "out", "tag": "x"}, "no tag"), ({"output": "type=image"}, "a name")])
def test_a_tag_goes_with_an_image_and_with_nothing_else(local, options, words):
    request = BuildRequest(builder="buildkit", **options)
    with pytest.raises(CourseError, match=words):
        exports.check(exports.read(request), request, engines.docker())


@pytest.mark.parametrize("tag, whole", [
    ("app:1", "docker.io/library/app:1"), ("me/app:1", "docker.io/me/app:1"), ("localhost/app:1", "localhost/app:1"),
    ("host:5000/app:1", "host:5000/app:1")])
def test_an_image_is_named_in_full(tag, whole):
    assert references.parse(tag).full == whole


def test_a_step_is_looked_into_for_the_first_platform(tmp_path):
    request, context = BuildRequest(platform="linux/arm64, linux/amd64"), Context.scan(tmp_path, dockerfile_text="FROM scratch\n")
    assert attributes(request, context) == {"filename": "Dockerfile", "platform": "linux/arm64"}
    assert image_attributes(request, context, dockerfile.parse("FROM scratch\n"))["platform"] == "linux/arm64,linux/amd64"


def test_a_build_is_described_to_the_frontend(tmp_path):
    request = BuildRequest(tmp_path, target="b", args={"A": "1"}, network="none", no_cache=True, labels={"l": "2"},
                           platform="linux/arm64")
    text = "FROM scratch AS b\n"
    assert image_attributes(request, Context.scan(tmp_path, dockerfile_text=text), dockerfile.parse(text)) == {
        "filename": "Dockerfile", "force-network-mode": "none", "build-arg:A": "1", "label:l": "2", "target": "b",
        "platform": "linux/arm64", "no-cache": ""}


@pytest.mark.parametrize("output, tag, name", [
    ("type=image,name=app:1,push=false", "", "docker.io/library/app:1"), ("type=image,push=false", "app:1", "docker.io/library/app:1"),
    ('type=image,"name=a:1,b"', "", "docker.io/library/a:1,docker.io/library/b:latest")])
def test_an_image_is_exported_under_its_full_name(output, tag, name):
    request = BuildRequest(builder="buildkit", output=output, tag=tag)
    assert solving._options(SimpleNamespace(request=request, exports=exports.read(request))).exporter_attributes["name"] == name
