"""What stands before Go's compiler and before crun in a class, with programs that write down each call."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLEXEC = Path(__file__).resolve().parents[3] / "deploy" / "go-toolexec"


@pytest.fixture
def go(tmp_path):
    """go(tool, *words) calls a tool through it; what was called for real is in `go.calls`."""
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


def test_what_goes_in_decides(go):
    go("compile", *RUNTIME)
    go("compile", *(word.replace("abc", "def") for word in RUNTIME))
    assert len(go.calls()) == 2


def test_the_learners_own_package_is_compiled_each_time(go):
    own = tuple(word for word in RUNTIME if word != "-std")
    assert go("compile", *own) == go("compile", *own) == 0
    assert len(go.calls()) == 2 and not os.listdir(go.folder / "kept")


def test_other_tools_and_questions_pass(go):
    go("link", *RUNTIME)
    go("compile", "-V=full")
    assert len(go.calls()) == 2 and not os.listdir(go.folder / "kept")


def test_a_failure_is_not_kept(go):
    assert go("compile", "-broken", *RUNTIME) == 1
    assert not os.listdir(go.folder / "kept")


def test_who_may_only_read_keeps_nothing(go):
    (go.folder / "kept").rmdir()    # as root may write everywhere
    assert go("compile", *RUNTIME) == 0 and (go.folder / "out").exists()


GO, SHELL = ("usr/local/go/bin/go",), ("bin/sh", "bin/cp")


@pytest.mark.parametrize("programs, variables, expected", [
    (GO + SHELL, ["PATH=/bin"], ["GOFLAGS=-toolexec={place}/toolexec", "PATH=/bin"]),
    (GO + SHELL, ["PATH=/bin", "GOFLAGS=-mod=mod"], ["PATH=/bin", "GOFLAGS=-mod=mod"]),
    (GO, ["PATH=/bin"], ["PATH=/bin"]),      # a script would not run there: lesson 09, Dockerfile.single-slim
    (SHELL, ["PATH=/bin"], ["PATH=/bin"])])
def test_only_a_container_with_go_and_a_shell_is_handed_it(tmp_path, programs, variables, expected):
    (tmp_path / "crun").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n')
    (tmp_path / "crun").chmod(0o755)
    for program in programs:
        (tmp_path / "root" / program).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / program).touch(0o755)
    facts = {"process": {"env": variables, "cwd": "/"}, "root": {"path": f"{tmp_path}/root"}, "hostname": "x"}
    (tmp_path / "config.json").write_text(json.dumps(facts, separators=(",", ":")))
    own = TOOLEXEC.with_name("go-crun")
    subprocess.run([own, "create", "--bundle", tmp_path, "name"], check=True,
                   env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    found = json.loads((tmp_path / "config.json").read_text())
    assert found["process"]["env"] == [each.format(place=own.parent) for each in expected]
    assert (tmp_path / "called").read_text() == f"create --bundle {tmp_path} name\n"
