"""Syft as a witness: what packages it finds in an image, we find, and where we differ there is a reason with a name."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from helpers import paths
from helpers.builder import build
from helpers.inventory import Inventory, inventory
from tests.waiting import lacks

DEBIAN, GOLANG = "debian:bookworm-slim", "golang:1.22"
WHEELS = ("typing_extensions==4.12.2", "Jinja2==3.1.6", "tabula-py==2.10.0")   # the last brings a jar of many
IMAGES = ("debian", "go-hello", "packages")
EACH = pytest.mark.parametrize("name", [*IMAGES, pytest.param("golang", marks=pytest.mark.nightly)])
MODULES = ("debug@4.3.7", "@tsconfig/node20@20.1.4")


@dataclass(frozen=True, order=True)
class Told:
    """A package as one of the two tells of it."""

    type: str
    name: str
    version: str


@pytest.fixture(scope="module", autouse=True)
def empty_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "cache", lambda folder=tmp_path_factory.mktemp("cache"): folder)
        yield


def fetch(*command: str | Path) -> None:
    if shutil.which(command[0]) is None:
        lacks(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lacks(f"{' '.join(map(str, command[:3]))} failed: {done.stderr[-500:]}")    # as without a network


def jar(manifest: str = "", *poms: tuple[str, str], **others: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if manifest:
            archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\n{manifest}\n")
        for artifact, version in poms:
            archive.writestr(f"META-INF/maven/org.example/{artifact}/pom.properties",
                             f"version={version}\ngroupId=org.example\nartifactId={artifact}\n")
        for name, content in others.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def write_jars(folder: Path) -> None:
    """Archives as build tools write them, and one that only zip has written."""
    folder.mkdir()
    titled, maven = jar("Implementation-Version: 2.5"), jar("Created-By: Maven", ("maven-lib", "1.2.3"))
    for name, content in {
        "titled.jar": titled, "named-tool-3.1.jar": jar("Created-By: x"), "maven-lib-1.2.3.jar": maven,
        "shaded-9.jar": jar("Created-By: Maven", ("shaded", "9"), ("other-lib", "4.5")),
        "app.war": jar("Created-By: x", **{"WEB-INF/lib/maven-lib-1.2.3.jar": maven, "WEB-INF/lib/titled.jar": titled}),
        "zipped.jar": jar(**{"a.txt": b"x"})}.items():
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def images(engine, built, tmp_path_factory):
    """{name: reference}"""
    context = tmp_path_factory.mktemp("context")
    fetch(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target",
          context / "python", *WHEELS)
    fetch("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", context / "node", *MODULES)
    write_jars(context / "jars")
    (context / "installed").write_bytes(b"C:Q1aaa=\nP:musl\nV:1.2.4-r2\nA:x86_64\nF:lib\nR:ld-musl-x86_64.so.1\n\n"
                                        b"C:Q1bbb=\nP:alpine-keys\nV:2.4-r1\nA:x86_64\nF:etc\nR:keys\n\n")
    tag = f"course-test:packages-{uuid.uuid4().hex[:12]}"
    build(context, tag=tag, engine=engine, text=f"FROM {DEBIAN}\nCOPY python /usr/lib/python3/dist-packages\n"
          f"COPY node /srv/app\nCOPY jars /opt/jars\nCOPY installed /lib/apk/db/\nRUN rm /opt/jars/titled.jar\nCOPY --from={GOLANG} /usr/local/go/bin/go /usr/bin/\n")
    yield {"debian": DEBIAN, "golang": GOLANG, "go-hello": built("go-hello").tag, "packages": tag}
    engine.client.images.remove(tag, force=True)


def source(image: str, engine, folder: Path) -> str:
    """An image as this Syft can read it: of the containerd store it takes packed layers for archives."""
    if "containerd" not in engine.store:
        return f"docker:{image}"
    path = folder / "image.tar"
    with open(path, "wb") as file:
        file.writelines(engine.client.images.get(image).save())
    return f"oci-archive:{path}"


def syft(source: str, engine) -> dict[Told, set[str]]:
    """{package: paths of the files that tell of it} as syft sees an image."""
    program = Path(sys.executable).with_name("syft")
    done = subprocess.run([program, "scan", source, "--output", "syft-json", "--quiet"], capture_output=True, text=True,
                          env={**os.environ, "DOCKER_HOST": engine.host, "SYFT_CHECK_FOR_APP_UPDATE": "false"})
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[Told, set[str]] = {}
    for each in json.loads(done.stdout)["artifacts"]:
        found.setdefault(Told(each["type"], each["name"], each["version"]), set()).update(
            place["path"] for place in each["locations"])
    return found


def ours(found: Inventory) -> dict[Told, set[str]]:
    told: dict[Told, set[str]] = {}
    for each in found.packages:
        told.setdefault(Told(each.package.type, each.package.name, each.package.version), set()).add(each.path)
    return told


def spelt(told: Told) -> Told:
    """How syft spells it: it writes a Python project's name as an index does (PEP 503),
    not as its author; and where no version is known the word UNKNOWN."""
    name = re.sub(r"[-_.]+", "-", told.name).lower() if told.type == "python" else told.name
    return Told(told.type, name, told.version or "UNKNOWN")


def is_no_archive_of_java(found: Inventory, told: Told, paths: set[str]) -> bool:
    """Syft passes over a .jar without a manifest. A Java machine runs it all the same."""
    return (told.type, told.name, told.version) == ("java-archive", "zipped", "UNKNOWN") and paths == {"/opt/jars/zipped.jar"}


# Syft finds nothing in these images that we do not.
ONLY_SYFT, ONLY_WE = (), (is_no_archive_of_java,)


@dataclass(frozen=True)
class Sight:
    """One image as both see it; what only one of them has."""

    found: Inventory
    theirs: dict[Told, set[str]]
    ours: dict[Told, set[str]]

    @property
    def missing(self) -> dict[Told, set[str]]:
        return {each: paths for each, paths in self.theirs.items() if each not in self.ours}

    @property
    def more(self) -> dict[Told, set[str]]:
        return {each: paths for each, paths in self.ours.items() if each not in self.theirs}

    def reason(self, told: Told, paths: set[str], reasons: Sequence[Callable]) -> Callable | None:
        return next((each for each in reasons if each(self.found, told, paths)), None)


@pytest.fixture(scope="module")
def sight(engine, images, tmp_path_factory):
    """sight(name) looks at an image with both, once."""
    @cache
    def look(name: str) -> Sight:
        found = inventory(images[name], engine)
        return Sight(found, syft(source(images[name], engine, tmp_path_factory.mktemp("saved")), engine),
                     {spelt(each): paths for each, paths in ours(found).items()})
    return look


@EACH
def test_what_syft_finds_we_find(sight, name):
    seen = sight(name)
    assert len(seen.theirs) > 5
    assert [(told, paths) for told, paths in seen.missing.items() if not seen.reason(told, paths, ONLY_SYFT)] == []


@EACH
def test_what_we_find_more_has_its_reason(sight, name):
    seen = sight(name)
    assert [(told, paths) for told, paths in seen.more.items() if not seen.reason(told, paths, ONLY_WE)] == []


@EACH
def test_a_package_is_found_in_the_same_files(sight, name):
    seen = sight(name)
    for told, paths in seen.ours.items():  # noqa: F402
        if told in seen.theirs:
            outer = {path.partition(":")[0] for path in seen.theirs[told]}     # 'app.war:WEB-INF/lib/a.jar'
            assert paths <= outer, told


def test_each_reason_is_needed(sight):
    """One that explains nothing would hide what it was not made for."""
    used = {seen.reason(told, paths, reasons) for seen in map(sight, IMAGES)
            for extra, reasons in ((seen.missing, ONLY_SYFT), (seen.more, ONLY_WE)) for told, paths in extra.items()}
    assert used == {*ONLY_SYFT, *ONLY_WE}


def test_what_a_layer_deleted_is_not_found(sight):
    """The archive on its own is gone; the one inside another is there."""
    paths = sight("packages").ours[Told("java-archive", "titled", "2.5")]
    assert paths == {"/opt/jars/app.war"}
