"""Podman without privileges, before it is started."""

import json
import os
import struct
import subprocess
import sys
import tomllib

import pytest

from helpers.container.running import podman_lacks
from helpers.engine import backends
from helpers.engine.backends import DOCKERD as dockerd
from helpers.engine.backends import PODMAN as podman
from helpers.engine.podman import backend, launcher, namespaces, seccomp, settings
from helpers.errors import EngineUnreachable, NoEngine

ERRNO_0, ALLOW = 0x00050000, 0x7FFF0000
X86, ARM, I386 = 0xC000003E, 0xC00000B7, 0x40000003


def answer(text, architecture, number):
    """The filter's result for a system call."""
    lines = list(struct.iter_unpack("=HBBI", text))
    at = value = 0
    while True:
        code, true, false, constant = lines[at]
        at += 1
        if code == 0x20:
            value = {0: number, 4: architecture}[constant]
        elif code == 0x15:
            at += true if value == constant else false
        else:
            assert code == 0x06
            return constant


@pytest.mark.parametrize("machine, architecture, faked, real", [
    ("x86_64", X86, {"chown": 92, "fchownat": 260, "setgroups": 116, "setresuid": 117, "lchown": 94, "setfsgid": 123},
     {"read": 0, "chmod": 90, "setpgid": 109, "mount": 165}),
    ("aarch64", ARM, {"fchownat": 54, "fchown": 55, "setgroups": 159, "setregid": 143}, {"read": 63, "faccessat": 48})])
def test_the_filter_fakes_these_calls_and_no_others(machine, architecture, faked, real):
    text = seccomp.program(machine)
    assert {answer(text, architecture, number) for number in faked.values()} == {ERRNO_0}
    assert {answer(text, architecture, number) for number in real.values()} == {ALLOW}
    chosen = {number for number in range(500) if answer(text, architecture, number) == ERRNO_0}
    assert len(chosen) == len(seccomp._FAKED[machine][1])
    assert answer(text, I386, next(iter(faked.values()))) == ALLOW   # another table of calls
    assert seccomp.known(machine) and not seccomp.known("m68k")


@pytest.mark.skipif(sys.platform != "linux" or not seccomp.known(), reason="takes Linux")
def test_the_filter_in_this_kernel(tmp_path):
    """In a separate process, since a filter is permanent."""
    code = ("import os, sys\nfrom helpers.engine.podman import seccomp\nseccomp.install()\n"
            "os.chown(sys.argv[1], 4_000, 4_000)\nos.setgroups([1, 2, 3])\nprint(os.stat(sys.argv[1]).st_uid)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, str(os.getuid())), done.stderr


@pytest.mark.parametrize("table, found", [
    ("", None), ("other:100000:65536", None), ("{uid}:100000:65536", (100000, 65536)),
    ("{uid}:100000:1000", None), ("{uid}:1:70000\n{uid}:100000:200000\n", (100000, 200000)), ("{uid}:x:65536", None)])
def test_subordinate_ids(table, found):
    assert launcher.subordinate(table.format(uid=4711), 4711) == found


def test_a_user_is_found_by_name_too():
    import pwd

    assert launcher.subordinate(f"{pwd.getpwuid(os.getuid()).pw_name}:5:65536", os.getuid()) == (5, 65536)


def test_each_kind_of_store_has_its_folder(tmp_path, monkeypatch):
    roots = set()
    for store in ("vfs", "overlay", "fuse-overlayfs"):
        for ids in launcher.IDS:
            options = settings.storage(tmp_path, store, ids)
            roots.add(options[options.index("--root") + 1])
            assert options[1] == ("vfs" if store == "vfs" else "overlay")
            assert ("--storage-opt" in options) == (store == "fuse-overlayfs")
            assert len(options[options.index("--runroot") + 1]) <= 50   # Podman's own limit
    assert len(roots) == 6


def test_a_shared_store_of_the_same_kind_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_SHARED", str(tmp_path / "shared"))
    other = tmp_path / "shared" / "state" / "podman" / "data-overlay-one"
    assert not any("additionalimagestore" in each for each in settings.storage(tmp_path, "overlay", "one"))
    other.mkdir(parents=True)
    assert f"additionalimagestore={other}" in settings.storage(tmp_path, "overlay", "one")
    for store, ids in (("vfs", "one"), ("overlay", "many")):    # of another kind, or with other owners
        assert not any("additionalimagestore" in each for each in settings.storage(tmp_path, store, ids))


def test_a_class_shares_gos_compiled_standard_library(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    monkeypatch.setenv("MULTISTAGE_SHARED", str(shared))
    settings.write(tmp_path)
    assert "runtimes" not in (tmp_path / "containers.conf").read_text()
    (shared / "go").mkdir(parents=True)
    settings.write(tmp_path)
    assert settings.go() == shared / "go"
    found = tomllib.loads((tmp_path / "containers.conf").read_text())["engine"]
    assert found["runtime"] == "crun" and found["runtimes"] == {"crun": ["/proc/driver/crun"]}


def test_the_launcher_does_not_import_the_sdk():
    code = "import sys, helpers.engine.podman.launcher; print([each for each in ('docker', 'requests') if each in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("writable", [True, False])
def test_a_read_only_var_tmp_is_mounted_over(monkeypatch, writable):
    mounted = []
    monkeypatch.setenv("TMPDIR", "/engine/tmp")
    monkeypatch.setattr(launcher, "enter", lambda ids: None)
    monkeypatch.setattr(launcher.os, "access", lambda place, how: writable)
    monkeypatch.setattr(launcher, "_mount", lambda source, target, *_: mounted.append((source, target)))
    monkeypatch.setattr(launcher.os, "execvp", lambda *_: None)
    for name in ("_CONTAINERS_USERNS_CONFIGURED", "_CONTAINERS_ROOTLESS_UID", "_CONTAINERS_ROOTLESS_GID"):
        monkeypatch.setenv(name, "")
    launcher.main(["run", "many", "podman"])
    assert mounted == ([] if writable else [("/engine/tmp", "/var/tmp")])


def test_concurrent_probes_do_not_interfere(tmp_path, monkeypatch):
    """Else one would choose another store, without the images of this one."""
    found = []

    def mount(source, target, *_):
        os.mkdir(f"{target}/full")   # as if the folders below were seen there
        if not found:                # in the middle of this probe another begins and ends
            found.append(None)
            found.append(launcher._overlays(tmp_path))
    monkeypatch.setattr(launcher, "_mount", mount)
    monkeypatch.setattr(launcher, "_unmount", lambda target: None)
    assert launcher._overlays(tmp_path) and found == [None, True]
    assert os.listdir(tmp_path) == []


def test_the_users_own_podman_is_not_touched(tmp_path):
    settings.write(tmp_path)
    outer = {"HOME": "/home/ada", "PATH": "/bin", "XDG_RUNTIME_DIR": "/run/user/7", "XDG_DATA_HOME": "/home/ada/d",
             "CONTAINER_HOST": "ssh://far", "DOCKER_HOST": "tcp://x", "LANG": "C"}
    inner = settings.environment(tmp_path, outer)
    assert not [name for name, value in inner.items() if "ada" in value or "/run/user" in value]
    assert "CONTAINER_HOST" not in inner and "DOCKER_HOST" not in inner and inner["LANG"] == "C"
    for name in ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF"):
        assert os.path.isfile(inner[name])
    assert json.loads((tmp_path / "home/.config/containers/policy.json").read_text())


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    monkeypatch.setattr(backend, "_good", {})


def test_without_podman_it_says_how_to_get_it(home, monkeypatch):
    monkeypatch.setattr(backend, "_PATH", "/nonexistent")
    why = podman.obstacle()
    assert "not installed" in why and "apt-get install podman" in why and "conda-forge" in why
    assert not podman.can_start()
    with pytest.raises(NoEngine) as caught:
        podman.start()
    assert caught.value.why == why and not home.exists()


@pytest.fixture
def installed(home, monkeypatch):
    monkeypatch.setattr(backend.shutil, "which", lambda name, path=None: f"/bin/{name}")
    return home


def test_both_kinds_of_ids_are_probed_and_the_first_that_works_is_used(installed, monkeypatch):
    asked = []

    def launched(words, timeout):
        asked.append(words[1])
        return {"ok": words[1] == "one", "store": "vfs", "why": f"no {words[1]}"}

    monkeypatch.setattr(backend, "_launched", launched)
    assert podman.obstacle() == "" and podman.obstacle() == ""
    assert asked == ["many", "one"]   # and remembered
    assert podman._probed()["ids"] == "one"
    assert (installed / "state/podman").stat().st_mode & 0o777 == 0o700


def test_if_neither_works_the_last_reason_is_reported_and_it_is_probed_again(installed, monkeypatch):
    said = iter(["a", "no namespace", "c", "no mount"])
    monkeypatch.setattr(backend, "_launched", lambda words, timeout: {"ok": False, "why": next(said)})
    assert podman.obstacle() == "Podman does not work here: no namespace."
    assert podman.obstacle() == "Podman does not work here: no mount."


@pytest.mark.parametrize("commands, result", [
    ([[sys.executable, "-c", "import sys; sys.exit('broken')"]], {"ok": False, "why": "broken"}),
    ([["sleep", "9"], ["echo", '{"ok": true}']], {"ok": True})], ids=["no JSON", "timeout"])
def test_a_probe_fails_without_json_and_is_repeated_after_a_timeout(monkeypatch, commands, result):
    monkeypatch.setattr(backend, "_launch_command", lambda words: commands.pop(0))
    assert backend._launched(["probe"], [10] if len(commands) == 1 else [0.05, 10]) == result


def test_a_probe_that_times_out_does_not_rule_podman_out(installed, monkeypatch):
    """Else a session of a busy class would silently get a slower engine."""
    monkeypatch.setattr(backend, "_launch_command", lambda words: ["sleep", "9"])
    monkeypatch.setattr(backend, "_PROBE_SECONDS", (0.05, 0.1))
    with pytest.raises(EngineUnreachable, match="could not find out"):
        podman.can_start()


def test_another_users_folder_is_not_used(home, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(PermissionError, match="another user"):
        podman._make_folder()


@pytest.mark.parametrize("note", ["", "nonsense", "[]", '{"pid": "x"}', '{"pid": 4194304}'])
def test_an_unreadable_note_means_no_engine(home, note):
    podman.folder().mkdir(parents=True)
    (podman.folder() / "service.json").write_text(note)
    assert not podman.running() and podman.stop() is False and podman.rung() == "podman-one-id"


def test_another_process_with_the_number_of_a_dead_engine_is_left_alone(home):
    podman.folder().mkdir(parents=True)
    (podman.folder() / "service.json").write_text(json.dumps({"pid": os.getpid(), "ids": "many"}))
    assert podman.rung() == "podman" and not podman._pid()
    assert podman.stop() is False   # and this test goes on


def test_a_process_outside_the_engines_namespace_is_never_ended(home, spawn):
    """For example a kernel or editor with a path below the folder in its arguments."""
    podman.folder().mkdir(parents=True)
    near = spawn(sys.executable, "-c", "import time; time.sleep(30)", f"{podman.folder()}/podman.log")
    podman.stop()
    assert near.poll() is None


@pytest.mark.parametrize("line, ours", [
    ("971 767 0:109 / / rw,relatime - overlay overlay rw,lowerdir=/opt/l/X,upperdir=/home/ada/podman/data/1/diff", True),
    ("971 767 0:42 /home/ada/podman/data-vfs-one/vfs/dir/1 / rw - ext4 /dev/vda rw", True),
    ("971 767 0:109 / / rw - overlay overlay rw,upperdir=/home/ada/other/diff", False),
    ("971 767 0:109 / /home/ada/podman/data/1/merged rw - overlay overlay rw,upperdir=/home/ada/podman/data/1/diff", False),
    ("972 971 254:0 /home/ada/podman/tmp/hosts /etc/hosts rw - ext4 /dev/vda rw", False)])
def test_the_command_of_a_run_is_recognized_by_its_root_alone(line, ours):
    """A browser's sandbox also sees the engine's mounts, and must not be ended."""
    assert namespaces.rooted(f"960 1 0:9 / /proc rw - proc proc rw\n{line}\n".encode(), b"/home/ada/podman/") is ours


def test_nothing_in_the_sessions_own_namespace_is_ended(home):
    assert namespaces.inside({namespaces.namespace("self"), None}, podman.folder()) == []


def test_engines_are_distinguished_by_their_address(home):
    assert backends.owner(dockerd.host()) is dockerd and backends.owner(podman.host()) is podman
    assert backends.owner("unix:///var/run/docker.sock") is None
    assert len({engine.host() for engine in backends.ENGINES}) == len(backends.ENGINES)


LACKS = ("Error: crun: executable file `bash` not found in $PATH: No such file or directory: OCI runtime "
         "attempted to invoke a command that was not found\n")
LOST = "Error: read unixpacket @->/proc/self/fd/13/attach: read: connection reset by peer\n"


@pytest.mark.parametrize("output, code, lacks", [
    (LACKS + LOST, 127, True), (LOST + LACKS, 127, True), (LACKS, 0, True), (LOST, 127, True), ("", 127, True),
    ("sh: 1: cc: not found\n", 127, False), ("", 0, False), (LOST, 1, False), ("one\ntwo\n" + LACKS, 1, False)])
def test_a_missing_program_is_distinguished_from_one_that_fails(output, code, lacks):
    assert podman_lacks(output, code) is lacks
