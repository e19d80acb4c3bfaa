"""Inventories of real images, against what programs inside them say of themselves:
find, dpkg-query, the loader, a shell's own search for its commands."""

import itertools
import json
import os
import re
import subprocess
import sys
from functools import cache

import pytest

from helpers import labels, paths
from helpers.container import run
from helpers.engine import backends
from helpers.errors import CourseError
from helpers.image import archive_reader, inspect
from helpers.inventory import inventory
from helpers.inventory.kinds import KIND_OF

DEBIAN, GOLANG = "debian:bookworm-slim", "golang:1.22"

# What an engine mounts or makes when a container starts, and what is below it.
AT_START = re.compile(r"/(?:proc|sys|dev)(?:/.*)?|/\.dockerenv|/run/\.containerenv|/etc/(?:hosts|hostname|resolv\.conf|mtab)", re.S)

# A layer each, and each a thing that a reader of layers can get wrong.
MESSY = rf"""FROM {DEBIAN}
RUN dpkg --purge --force-all mount && dpkg --remove --force-all tzdata apt
RUN mkdir -p /d/e /f /m && echo 1 > /d/a && echo 2 > /d/e/b && ln /d/a /d/hard && ln -s ../d/a /d/soft \
 && echo 1 > /f/x && ln /f/x /f/y && ln /f/x /f/z && echo old > /m/kept && echo old > /m/file && mkdir /m/dir && echo 1 > /m/dir/in
RUN rm -rf /d && mkdir /d && echo new > /d/c
RUN rm /f/x && rm -r /usr/share/doc && echo file > /usr/share/doc
RUN rm -r /m/dir /m/file && echo file > /m/dir && mkdir /m/file && echo 2 > /m/file/in && echo longer > /m/kept
RUN rm /usr/bin/perl /usr/bin/mawk && cp /bin/dash /usr/bin/mawk
RUN cp /bin/true /s && chmod 4755 /s && cp /bin/true /g && chmod 2711 /g && cp /bin/true /t && chmod 1700 /t \
 && cp /usr/bin/ldd /script && chmod 4755 /script && chmod u-s /usr/bin/chfn && chown 1000:1000 /usr/bin/chsh && chmod 2777 /tmp
RUN mkfifo /pipe && (mknod /node c 1 3 || true) && ln -s /nowhere /dangling && ln /dangling /dangling2 && ln -s / /root/top \
 && touch "/a b" '/c"d' "/$(printf 'bad\377name')" "/$(printf 'new\nline')" "/$(printf 'caf\303\251')" \
 && mkdir -p "/$(printf %0200d 1)/$(printf %0200d 2)"
"""
# cap_net_bind_service, written as the kernel keeps it.
_CAPABLE = "import os, struct; os.setxattr('/cap', 'security.capability', struct.pack('<5I', 0x2000001, 1024, 0, 0, 0))"
GOLESS = (f"FROM {GOLANG}\nRUN rm -rf /usr/local/go && mkdir /usr/local/go\n"
          f'RUN cp /bin/true /cap && python3 -c "{_CAPABLE}" && ln /cap /cap2\n')
# What stands on a base before the base: the layers of both are then read from one saved image.
EACH = pytest.mark.parametrize("name", ["messy", "debian", "golang",
                                         pytest.param("goless", marks=pytest.mark.nightly)])    # messy deletes, too


@pytest.fixture(scope="module", autouse=True)
def empty_cache(tmp_path_factory):
    """A cache of this module's own, empty at first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "cache", lambda folder=tmp_path_factory.mktemp("cache"): folder)
        yield


@pytest.fixture(scope="module")
def made(temporary, tmp_path_factory):
    """made(Dockerfile, context) builds an image, once, and gives its tag; `context` is (file, content) pairs."""
    @cache
    def make(text, files=()):
        context = tmp_path_factory.mktemp("context")
        for name, content in files:
            (context / name).write_bytes(content)
        return temporary(context, text=text).tag

    return make


@pytest.fixture(scope="module")
def images(made):
    """{name: reference} of images with find and dpkg-query in them."""
    return {"debian": DEBIAN, "golang": GOLANG, "messy": made(MESSY), "goless": made(GOLESS)}


def said(engine, image: str, script: str) -> bytes:
    """What a shell script prints in the image, to the byte: heard as it speaks, since the
    log of a container that has just ended may still lack the end."""
    api = engine.client.api
    container = api.create_container(
        image, ["-c", script], entrypoint=["sh"], user="0", labels=labels.marked(labels.RUN),
        host_config=api.create_host_config(network_mode="none"))["Id"]
    try:
        spoken = api.attach(container, stdout=True, stderr=False, stream=True)
        api.start(container)
        output = b"".join(spoken)
        assert api.wait(container)["StatusCode"] == 0
        return output
    finally:
        api.remove_container(container, force=True, v=True)


@EACH
def test_every_path_is_as_find_sees_it(engine, images, name):
    """Type, rights, owner, bytes of files, where links lead."""
    raw = said(engine, images[name], r"find / -xdev -printf '%p\0%y\0%m\0%s\0%l\0%U\0%G\0'")
    fields = raw.decode("utf-8", "surrogateescape").split("\0")[:-1]
    seen = {path: (kind, 0 if kind == "l" else int(mode, 8), int(size) if kind == "f" else 0, link, int(uid), int(gid))
            for path, kind, mode, size, link, uid, gid in zip(*[iter(fields)] * 7, strict=True)}
    tree = inventory(images[name], engine).tree
    files = {path: tree.origin(node) for path, node in tree.items()}
    ours = {path: (file.kind, 0 if file.kind == "l" else file.mode, file.size if file.kind == "f" else 0, file.link,
                   file.entries.uids[file.row], file.entries.gids[file.row]) for path, file in files.items()}
    seen, ours = ({path: facts for path, facts in each.items() if path != "/" and not AT_START.fullmatch(path)}
                  for each in (seen, ours))
    assert len(seen) > 2000
    assert {path: (seen.get(path), ours.get(path)) for path in seen.keys() | ours.keys()
            if seen.get(path) != ours.get(path)} == {}


def test_a_layer_on_the_engine_s_disk_is_what_docker_save_writes(engine, images):
    """To the byte: its digest says so."""
    owner = backends.owner(engine.host)
    digests = [layer.digest for layer in inspect(images["messy"], engine).layers]
    if not owner or engine.store != "overlay2":
        pytest.skip("this engine's layers are read as docker save writes them")
    read = [archive_reader.read_layer(owner.layer(digests[:index + 1]), digest) for index, digest in enumerate(digests)]
    saved = archive_reader.read(archive_reader.save(engine.client.api, images["messy"]))
    assert len(read) > 5 and [each.entries for each in read] == [saved[digest].entries for digest in digests]
    assert owner.layer([*digests, digests[-1]]) is None


@EACH
def test_setuid_programs_are_those_that_find_sees(engine, images, name):
    """But for a script, to which Linux gives no rights of its file."""
    found = inventory(images[name], engine)
    seen = said(engine, images[name], "find / -xdev -type f -perm -4000").decode().splitlines()
    scripts = [path for path in seen if found.programs[path].elf is None]
    assert scripts == (["/script"] if name == "messy" else [])
    assert sorted(set(seen) - set(scripts)) == list(found.setuid) != []


def test_what_was_done_to_the_files_of_a_base(engine, images):
    """What the layers of MESSY did, by name: what remains, and whose it is."""
    found = inventory(images["messy"], engine)
    layer = {path: found.layer(index).instruction for path, index in found.tree.layers().items()}
    assert "/d/a" not in layer and layer["/d/c"].startswith("RUN rm -rf /d")
    assert "/f/x" not in layer and found.tree.origin(found.tree["/f/z"]).path == "/f/y"
    perl, mawk = found.tool("perl5.36.0"), found.tool("mawk")
    assert (perl.name, perl.path, perl.layer < found.image.base_layers) == ("perl", "/usr/bin/perl5.36.0", True)
    assert mawk.path == "/usr/bin/mawk" and found.layer(mawk.layer).instruction.startswith("RUN rm /usr/bin/perl")
    assert "/s" in found.setuid and "/usr/bin/chfn" not in found.setuid
    privileged = {tool.path for tool in found.kind("privilege")}
    assert {"/s", "/g"} <= privileged and not {"/t", "/script"} & privileged
    assert not [path for path in layer if path.startswith("/usr/share/doc/")]
    hidden = {unseen.path for each in found.waste for unseen in each.files}
    assert {"/d/a", "/m/kept", "/usr/bin/mawk"} <= hidden and not {"/f/x", "/usr/bin/perl"} & hidden


def test_the_go_compiler_is_gone_and_still_shipped(engine, images):
    before, after = inventory(GOLANG, engine), inventory(images["goless"], engine)
    assert before.tool("go") and after.tool("go") is None and after.tool("gcc")
    assert after.image.unpacked >= before.image.unpacked
    go = sum(size for path, size, _ in before.listing() if path.startswith("/usr/local/go/"))
    assert after.wasted - before.wasted == go > 100_000_000


def test_file_capabilities(engine, images):
    """What GOLESS gives a file, and what the image itself lists."""
    listed = ("import os; print(*(w for d, _, f in os.walk('/usr') for w in [*(d + '/' + n for n in f), '/cap', '/cap2'] "
              "if os.path.isfile(w) and 'security.capability' in os.listxattr(w)))")
    seen = set(said(engine, images["goless"], f'python3 -c "{listed}"').decode().split())
    found = inventory(images["goless"], engine)
    ours = {way for node, _ in found.tree.under("capabilities") for way in found.tree
            if found.tree.origin(found.tree[way]).row == node.row and found.tree[way].layer == node.layer}
    assert seen == ours == {"/cap", "/cap2"}
    assert {"/cap"} == {tool.path for tool in found.kind("privilege")} - {
        tool.path for tool in inventory(GOLANG, engine).kind("privilege")}


@EACH
def test_debian_packages_are_those_of_dpkg(engine, images, name):
    told = said(engine, images[name], r"dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n'").decode()
    seen = sorted(line.split(" ")[1:] for line in told.splitlines() if line.startswith("installed "))
    found = inventory(images[name], engine)
    assert sorted([each.package.name, each.package.version] for each in found.packages
                  if each.package.type == "deb") == seen
    assert len(seen) > 80
    assert {each: found.package(each) is None for each in ("mount", "apt")} == dict.fromkeys(("mount", "apt"), name == "messy")


def test_a_package_came_with_what_installed_it(engine):
    found = inventory(GOLANG, engine)
    for name, brought in (("libc6", "ADD debian"), ("git", "RUN install_packages ca-certificates"),
                          ("gcc-12", "RUN install_packages g++")):
        assert found.layer(found.package(name).layer).instruction.startswith(brought)


@EACH
def test_a_shell_finds_the_same_commands(engine, images, name):
    """Each known name that a shell finds on its PATH is a tool here, of the same file; and
    what is on the PATH here by such a name, the shell finds."""
    script = (f'for name in {" ".join(KIND_OF)}; do way=$(command -v "$name") && '
              'case $way in /*) echo "$name $(readlink -f "$way")";; esac; done; true')
    seen = dict(line.split(" ") for line in said(engine, images[name], script).decode().splitlines())
    found = inventory(images[name], engine)
    seen = {name: found.tree.origin(found.tree[way]).path for name, way in seen.items()}
    folders = said(engine, images[name], "echo $PATH").decode().strip().split(":")
    ours = {way.rpartition("/")[2]: tool.path for tool in found.tools for way in tool.names
            if way.rpartition("/")[0] in folders}
    assert {name: way for name, way in ours.items() if name in KIND_OF} == seen
    assert len(seen) > 5


@pytest.mark.parametrize("name", ["golang", "messy"])
def test_libraries_are_those_that_the_loader_finds(engine, images, name):
    found = inventory(images[name], engine)
    programs = [path for path, program in found.programs.items()
                if program.elf and program.elf.interpreter and re.match(r"/(?:usr/)?s?bin/", path)]
    loader, = {found.programs[path].elf.interpreter for path in programs}
    told = said(engine, images[name], f"for each in {' '.join(programs)}; do echo $each; {loader} --list $each; done; true")
    lines = told.decode().splitlines()
    starts = [at for at, line in enumerate(lines) if line in programs]
    assert [lines[at] for at in starts] == programs and len(programs) > 100
    for at, end in itertools.pairwise([*starts, len(lines)]):
        pairs = dict(re.findall(r"^\s+(\S+) => (\S+|not found)", "\n".join(lines[at + 1:end]), re.M))
        needs = found.needs(lines[at])
        missing = {name for name, place in pairs.items() if place == "not"}
        places = {name: found.tree.origin(found.tree.resolve(place)).path for name, place in pairs.items()
                  if name not in missing and name != loader}
        assert (lines[at], needs.found, set(needs.missing)) == (lines[at], places, missing)


GREET = (("greet.c", b'#include <stdio.h>\nvoid greet(void) { puts("hello"); }\n'),
         ("main.c", b"void greet(void);\nint main(void) { greet(); return 0; }\n"))
GREETING = (f"FROM {GOLANG} AS built\nWORKDIR /w\nCOPY greet.c main.c ./\n"
            "RUN gcc -shared -fPIC -Wl,-soname,libgreet.so -o libgreet.so greet.c && gcc -o main main.c -L. -lgreet"
            " && gcc -o own main.c -L. -lgreet '-Wl,-rpath,$ORIGIN/../local/lib' && gcc -static -o alone main.c greet.c\n"
            f"FROM {DEBIAN}\nCOPY --from=built /w/main /w/own /w/alone /usr/bin/\n"
            "COPY --from=built /w/libgreet.so /usr/local/lib/\n")


@pytest.mark.parametrize("name", ["main", "own", "alone"])
@pytest.mark.parametrize("more", ["", "RUN ldconfig\n", "RUN rm /usr/local/lib/libgreet.so\n", "RUN rm /etc/ld.so.cache\n"],
                         ids=["copied", "listed", "deleted", "no cache"])
def test_a_program_runs_where_all_that_it_needs_is_found(engine, made, name, more):
    tag = made(GREETING + more, GREET)
    needs = inventory(tag, engine).needs(f"/usr/bin/{name}")
    assert starts(engine, tag, f"/usr/bin/{name}") == (not needs.missing)
    assert (needs.loader == "") == (name == "alone")


def starts(engine, image: str, program: str) -> bool:
    try:
        return run(image, [program], engine=engine).exit_code == 0
    except CourseError:     # some engines say so at once
        return False


def test_an_image_on_scratch_has_an_inventory_though_nothing_runs_in_it(engine, made):
    tag = made(GREETING.partition(f"FROM {DEBIAN}")[0] + "FROM scratch\nCOPY --from=built /w/alone /w/main /\n", GREET)
    with pytest.raises(CourseError, match="not in the image"):
        run(tag, ["find", "/"], engine=engine)
    found = inventory(tag, engine)
    assert {path for path, _, _ in found.listing()} == set(found.programs) == {"/alone", "/main"}
    assert found.tools == found.packages == found.setuid == () and found.os == ""
    assert run(tag, ["/alone"], engine=engine).output == "hello\n" and found.needs("/alone").missing == ()
    assert not starts(engine, tag, "/main")
    assert found.needs("/main").missing == ("/lib64/ld-linux-x86-64.so.2", "libgreet.so", "libc.so.6")


def asked(engine, home, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "helpers", *words], capture_output=True, text=True,
                          env={**os.environ, "DOCKER_HOST": engine.host, "MULTISTAGE_HOME": str(home)})


def test_the_command_line_says_the_same(engine, images, tmp_path):
    done = asked(engine, tmp_path, "inventory", images["messy"], "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert facts == inventory(images["messy"], engine).facts()
    done = asked(engine, tmp_path, "compare", DEBIAN, images["messy"], "--json", "--png", str(tmp_path / "a.png"))
    seen = json.loads(done.stdout)
    assert done.returncode == 0 and (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert seen["images"][1] == {**facts, "unique": seen["images"][1]["unique"]}
    assert seen["only_in"][DEBIAN]["packages"] == ["apt", "mount", "tzdata"]


def test_an_image_that_is_not_there(engine, tmp_path):
    for words in (["inventory", "course-test:no-such-image"], ["compare", DEBIAN, "course-test:no-such-image"]):
        done = asked(engine, tmp_path, *words, "--json")
        answer = json.loads(done.stdout)
        assert (done.returncode, answer["ok"], answer["error"]["kind"]) == (1, False, "ImageNotFound")
        assert "course-test:no-such-image" in answer["error"]["message"] and answer["error"]["remedy"]
        assert "Traceback" not in done.stderr
