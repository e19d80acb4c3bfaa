"""What names the shared library to a container with Go, with a runc that writes down its call."""

import json
import os
import subprocess

import pytest

from helpers.engine import network
from tests import go_library

GO, SHELL = "usr/local/go/bin/go", ("bin/sh", "bin/cp")


@pytest.fixture
def runc(tmp_path, monkeypatch):
    """runc(process=..., has=..., env=...) calls it for a bundle with these programs, and returns the configuration that
    the real runc finds."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/runc").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n')
    (tmp_path / "real/runc").chmod(0o755)
    monkeypatch.setattr(network, "PATH", f"{tmp_path}/real")

    def call(process=os.getpid(), has=(GO, *SHELL), env=("PATH=/bin",)):
        go_library.share(tmp_path, process)
        for program in has:
            (tmp_path / "root" / program).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "root" / program).touch(0o755)
        facts = {"process": {"env": list(env), "cwd": "/"}, "root": {"path": f"{tmp_path}/root"},
                 "mounts": [{"destination": "/dev"}, {"destination": "/dev/pts"}]}
        (tmp_path / "config.json").write_text(json.dumps(facts, separators=(",", ":")))
        subprocess.run([tmp_path / "bin/runc", "create", "--bundle", tmp_path, "name"], check=True)
        assert (tmp_path / "called").read_text() == f"create --bundle {tmp_path} name\n"
        return json.loads((tmp_path / "config.json").read_text())
    call.folder = tmp_path
    return call


def test_a_container_with_go_has_it_after_dev(runc):
    config = runc()
    assert config["process"]["env"] == ["GOFLAGS=-toolexec=/dev/go-library/toolexec", "PATH=/bin"]
    assert [each["destination"] for each in config["mounts"]] == ["/dev", "/dev/go-library", "/dev/pts"]
    assert config["mounts"][1]["source"] == str(runc.folder / "go")
    assert os.access(runc.folder / "go/toolexec", os.X_OK) and (runc.folder / "go/kept").stat().st_mode & 0o7777 == 0o1777


@pytest.mark.parametrize("what", [{"has": SHELL}, {"has": (GO, "bin/cp")}, {"has": (GO, "bin/sh")},
                                  {"env": ("GOFLAGS=-mod=mod",)}, {"process": 2 ** 22 + 1}],
                         ids=["no Go", "no shell", "no cp", "flags of its own", "the run is over"])
def test_others_are_left_alone(runc, what):
    config = runc(**what)
    assert config["process"]["env"] == list(what.get("env", ("PATH=/bin",))) and len(config["mounts"]) == 2


def test_an_engine_that_was_never_started_gets_no_folder(tmp_path):
    go_library.share(tmp_path / "engine", os.getpid())
    assert not (tmp_path / "engine").exists()
