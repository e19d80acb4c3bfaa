"""A class's wrappers of Go's compiler and of crun, with programs that record their calls."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLEXEC = Path(__file__).resolve().parents[3] / "deploy" / "go-toolexec"


@pytest.fixture
def go(tmp_path):
    """go(tool, *words) runs a tool through the wrapper; `go.calls()` has the real calls."""
    (tmp_path / "kept").mkdir()
    shutil.copy(TOOLEXEC, tmp_path / "toolexec")
    for name in ("compile", "link"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\necho result > {tmp_path}/out\n'
                                     f'echo header > {tmp_path}/go_asm.h\n[ "$1" != -broken ]\n')
        (tmp_path / name).chmod(0o755)

    def call(tool, *words):
        return subprocess.run([tmp_path / "toolexec", tmp_path / tool, *words], cwd=tmp_path).returncode
    call.folder = tmp_path
    call.calls = lambda: (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    return call


RUNTIME = ("-o", "out", "-p", "runtime", "-std", "-buildid", "abc_-1/abc_-1", "-asmhdr", "go_asm.h", "a.go")


def test_a_package_of_the_standard_library_is_compiled_once(go):
    assert go("compile", *RUNTIME) == 0
    for name in ("out", "go_asm.h"):
        (go.folder / name).unlink()
    assert go("compile", *RUNTIME) == 0
    assert len(go.calls()) == 1
    assert [(go.folder / name).read_text() for name in ("out", "go_asm.h")] == ["result\n", "header\n"]


def test_other_input_is_compiled_again(go):
    go("compile", *RUNTIME)
    go("compile", *(word.replace("abc", "def") for word in RUNTIME))
    assert len(go.calls()) == 2


@pytest.mark.parametrize("tool, words, code", [
    ("compile", [word for word in RUNTIME if word != "-std"], 0),     # the learner's own package
    ("link", RUNTIME, 0), ("compile", ["-V=full"], 0), ("compile", ["-broken", *RUNTIME], 1)])
def test_other_calls_are_not_cached(go, tool, words, code):
    assert go(tool, *words) == go(tool, *words) == code
    assert len(go.calls()) == 2 and not os.listdir(go.folder / "kept")


def test_without_a_writable_cache_it_compiles(go):
    (go.folder / "kept").rmdir()    # root could write to a read-only folder
    assert go("compile", *RUNTIME) == 0 and (go.folder / "out").exists()


GO, SHELL = ("usr/local/go/bin/go",), ("bin/sh", "bin/cp")
BUILD = ["/bin/sh", "-c", "go build -o app"]


@pytest.fixture
def created(tmp_path):
    """created(programs, variables, args, mounts): the process in crun's config.json, and the root of a container with
    these programs. The wrapper's folder has a Go cache."""
    bundle, folder, root = tmp_path, tmp_path / "go", tmp_path / "root"
    for name, text in (("crun", f'#!/bin/sh\necho "$@" > {bundle}/called\n'), ("sleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (folder / "cache/ab").mkdir(parents=True)
    (folder / "cache/ab/ab12-d").write_text("compiled")
    shutil.copy(TOOLEXEC.with_name("go-crun"), folder / "crun")

    def create(programs, variables=("PATH=/bin",), args=("sh",), mounts=(), user=0):
        for program in programs:
            (root / program).parent.mkdir(parents=True, exist_ok=True)
            (root / program).touch(0o755)
        facts = {"process": {"user": {"uid": user, "gid": 0}, "env": [*variables], "args": [*args]}, "root": {"path": str(root)}, "mounts": [*mounts]}
        (bundle / "config.json").write_text(json.dumps(facts, separators=(",", ":")))
        subprocess.run([folder / "crun", "create", "--bundle", bundle, "name"], check=True,
                       env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert (bundle / "called").read_text() == f"create --bundle {bundle} name\n"
        return json.loads((bundle / "config.json").read_text())["process"], root

    return create


@pytest.mark.parametrize("programs, variables, expected", [
    (GO + SHELL, ["PATH=/bin"], ["GOFLAGS=-toolexec={place}/toolexec", "PATH=/bin"]),
    (GO + SHELL, ["PATH=/bin", "GOFLAGS=-mod=mod"], ["PATH=/bin", "GOFLAGS=-mod=mod"]),
    (GO, ["PATH=/bin"], ["PATH=/bin"]),      # a script would not run there: lesson 09, Dockerfile.single-small
    (SHELL, ["PATH=/bin"], ["PATH=/bin"])])
def test_only_containers_with_go_and_a_shell_get_the_wrapper(created, tmp_path, programs, variables, expected):
    process, _ = created(programs, variables)
    assert process["env"] == [each.format(place=tmp_path / "go") for each in expected]


@pytest.mark.parametrize("programs, args, found", [
    (GO + SHELL, BUILD, True), (GO, ["/usr/local/go/bin/go", "build", "-o", "app"], True),
    (GO + SHELL, ["/bin/sh", "-c", "cd x && go install ./..."], True),
    (GO + SHELL, ["/bin/sh", "-c", "go version"], False), (GO + SHELL, ["/bin/sh", "-c", "cargo build x"], False),
    (SHELL, BUILD, False)])
def test_a_first_go_build_gets_the_class_s_cache(created, programs, args, found):
    _, root = created(programs, args=args)
    assert (root / "root/.cache/go-build/ab/ab12-d").exists() == found


@pytest.mark.parametrize("args, variables, user, found", [
    (BUILD, ["HOME=/root"], 0, True), (BUILD, ["HOME=/home/ada"], 0, False), (BUILD, ["PATH=/bin"], 1000, False),
    (BUILD, ["GOCACHE=/cache"], 0, False), (BUILD, ["XDG_CACHE_HOME=/cache"], 0, False),
    (["/bin/sh", "-c", "GOCACHE=/cache go build"], ["PATH=/bin"], 0, False)])
def test_an_unused_cache_is_not_filled(created, args, variables, user, found):
    """Its files would stay in the layer."""
    _, root = created(GO + SHELL, variables, args, user=user)
    assert (root / "root").exists() == found


def test_a_cache_with_files_is_not_touched(created, tmp_path):
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    mounts = [{"destination": "/root/.cache/go-build", "type": "bind", "source": str(mounted)}]
    _, root = created(GO + SHELL, args=BUILD, mounts=mounts)
    assert [each.name for each in mounted.iterdir()] == ["ab"] and not (root / "root").exists()
    shutil.rmtree(mounted / "ab")
    (mounted / "own").touch()
    created(GO + SHELL, args=BUILD, mounts=mounts)
    assert [each.name for each in mounted.iterdir()] == ["own"]
