"""Lists of packages, archives and scripts: what they say, and what damage leaves of it."""

import io
import json
import random
import re
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest
from debian.deb822 import Deb822

from helpers import formats
from helpers.formats import Package, interpreter, java, packages, program, wanted
from tests.elfs import framed, go_record, make

STATUS = "/var/lib/dpkg/status"
APK = "/lib/apk/db/installed"


def said(path, data):
    return [(each.name, each.version) for each in packages(path, data)]


@pytest.mark.parametrize("path", [
    STATUS, "/rootfs" + STATUS, "/var/lib/dpkg/status.d/libc6", APK, "/usr" + APK, "/app/node_modules/x/package.json",
    "/package.json", "/usr/lib/python3/dist-packages/x-1.dist-info/METADATA", "/x/a-1.egg-info/PKG-INFO",
    "/x/a-1.egg-info", "/x/a.egg/EGG-INFO/PKG-INFO", "/app.jar", "/srv/app.war", "/app/lib/x.1.2.ear", "/x.jpi",
    "/x.hpi", "/x.par", "/x.sar", "/x.nar", "/x.kar", "/x.lpkg", "/usr/lib/jvm/java-17/release",
    "/opt/java/openjdk/release", "/usr/local/bin/node", "/usr/local/bin/python3.12",
    "/usr/local/lib/libpython3.12.so.1.0", "/usr/lib/libpython3.6m.so.1.0", "/usr/local/go/bin/go", "/bin/busybox",
    "/usr/bin/php8.2", "/usr/lib/libruby-3.1.so.3.1.7", "/usr/local/sbin/php-fpm", "/usr/sbin/nginx"])
def test_files_with_a_reader(path):
    assert wanted(path) >= 1 << 16


@pytest.mark.parametrize("path", [
    "/", "", "/etc/passwd", "/usr/bin/ls", "/var/lib/dpkg/available", "/var/lib/dpkg/status-old", "/tmp/status",
    "/var/lib/dpkg/status.d/libc6.md5sums", "/lib/apk/db/scripts.tar", "/home/installed", "/x/METADATA", "/PKG-INFO",
    "/x/package.json.bak", "/x/package-lock.json", "/x.zip", "/x.jar.sha1", "/jar", "/usr/lib/x.so", "/python",
    "/usr/bin/python3", "/usr/bin/python3.11-config", "/usr/lib/libpython3.so", "/usr/bin/node.js",
    "/usr/bin/goto", "/usr/share/man/man1/bash.1.gz"])
def test_files_without_a_reader(path):
    assert wanted(path) == 0
    assert packages(path, b"Package: x\nVersion: 1\n") == ()


def stanza(name, version, status="install ok installed", extra=""):
    return (f"Package: {name}\n" + (f"Status: {status}\n" if status else "") + f"Priority: optional\n{extra}"
            f"Version: {version}\nDescription: a thing\n Package: not this\n .\n Version: 9\n\n").encode()


@pytest.mark.parametrize("status, there", [
    ("install ok installed", True), ("hold ok installed", True), ("install ok unpacked", True),
    ("install ok half-configured", True), ("install ok triggers-pending", True),
    ("install reinstreq triggers-awaited", True),
    ("deinstall ok config-files", False), ("purge ok not-installed", False),
    ("install reinstreq half-installed", False), ("unknown ok not-installed", False)])
def test_only_what_is_on_the_disk_is_installed(status, there):
    data = stanza("first", "1") + stanza("second", "2", status) + stanza("third", "3")
    assert (("second", "2") in said(STATUS, data)) == there
    assert said(STATUS, data)[::len(said(STATUS, data)) - 1] == [("first", "1"), ("third", "3")]


def test_a_status_file():
    data = stanza("libc6", "2.36-9+deb12u10") + stanza("libstdc++6", "12.2.0-14", extra="Source: gcc-12\n")
    assert packages(STATUS, data) == (Package("deb", "libc6", "2.36-9+deb12u10"), Package("deb", "libstdc++6", "12.2.0-14"))
    assert packages(STATUS, data.rstrip()) == packages(STATUS, data.replace(b"\n", b"\r\n")) == packages(STATUS, data)
    assert packages(STATUS, memoryview(data)) == packages(STATUS, data)


@pytest.mark.parametrize("data, found", [
    (stanza("libc6", "2", extra="Architecture: amd64\n") + stanza("libc6", "2", extra="Architecture: i386\n"), [("libc6", "2")]),
    (b"Version: 1\nStatus: install ok installed\nPackage: a\n\nVersion: 2\n\nPackage: b\n", [("a", "1"), ("b", "")]),
    (stanza("a", "1") + b"\xff\xfe\0 no field\n:\n\nPackage:\n\n" + stanza("b", "2"), [("a", "1"), ("b", "2")])],
    ids=["twice", "in any order", "damaged"])
def test_the_paragraphs_of_a_list(data, found):
    assert said(STATUS, data) == found


@pytest.mark.parametrize("name", ["tzdata", "nginx", "busybox", "openssl", "python3.11", "libc6"])
def test_a_file_of_distroless_even_if_it_has_a_program_s_name(name):
    assert packages(f"/var/lib/dpkg/status.d/{name}", stanza(name, "1-2", status="")) == (Package("deb", name, "1-2"),)


def test_this_machine_as_python_debian_reads_it():
    if not Path(STATUS).exists():
        pytest.skip("no Debian here")
    data = Path(STATUS).read_bytes()
    witness = [(each["Package"], each["Version"]) for each in Deb822.iter_paragraphs(data, use_apt_pkg=False)
               if each["Status"].split()[2] not in ("not-installed", "config-files", "half-installed")]
    assert said(STATUS, data) == list(dict.fromkeys(witness))


ALPINE = (b"C:Q1abc=\nP:musl\nV:1.2.4_git20230717-r4\nA:x86_64\nS:1\nI:2\nT:the musl library\nF:lib\n"
          b"R:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1x=\n\nC:Q1d=\nP:busybox\nV:1.36.1-r15\nT:P:not this\nF:bin\n"
          b"R:busybox\n\n")


def test_what_apk_installed():
    for path in (APK, "/usr" + APK):
        assert packages(path, ALPINE) == (Package("apk", "musl", "1.2.4_git20230717-r4"), Package("apk", "busybox", "1.36.1-r15"))


@pytest.mark.parametrize("text, found", [
    ('{"name": "left-pad", "version": "1.3.0"}', [("left-pad", "1.3.0")]),
    ('{"name": "@scope/x", "version": "1.0.0-rc.1", "dependencies": {"name": "y", "version": "2"}}', [("@scope/x", "1.0.0-rc.1")]),
    ('\ufeff{"name": "bom", "version": "1"}', [("bom", "1")]),
    ('{"type": "module"}', []), ('{"name": "x"}', []), ('{"version": "1"}', []), ('{"name": "x", "version": ""}', []),
    ('{"name": "", "version": "1"}', []), ('{"name": ["x"], "version": "1"}', []), ('{"name": "x", "version": 1}', []),
    ('[1]', []), ('null', []), ('{"name": "x", "version": "1"', []), ('', []), ("[" * 200_000, []), ("1" * 5000, []),
    ('{"name": "x\\ud800", "version": "1"}', [("x?", "1")]), ('{"name": "' + "x" * 600 + '", "version": "1"}', []),
    ('{"name": "naïve", "version": "1"}', [("naïve", "1")])])
def test_a_package_json(text, found):
    assert said("/x/package.json", text.encode()) == found
    assert all(each.type == "npm" for each in packages("/x/package.json", text.encode()))


METADATA = "/lib/x-1.dist-info/METADATA"


@pytest.mark.parametrize("text, found", [
    ("Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nSummary: x\n\nName: not this\n", [("requests", "2.31.0")]),
    ("Metadata-Version: 2.1\r\nName: requests\r\nVersion: 2.31.0\r\n\r\nVersion: 3\r\n", [("requests", "2.31.0")]),
    ("License: MIT\n Name: not this\n        Version: 0\nName: x\nVersion: 1", [("x", "1")]),
    ("name: lower\nVERSION: 1\n", [("lower", "1")]),
    ("Name: x\n\nVersion: 1\n", []), ("Version: 1\n", []), ("Name:\nVersion: 1\n", []), ("", []), ("\n\n", [])])
@pytest.mark.parametrize("path", [METADATA, "/x/a.egg-info/PKG-INFO", "/x/a-1-py3.egg-info", "/a.egg/EGG-INFO/PKG-INFO"])
def test_what_python_installed(path, text, found):
    assert said(path, text.encode()) == found
    assert all(each.type == "python" for each in packages(path, text.encode()))


def test_metadata_of_another_encoding():
    assert said(METADATA, b"Name: caf\xe9\nVersion: 1\n") == [("caf\ufffd", "1")]


def jar(*entries, method=zipfile.ZIP_DEFLATED, **named):
    """The bytes of an archive; entries are (name, content) or pom(...)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in (*entries, *named.items()):
            archive.writestr(name, data)
    return file.getvalue()


def pom(artifact, version, group="org.example"):
    return (f"META-INF/maven/{group}/{artifact}/pom.properties",
            f"#Generated\n#Mon Jan 01\nversion={version}\ngroupId={group}\nartifactId={artifact}\n")


def manifest(**fields):
    return ("META-INF/MANIFEST.MF",
            "Manifest-Version: 1.0\r\n" + "".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in fields.items()) + "\r\n")


CLASS = ("org/example/Main.class", b"\xca\xfe\xba\xbe" + bytes(500))


@pytest.mark.parametrize("name, entries, found", [
    ("x-1.0.jar", [pom("x", "1.0"), CLASS], [("x", "1.0")]),
    ("app.jar", [manifest(), pom("x", "1.0")], [("x", "1.0")]),                       # renamed by COPY
    ("maven3-core.jar", [pom("maven-core", "3.8.7"), pom("y", "2")], [("maven-core", "3.8.7"), ("y", "2")]),
    ("geronimo-spec-1.3-api.jar", [pom("geronimo-spec_1.3_api", "1")], [("geronimo-spec_1.3_api", "1")]),
    # merged: others' poms, and its own name
    ("guice-4.2.3.jar", [manifest(Bundle_Version="4.2.3"), pom("cglib", "3.2")], [("cglib", "3.2"), ("guice", "4.2.3")]),
    ("app-1.jar", [pom("x", "1"), pom("y", "2")], [("x", "1"), ("y", "2"), ("app", "1")]),
    ("123.jar", [pom("x", "1"), pom("y", "2")], [("x", "1"), ("y", "2"), ("123", "")]),
    ("sisu-inject.jar", [pom("org.eclipse.sisu.inject", "0.3"), pom("y", "2")], [("org.eclipse.sisu.inject", "0.3"), ("y", "2")]),
    # no pom: the file's name, the manifest's version
    ("guava-31.1-jre.jar", [CLASS], [("guava", "31.1-jre")]),
    ("guava-31.1-jre.jar", [manifest(Bundle_Version="31.1.0.jre"), CLASS], [("guava", "31.1-jre")]),
    ("guava.jar", [manifest(Bundle_Version="31.1.0.jre")], [("guava", "31.1.0.jre")]),
    ("a.jar", [manifest(Implementation_Version="1", Bundle_Version="2", Specification_Version="3")], [("a", "1")]),
    ("git.jpi", [manifest(Plugin_Version="5.2.0")], [("git", "5.2.0")]),
    ("a.jar", [("META-INF/MANIFEST.MF", "Bundle-Ver\n sion: 1.2\n .3\n\nName: x\nImplementation-Version: 9\n")], [("a", "1.2.3")]),
    ("a.jar", [("META-INF/MANIFEST.MF", "Bundle-Ver\r\n sion: 1.2\r\n .3\r\n\r\nName: x\r\nImplementation-Version: 9\r\n")], [("a", "1.2.3")]),
    ("akka-actor_2.12-2.5.6.jar", [CLASS], [("akka-actor_2.12", "2.5.6")]),
    ("org.eclipse.osgi_3.18.0.v2022.jar", [CLASS], [("org.eclipse.osgi", "3.18.0.v2022")]),
    ("plain.jar", [CLASS], [("plain", "")]),
    ("x-1.0.jar", [pom("x", "${project.version}")], [("x", "")]),
    ("x-1.0.jar", [("META-INF/maven/a/b/pom.properties", "artifactId : x\nversion : 1.0\n")], [("x", "1.0")]),
])
def test_an_archive(name, entries, found):
    assert said(f"/app/{name}", jar(*entries)) == found
    assert said(f"/app/{name}", jar(*entries, method=zipfile.ZIP_STORED)) == found
    assert all(each.type == "java-archive" for each in packages(f"/{name}", jar(*entries)))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_archives_in_archives(method):
    inner = jar(pom("inner", "1"), CLASS, method=method)
    web = jar(pom("web", "2"), ("WEB-INF/lib/inner-1.jar", inner), ("WEB-INF/lib/other-3.jar", jar(CLASS)), method=method)
    data = jar(("web.war", web), CLASS, method=method)
    assert sorted(said("/whole-4.ear", data)) == [("inner", "1"), ("other", "3"), ("web", "2"), ("whole", "4")]


def test_an_archive_behind_a_script():
    data = b"#!/bin/sh\nexec java -jar $0\n" + jar(pom("boot", "1"), ("BOOT-INF/lib/x-2.jar", jar(CLASS)))
    assert said("/boot.jar", data) == [("x", "2"), ("boot", "1")]


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK", b"PK\5\6" + bytes(18), bytes(1000)])
def test_bytes_that_are_no_archive(data):
    assert packages("/x-1.jar", data) == ()


def test_deeply_nested_archives():
    data = jar(pom("deep", "1"))
    for level in range(2, 12):
        data = jar((f"level-{level}.jar", data))
    assert len(said("/top.jar", data)) == 5
    assert "deep" not in dict(said("/top.jar", data))


@pytest.fixture
def budget(monkeypatch):
    """The budget of the archive that the test reads."""
    made = java._Budget()
    monkeypatch.setattr(java, "_Budget", lambda: made)
    return made


@pytest.mark.parametrize("size, inner, count, left, reads", [
    (256 << 20, lambda: bytes(300_000_000), 1, (256 - 64) << 20, 1),    # a bomb
    (100_000, lambda: random.Random(1).randbytes(300_000), 1, 0, 1),
    (5_000_000, lambda: bytes(3_000_000), 4, 0, 2)])
def test_archives_inside_are_unpacked_up_to_a_limit(budget, size, inner, count, left, reads):
    budget.size = size
    assert said("/a-1.jar", jar(*((f"x-{n}.jar", inner()) for n in range(count)))) == [("a", "1")]
    assert (budget.size, budget.read) == (left, 10_000 - reads)


def test_an_archive_with_too_many_entries_is_known_by_its_name():
    data = jar(pom("x", "1"), ("many.bin", b"PK\1\2" * 100_001), method=zipfile.ZIP_STORED)
    assert said("/many-1.jar", data) == [("many", "1")]


def test_the_number_of_texts_is_limited(budget):
    budget.read = 3
    data = jar(*(pom(f"x{n}y", "1") for n in range(9)))
    assert len(said("/app-1.jar", data)) == 3 + 1


def test_unreadable_entries_are_skipped():
    data = bytearray(jar(pom("gone", "1"), pom("stays", "2"), method=zipfile.ZIP_STORED))
    at = data.index(b"version=1")
    data[at] ^= 0xFF   # its checksum fails
    assert said("/x-3.jar", bytes(data)) == [("stays", "2"), ("x", "3")]
    data = bytearray(jar(pom("locked", "1"), pom("stays", "2")))
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + flags] |= 1   # encrypted
    assert said("/x-3.jar", bytes(data)) == [("stays", "2"), ("x", "3")]


RELEASE = ('IMPLEMENTOR="Debian"\nJAVA_RUNTIME_VERSION="17.0.15+6-Debian-1deb12u1"\nJAVA_VERSION="17.0.15"\n'
           'MODULES="java.base java.xml"\nOS_NAME="Linux"\n')


@pytest.mark.parametrize("text, found", [
    (RELEASE, [("openjdk", "17.0.15+6-Debian-1deb12u1")]),
    ('JAVA_VERSION="1.8.0_392"\n', [("openjdk", "1.8.0_392")]),
    ("JAVA_VERSION=17\n", [("openjdk", "17")]), ("Debian GNU/Linux 12\n", []), ("", []), ("OS_NAME=Linux\n", [])])
def test_the_release_file_of_a_jdk(text, found):
    assert said("/opt/java/openjdk/release", text.encode()) == found


def holding(*texts):
    return make(kind=2, parts=((0x600000, b"\0".join((b"", *texts, b""))),))


@pytest.mark.parametrize("path, text, found", [
    ("/usr/local/bin/node", b"node.js/v20.18.1", ("node", "20.18.1")),
    ("/usr/local/bin/node", b"node.js/v23.0.0-rc.1", ("node", "23.0.0-rc.1")),
    ("/usr/local/bin/python3.12", b"3.12.1", ("python", "3.12.1")),
    ("/usr/local/bin/python3.12", b"3.12.0rc2", ("python", "3.12.0rc2")),
    ("/usr/local/lib/libpython3.11.so.1.0", b"/opt/python/versions/3.11.7", ("python", "3.11.7")),
    ("/usr/bin/python2.7", b"2.7.18", ("python", "2.7.18")),
    ("/usr/bin/python3.6m", b"3.6.15+", ("python", "3.6.15+")),
    ("/bin/busybox", b"BusyBox v1.36.1 (2023-11-07)", ("busybox", "1.36.1")),
    ("/bin/bash", b"@(#)Bash version 5.2.15(1) release GNU", ("bash", "5.2.15")),
    ("/usr/sbin/nginx", b"nginx version: nginx/1.22.1", ("nginx", "1.22.1")),
    ("/usr/bin/openssl", b"OpenSSL 3.0.15 3 Sep 2024", ("openssl", "3.0.15")),
    ("/usr/bin/openssl", b"OpenSSL 1.1.1w  11 Sep 2023", ("openssl", "1.1.1w")),
    ("/usr/local/bin/php", b"X-Powered-By: PHP/8.2.36", ("php", "8.2.36")),
    ("/usr/local/sbin/php-fpm8.2", b"X-Powered-By: PHP/8.2.36", ("php", "8.2.36")),
    ("/usr/lib/libruby-3.1.so.3.1.7", b"ruby 3.1.7p261 (2025-03-26 revision 0a3704f218)", ("ruby", "3.1.7")),
    ("/usr/local/apache2/bin/httpd", b"Apache/2.4.62 (Unix)", ("httpd", "2.4.62")),
    ("/usr/bin/memcached", b"memcached 1.6.18", ("memcached", "1.6.18")),
    ("/usr/lib/postgresql/15/bin/postgres", b"postgres (PostgreSQL) 15.20 (Debian)", ("postgresql", "15.20")),
    ("/usr/bin/perl5.36.0", b"v5.36.0", ("perl", "5.36.0"))])
def test_a_program_that_contains_its_version(path, text, found):
    assert packages(path, holding(b"before", text, b"after")) == (Package("binary", *found),)
    assert packages(path, text) == ()                     # a text that speaks of it is not the program
    assert packages(path, holding(b"before")) == ()       # nor is another program of that name
    assert packages("/usr/bin/other", holding(text)) == ()


@pytest.mark.parametrize("path, texts", [
    ("/usr/bin/python3.11", [b"3.12.1"]), ("/usr/bin/python3.11", [b"3.11"]), ("/usr/bin/python3.11", [b"13.11.2"]),
    ("/usr/bin/python3.11", [b"needs 3.11.2"]), ("/usr/bin/openssl", [b"OpenSSL legacy 3.0"]),
    ("/usr/bin/ruby", [b"for ruby 1.8"])])
def test_numbers_that_are_not_its_version(path, texts):
    assert packages(path, holding(*texts)) == ()


def test_a_program_s_name_may_occur_without_its_version():
    assert said("/usr/bin/openssl", holding(b"OpenSSL legacy", b"OpenSSL", b"OpenSSL 3.0.15 ")) == [("openssl", "3.0.15")]


def go_program(main):
    return make(kind=2, parts=((0x600000, go_record(b"go1.22.10", framed(main + b"\n"))),), section=".go.buildinfo")


def test_the_command_go_is_known_by_its_build_information():
    assert packages("/usr/local/go/bin/go", go_program(b"path\tcmd/go")) == (Package("binary", "go", "1.22.10"),)
    assert packages("/usr/local/go/bin/go", go_program(b"path\texample.org/go")) == ()
    assert packages("/usr/local/go/bin/go", holding(b"go1.22.10")) == ()
    assert packages("/usr/local/go/bin/other", go_program(b"path\tcmd/go")) == ()


SAMPLES = {
    STATUS: stanza("libc6", "2.36") + stanza("gone", "1", "deinstall ok config-files") + stanza("tzdata", "2024a"),
    "/var/lib/dpkg/status.d/base": stanza("base-files", "12", status=""),
    APK: ALPINE,
    "/x/package.json": json.dumps({"name": "@a/b", "version": "1.2.3", "deep": {"x": [1, 2, {"y": None}]}}).encode(),
    METADATA: b"Metadata-Version: 2.1\nName: x\nVersion: 1\nSummary: x\n\nText\n",
    "/opt/java/release": RELEASE.encode(),
    "/app/a-1.jar": jar(manifest(Bundle_Version="1"), pom("a", "1"), ("lib/b-2.jar", jar(pom("b", "2"), CLASS))),
    "/app/s-1.jar": jar(manifest(Bundle_Version="1"), pom("a", "1"), ("b.war", jar(pom("b", "2"))), method=zipfile.ZIP_STORED),
    "/usr/bin/openssl": holding(b"OpenSSL 3.0.15 3 Sep 2024"),
    "/usr/bin/python3.11": holding(b"3.11.2"), "/usr/local/go/bin/go": go_program(b"path\tcmd/go")}
each_sample = pytest.mark.parametrize("path", list(SAMPLES))


def sane(found):
    assert isinstance(found, tuple) and len(set(found)) == len(found) and all(each.name for each in found)
    json.dumps([asdict(each) for each in found], ensure_ascii=False).encode()


@each_sample
def test_a_sample_is_read(path):
    assert packages(path, SAMPLES[path])


@each_sample
def test_truncated_samples(path):
    for length in range(len(SAMPLES[path])):
        sane(packages(path, SAMPLES[path][:length]))


@each_sample
def test_random_damage(path):
    chance, whole = random.Random(path), SAMPLES[path]
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            data[chance.randrange(len(data))] = chance.choice((0, 10, 0xFF, 34, chance.randrange(256)))
        if chance.random() < 0.2:
            at = chance.randrange(len(data))
            data[at:at] = data[chance.randrange(len(data)):][:chance.randrange(200)]
        sane(packages(path, bytes(data)))


@each_sample
def test_the_bytes_of_something_else(path):
    for data in (b"", b"\0", b"\n" * 5000, b"\xff" * 5000, b"PK\3\4" * 2000, b"\x7fELF\x02\x01" * 500,
                 b"Package: x\n" * 500, b"{" * 5000, b": \n" * 2000):
        sane(packages(path, data))


def test_a_long_list_is_read_up_to_a_limit():
    data = b"".join(b"P:p%d\nV:1\n\n" % number for number in range(20_500))
    assert len(packages(APK, data)) == 20_000


@pytest.mark.parametrize("data, line, stands_for", [
    (b"#!/bin/sh\n", "/bin/sh", "sh"),
    (b"#!/bin/sh -e\necho\n", "/bin/sh -e", "sh"),
    (b"#! /usr/bin/perl -w\t\n", "/usr/bin/perl -w", "perl"),
    (b"#!\t/bin/bash", "/bin/bash", "bash"),
    (b"#!/usr/bin/env python3\n", "/usr/bin/env python3", "python3"),
    (b"#!/usr/bin/env -S python3 -u\n", "/usr/bin/env -S python3 -u", "python3"),
    (b"#!/usr/bin/env -Spython3 -u\n", "/usr/bin/env -Spython3 -u", "python3"),
    (b"#!/usr/bin/env --split-string=node --x\n", "/usr/bin/env --split-string=node --x", "node"),
    (b"#!/usr/bin/env -vS perl -w\n", "/usr/bin/env -vS perl -w", "perl"),
    (b"#!/usr/bin/env -S -i HOME=/ -u PATH /usr/bin/ruby -w\n", "/usr/bin/env -S -i HOME=/ -u PATH /usr/bin/ruby -w", "ruby"),
    (b"#!/usr/bin/env\n", "/usr/bin/env", "env"),
    (b"#!/bin/busybox sh\n", "/bin/busybox sh", "busybox"),
    (b"#!/bin/sh\r\n", "/bin/sh\r", "sh\r"),          # Linux looks for a program of that name
    (b"#!/bin/sh\0\0\0", "/bin/sh", "sh"),
    (b"#!python\n", "python", "python"),
    (b"#!/bin/sh " + b"x" * 400, "/bin/sh " + "x" * 245, "sh"),
    (b"#!/opt/\xff/sh\n", "/opt/\ufffd/sh", "sh"),
    (b"#!", "", ""), (b"#!\n/bin/sh", "", ""), (b"#!   \n", "", ""), (b"", "", ""), (b"#", "", ""),
    (b" #!/bin/sh\n", "", ""), (b"# !/bin/sh\n", "", ""), (b"\x7fELF", "", ""), (b"\xef\xbb\xbf#!/bin/sh\n", "", ""),
    (b"#![allow(dead_code)]\n", "", ""),
    (b"#!/" + b"x" * 400 + b"\n", "", ""),             # half a path: Linux refuses it
    (b"#!/" + b"x" * 251 + b"\n", "/" + "x" * 251, "x" * 251),
])
def test_scripts(data, line, stands_for):
    assert interpreter(data) == interpreter(memoryview(data)) == line
    assert program(line) == stands_for


def test_random_damage_to_a_script():
    chance = random.Random(3)
    for _ in range(3000):
        data = bytearray(b"#!/usr/bin/env -S python3 -u\nprint()\n")
        for _ in range(4):
            data[chance.randrange(len(data))] = chance.randrange(256)
        program(interpreter(bytes(data[:chance.randrange(len(data) + 1)]))).encode()


def test_no_reader_opens_a_file():
    """Bytes in, values out."""
    for path in (Path(formats.__file__).parent).glob("*.py"):
        assert not re.search(r"\b(?:os|pathlib|shutil|subprocess|socket|open)\b(?:\(|\.| import)",
                             path.read_text().replace("whole.open(", "")), path.name
